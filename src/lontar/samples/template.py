"""Slots in templates, filled from a lexicon: `{place}` draws one, `{place2}` another, `{place.to}` its form "to".

A lexicon entry is a word, or a mapping of forms for languages that inflect (the first form is the plain one). Within
one text a slot keeps the value it drew.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence

Word = str | Mapping[str, str]
Lexicon = Mapping[str, Sequence[Word]]

# Where a sentence begins: at the start, after a full stop, and after a colon and a quotation mark.
_SENTENCE_START = re.compile(r"(\A[\"“「]?|[.!?…]\s+[\"“]?|:\s*[\"“])(\w)")
_SLOT = re.compile(r"\{([a-z_]+)([0-9]?)(?:\.([a-z_]+))?\}")


def slots(template: str) -> list[tuple[str, str, str]]:
    """Each slot of a template as (kind, number, form)."""
    return _SLOT.findall(template)


def problems(template: str, lexicon: Lexicon) -> list[str]:
    """What is wrong with a template: unknown kinds, forms that not every word has, stray braces."""
    found = []
    for kind, _, form in slots(template):
        if kind not in lexicon:
            found.append(f"{template!r}: the lexicon has no {kind!r}")
        elif form and not all(isinstance(word, Mapping) and form in word for word in lexicon[kind]):
            found.append(f"{template!r}: not every {kind!r} has the form {form!r}")
    if set(_SLOT.sub("", template)) & set("{}"):
        found.append(f"{template!r}: a brace outside a slot")
    return found


def plain(word: Word) -> str:
    """The plain form of a word."""
    return word if isinstance(word, str) else next(iter(word.values()))


class Draw:
    """The values of one text: the same slot gives the same word, differently numbered slots different words."""

    def __init__(self, lexicon: Lexicon, rng: random.Random) -> None:
        self._lexicon, self._rng = lexicon, rng
        self._drawn: dict[tuple[str, str], Word] = {}

    def word(self, kind: str, number: str = "") -> Word:
        """The word of a slot."""
        if (kind, number) not in self._drawn:
            taken = {plain(word) for (other, _), word in self._drawn.items() if other == kind}
            free = [word for word in self._lexicon[kind] if plain(word) not in taken]
            self._drawn[kind, number] = self._rng.choice(free or list(self._lexicon[kind]))
        return self._drawn[kind, number]

    def fill(self, template: str) -> str:
        """The template with every slot filled."""
        return _SLOT.sub(lambda m: self._form(m[1], m[2], m[3]), template)

    def _form(self, kind: str, number: str, form: str | None) -> str:
        word = self.word(kind, number)
        return word[form] if form and isinstance(word, Mapping) else plain(word)


def sentence_case(text: str) -> str:
    """The text with a capital where a sentence begins, which may be with a filled slot."""
    return _SENTENCE_START.sub(lambda m: m[1] + m[2].upper(), text)


def reserved(parts: Iterable[str], one_in: int) -> bool:
    """Is this combination kept for held-out text? By hash, so the same whatever the seed: about one in `one_in`."""
    digest = hashlib.sha256("\0".join(["reserved", *parts]).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % one_in == 0

"""What surrounds a text on a web page: navigation, cookie banners, footers.

A table of stock phrases (`boilerplate.yaml`, all languages at once, since pages mix them) and one measure: the share
of letters and digits that stand in them. Short lines alone prove nothing: poems, lists and dialogues have them too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from lontar.core.config import load_yaml
from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language
from lontar.text import letters_form, script_of

# What stands between the entries of a menu. Letters and marks are never among them.
_SEPARATORS = re.compile(r"[|¦›»«‹•·●▪>→/\n\t]|\s[-–—]\s")
_SYMBOLS = re.compile(r"[©®™]")


@corpus_filter("boilerplate")
def boilerplate(doc: Document, lang: Language, /, *, max_share: float = 0.3) -> str | None:
    """Drop documents in which more than this share of letters and digits stands in stock phrases of web pages."""
    total = len(letters_form(doc.text))
    return "boilerplate" if total and stock_letters(doc.text) > max_share * total else None


def stock_letters(text: str) -> int:
    """Letters, marks and digits in menu entries that stand alone and in phrases of notices."""
    menu, notices = _table()
    squeezed = _squeezed(text)
    # A look for each phrase as it stands is ten times as fast as one pattern of all: most texts hold none.
    present = _pattern(tuple(phrase for phrase, form in notices if form in squeezed))
    found = 0
    for segment in _SEPARATORS.split(_SYMBOLS.sub(" ", text)):
        folded = " ".join(segment.casefold().split())
        if folded in menu:
            found += len(letters_form(folded))
        elif present is not None:
            found += sum(len(letters_form(match[0])) for match in present.finditer(folded))
    return found


def _squeezed(text: str) -> str:
    return "".join(text.casefold().split())


@lru_cache(maxsize=1)
def _table() -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Menu entries; and notices, longer ones first, each with its form without spaces."""
    value = load_yaml(Path(__file__).with_suffix(".yaml")).value
    blocks = [block for block in value.values() if isinstance(block, dict)] if isinstance(value, dict) else []
    menu, notices = (
        {" ".join(str(phrase).casefold().split()) for block in blocks for phrase in _list(block[kind])}
        for kind in ("menu", "notice")
    )
    ordered = sorted(notices, key=lambda phrase: (-len(phrase), phrase))
    return frozenset(menu), tuple((phrase, _squeezed(phrase)) for phrase in ordered)


@lru_cache(maxsize=256)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(_bounded, phrases))) if phrases else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _bounded(phrase: str) -> str:
    """A pattern of a phrase: whole words where it is in the Latin script, spaces optional where it is not."""
    latin = [script_of(char) == "Latin" for char in phrase if char.isalpha()]
    spaces = " " if all(latin) else r"\s?"
    first, last = (rf"(?<!{_LATIN})" if latin[0] else ""), (rf"(?!{_LATIN})" if latin[-1] else "")
    return first + spaces.join(map(re.escape, phrase.split())) + last


# Not \w: between 使用 and cookie there is no space.
_LATIN = "[0-9a-z\u00df-\u024f\u1e00-\u1eff]"

"""Raw items of a task and the pure functions that build what is asked from them.

A builder takes one item and gives none, one or several: it cuts a document into passages, hides the second half of a
sentence, makes a wrong choice from a right one. It draws from the random numbers it is handed, which depend on the task
and the item alone, so every model, run and machine is asked the same.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lontar.core.config import JsonValue
from lontar.core.registry import Registry
from lontar.languages import Language


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a source. `fields` can be named in the templates of a task; `text` and `id` always can."""

    id: str
    lang: str
    text: str = ""
    group: str = ""
    fields: Mapping[str, JsonValue] = field(default_factory=dict)

    def having(self, **fields: JsonValue) -> Item:
        """A copy with more fields."""
        return replace(self, fields={**self.fields, **fields})


class Builder(Protocol):
    """What a builder looks like once its settings are bound."""

    def __call__(self, item: Item, lang: Language, rng: random.Random, /) -> Iterable[Item]:
        """Items made from one item."""


builder: Registry[Any] = Registry("builder")


def build_all(item: Item, lang: Language, builders: Sequence[Any], seed: str) -> list[Item]:
    """Apply builders one after the other."""
    items = [item]
    for step, use in enumerate(builders):
        items = [made for old in items for made in use(old, lang, random.Random(f"{seed}\0{step}\0{old.id}"))]
    return items


@builder("passages")
def passages(item: Item, lang: Language, rng: random.Random, /, *, max_bytes: int = 480) -> Iterable[Item]:
    """Cut a text into passages of whole sentences, at most `max_bytes` of UTF-8 each; they stay one group."""
    for number, text in enumerate(_packed(_fitting(item.text, lang, max_bytes), max_bytes)):
        yield replace(item, id=f"{item.id}#{number}", text=text, group=item.group or item.id)


def _fitting(text: str, lang: Language, max_bytes: int) -> Iterator[str]:
    """Sentences, or where one is too long its words, or where one is too long its characters."""
    for sentence in _spans(text, lang.sentences(text)):
        if _size(sentence) <= max_bytes:
            yield sentence
            continue
        for word in _spans(sentence, lang.words(sentence)):
            yield from [word] if _size(word) <= max_bytes else word


def _packed(pieces: Iterable[str], max_bytes: int) -> Iterator[str]:
    held = ""
    for piece in pieces:
        if held and _size(held) + _size(piece) > max_bytes:
            if held.strip():
                yield held.strip()
            held = ""
        held += piece
    if held.strip():
        yield held.strip()


@builder("shuffled_words")
def shuffled_words(item: Item, lang: Language, rng: random.Random, /, *, min_words: int = 4) -> Iterable[Item]:
    """Two choices: the text, and the same with its words in another order; spaces and punctuation stay in place."""
    found = located(item.text, lang.words(item.text))
    words = [word for word, _ in found]
    if len(words) < min_words or len({word.casefold() for word in words}) < 2:
        return
    for _ in range(20):
        shuffled = rng.sample(words, len(words))
        wrong = _replaced(item.text, found, shuffled)
        if wrong.casefold() != item.text.casefold():
            answer = rng.randrange(2)
            choices: list[JsonValue] = [item.text, wrong] if answer == 0 else [wrong, item.text]
            yield item.having(choices=choices, answer=answer)
            return


@builder("prefix")
def prefix(
    item: Item, lang: Language, rng: random.Random, /, *, share: float = 0.5, min_words: int = 4
) -> Iterable[Item]:
    """Cut a text between two words after `share` of them: fields `prefix` and `rest`."""
    found = located(item.text, lang.words(item.text))
    if len(found) < min_words:
        return
    word, start = found[min(len(found) - 2, max(0, int(len(found) * share) - 1))]
    cut = start + len(word)
    yield item.having(prefix=item.text[:cut], rest=item.text[cut:])


def located(text: str, words: Iterable[str]) -> list[tuple[str, int]]:
    """Words that hold a letter or digit, each with its place in `text`; a word that is not there is passed over."""
    found, at = [], 0
    for word in words:
        start = text.find(word, at) if any(char.isalnum() for char in word) else -1
        if start >= 0:
            found.append((word, start))
            at = start + len(word)
    return found


def _replaced(text: str, found: Sequence[tuple[str, int]], words: Sequence[str]) -> str:
    parts, at = [], 0
    for (old, start), new in zip(found, words, strict=True):
        parts += [text[at:start], new]
        at = start + len(old)
    return "".join(parts) + text[at:]


def _spans(text: str, pieces: Iterable[str]) -> Iterator[str]:
    """The pieces with whatever follows each of them: together they are `text` again."""
    starts = [0]
    at = 0
    for piece in pieces:
        start = text.find(piece, at) if piece else -1
        if start >= 0:
            starts.append(start)
            at = start + len(piece)
    starts = sorted({*starts, len(text)})
    for begin, end in itertools.pairwise(starts):
        yield text[begin:end]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))

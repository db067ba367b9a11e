"""Tokens before and after on sentences that no stage learned from, one by one: lengths with intervals, and boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar import languages, samples
from lontar.backends.text import Pieces
from lontar.core.extras import need
from lontar.core.shards import read_jsonl
from lontar.errors import LontarError, UnknownNameError
from lontar.pages.boxes import Drawn, drawn
from lontar.pages.clusters import Box, boxes

# Sample sets to measure on, the first that has the language; `parity` is made for this and never trained on.
SETS = ("parity", "parallel")
# `dev` is left out: shares of new tokens are decided on it.
MEASURED = ("test", "heldout")
Sentences = dict[str, str]


@dataclass(frozen=True)
class Measured:
    """The sentences of one language by id, and their lengths in tokens."""

    lang: str
    before: Mapping[str, int]
    after: Mapping[str, int]

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """Group, before, after: the sentence itself is the group, the same in all languages."""
        return [(id_, float(self.before[id_]), float(self.after[id_])) for id_ in self.before]


def sentence_file(lang: str) -> Path | None:
    """The packaged file of sentences of a language, if there is one."""
    for name in SETS:
        try:
            path = samples.path(name) / f"{lang}.jsonl"
        except UnknownNameError:
            continue
        if path.is_file():
            return path
    return None


def sentences(lang: str) -> Sentences:
    """Sentences to measure on, by id: those that nothing was learned or chosen from, else the language's samples."""
    path = sentence_file(lang)
    if path is not None:
        rows = [row for _, row in read_jsonl(path) if row.get("split") in MEASURED]
        if rows:
            return {str(row["id"]): str(row["text"]) for row in rows}
    try:
        return {f"{lang}-{i}": text for i, text in enumerate(languages.get(lang).samples)}
    except UnknownNameError:
        return {}


class Encoder:
    """A tokenizer folder as a function from text to the bytes of its tokens."""

    def __init__(self, folder: Path) -> None:
        tokenizers = need("tokenizers", extra="report")
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._pieces = Pieces(self._tokenizer)

    def lengths(self, texts: Mapping[str, str]) -> dict[str, int]:
        """Tokens of each text."""
        encoded = self._tokenizer.encode_batch(list(texts.values()), add_special_tokens=False)
        return {id_: len(one.ids) for id_, one in zip(texts, encoded, strict=True)}

    def boxes(self, text: str) -> list[Box]:
        """The tokens of a text as boxes; none where the tokens do not spell the text (a normalizing tokenizer)."""
        try:
            return boxes(text, self._spelled(text))
        except ValueError:
            return []

    def drawn(self, text: str) -> Drawn | None:
        """A text with its tokens; None where they do not spell it."""
        try:
            return drawn(text, self._spelled(text))
        except ValueError:
            return None

    def _spelled(self, text: str) -> list[bytes]:
        return [self._pieces.of(token) for token in self._tokenizer.encode(text, add_special_tokens=False).ids]


def normalized(lang: str, text: str) -> str:
    """The text in its language's normal form; as it is where that cannot be had."""
    try:
        return languages.get(lang).normalized(text)
    except LontarError:
        return text


def measure(before: Encoder, after: Encoder, codes: Iterable[str]) -> dict[str, Measured]:
    """Lengths of the sentences of each language, before and after."""
    found = {}
    for code in codes:
        texts = {id_: normalized(code, text) for id_, text in sentences(code).items()}
        if texts:
            found[code] = Measured(code, before.lengths(texts), after.lengths(texts))
    return found


def parity(found: Measured, english: Measured | None) -> tuple[float | None, float | None]:
    """Tokens over those of the same sentences in English, before and after; None without such sentences."""
    shared = [id_ for id_ in found.before if english is not None and id_ in english.before]
    if english is None or not shared:
        return None, None
    sums = [
        (sum(mine[id_] for id_ in shared), sum(theirs[id_] for id_ in shared))
        for mine, theirs in ((found.before, english.before), (found.after, english.after))
    ]
    before, after = (mine / theirs if theirs else None for mine, theirs in sums)
    return before, after


def common_sentence(codes: Sequence[str]) -> str | None:
    """The id of a sentence that most languages have: of middle length in the first language that has it."""
    listed = [sentences(code) for code in codes]
    shared = set.intersection(*(set(texts) for texts in listed)) if listed else set()
    if not shared:
        return None
    ranked = sorted(shared, key=lambda id_: (len(listed[0][id_]), id_))
    return ranked[len(ranked) // 2]

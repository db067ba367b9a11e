"""Which items of an evaluation stand in a corpus: found by looking up hashes, with one pass over the corpus.

Text is compared after NFKC and case folding; invisible characters are dropped, and punctuation, symbols and spaces only
part words. Two measures:

exact
    A text of an item (a field of its prompt, a reference) of at least `LEAST` characters, spaces and punctuation taken
    out, stands in a document as a whole.
ngram
    The share of an item's different n-grams that stand somewhere in the corpus is at least `min_share`. In languages
    with spaces an n-gram is 13 words between spaces or punctuation, as for GPT-3 (Brown et al. 2020, appendix C); where
    spaces do not part words it is 50 characters, as for GPT-4 (OpenAI 2023, appendix C): words of such a language are
    what a segmenter makes of their surroundings, which an item and a document do not share, and segmenting a corpus
    takes a hundred times as long as reading it. GPT-3 called an item contaminated by a single n-gram, which strikes
    quotations and set phrases; a share, as in PaLM (Chowdhery et al. 2022, 70 % of 8-grams) and Llama 3 (Grattafiori et
    al. 2024, chosen per benchmark), does not. One edited word breaks thirteen n-grams, so the share needed is a half.

N-grams that more than half of a task's groups have, of four or more, are its template and do not count.

Hashes are rolling polynomials over 64 bits, in NumPy: the cost of a document does not depend on n. A hit of an exact
text is checked on the text itself; of n-grams the chance of a false one is about documents' n-grams times items'
n-grams over 2**64. Memory is of the items and one document.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.scoring import Sample
from lontar.text.ngrams import mixed

Codes = NDArray[np.uint32]
Hashes = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

WORDS, CHARS = 13, 50
LEAST = 50
"""Characters of an exact text, and of the piece of it that is looked up."""
EXCERPT = 200
# A document is read in blocks of so many characters, which overlap so that no n-gram falls between two.
_BLOCK, _OVERLAP = 1 << 18, 4096
# Bits of the largest filter that most hashes do not pass: 16 MB.
_FILTER_BITS = 24
_TEMPLATE_SHARE, _TEMPLATE_GROUPS = 0.5, 4
_DROP, _KEEP, _BORDER = 0, 1, 2
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_INVERSE = pow(_BASE, -1, 1 << 64)
# From here to there are ideographs alone.
_FAR, _FARTHEST = 0x20000, 0x40000
# Variation selectors are marks, and say how a letter looks.
_SELECTORS = ((0x180B, 0x1810), (0xFE00, 0xFE10))
_SPACES = re.compile(r"\s+")


# --- text as numbers


def folded(text: str) -> str:
    """NFKC and case folding, as far as texts are compared."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=1)
def _kinds() -> NDArray[np.uint8]:
    """Of every code point: whether it is dropped, kept, or parts words."""
    kinds = np.full(0x110000, _DROP, np.uint8)
    kinds[_FAR:_FARTHEST] = _KEEP
    for point in range(_FAR):
        category = unicodedata.category(chr(point))
        if category[0] in "LMN":
            kinds[point] = _KEEP
        elif category[0] in "ZPS" or chr(point).isspace():
            kinds[point] = _BORDER
    for start, end in _SELECTORS:
        kinds[start:end] = _DROP
    return kinds


@lru_cache(maxsize=1)
def _values() -> Hashes:
    """Of every code point, the number that it stands for in a hash."""
    return mixed(np.arange(0x110000, dtype=np.uint64))


@dataclass(frozen=True)
class Letters:
    """Letters, marks and digits of a text, and where words begin among them."""

    text: str
    """the folded text"""
    codes: Codes
    places: Numbers
    """of each letter in the folded text"""
    starts: Numbers
    """of each word among the letters"""

    @classmethod
    def of(cls, text: str) -> Letters:
        """Letters of a text."""
        text = folded(text)
        every = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        kinds = _kinds()[every]
        kept = kinds == _KEEP
        places = np.flatnonzero(kept)
        # How many borders come before a letter: where that changes, a word begins.
        borders = np.cumsum(kinds == _BORDER)[places]
        starts = np.flatnonzero(np.diff(borders, prepend=-1)) if places.size else places
        return cls(text, every[places].astype(np.uint32), places, starts)

    @cached_property
    def sums(self) -> tuple[Hashes, Hashes]:
        """Sums of the letters times powers of the base up to each place, and the inverse powers."""
        with np.errstate(over="ignore"):
            powers, inverses = _powers(self.codes.size)
            return _running(_values()[self.codes] * powers), inverses

    def compact(self) -> str:
        """The letters as one text, without anything between them."""
        return self.codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")

    def char_grams(self, n: int) -> tuple[Hashes, Numbers]:
        """Hashes of all runs of `n` letters, and where they begin."""
        if self.codes.size < n:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        sums, inverses = self.sums
        with np.errstate(over="ignore"):
            hashes = (sums[n:] - sums[:-n]) * inverses[: sums.size - n]
        return hashes, np.arange(hashes.size)

    def word_grams(self, n: int) -> tuple[Hashes, Numbers]:
        """Hashes of all runs of `n` words, and the letters that they begin at."""
        if self.starts.size < n:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        sums, inverses = self.sums
        ends = np.append(self.starts[1:], self.codes.size)
        with np.errstate(over="ignore"):
            words = mixed((sums[ends] - sums[self.starts]) * inverses[self.starts] + np.uint64(1))
            powers, back = _powers(words.size)
            rolled = _running(words * powers)
            hashes = mixed((rolled[n:] - rolled[:-n]) * back[: rolled.size - n] + np.uint64(n))
        return hashes, self.starts[: hashes.size]

    def excerpt(self, letter: int, length: int = EXCERPT) -> str:
        """The folded text from a letter on, spaces as one."""
        start = int(self.places[letter])
        return _SPACES.sub(" ", self.text[start : start + length]).strip()


def _running(values: Hashes) -> Hashes:
    sums = np.zeros(values.size + 1, np.uint64)
    np.cumsum(values, out=sums[1:])
    return sums


@lru_cache(maxsize=1)
def _table(size: int) -> tuple[Hashes, Hashes]:
    both = []
    for base in (_BASE, _INVERSE):
        powers = np.full(size + 1, base, np.uint64)
        powers[0] = 1
        with np.errstate(over="ignore"):
            both.append(np.cumprod(powers, dtype=np.uint64))
    return both[0], both[1]


def _powers(n: int) -> tuple[Hashes, Hashes]:
    """Powers 0 to n-1 of the base, and 0 to n of its inverse; the tables grow by doubling."""
    powers, inverses = _table(max(1 << 12, 1 << n.bit_length()))
    return powers[:n], inverses[: n + 1]


# --- what is looked for


@dataclass(frozen=True)
class Item:
    """An item of a task and its texts."""

    task: str
    lang: str
    id: str
    texts: tuple[str, ...]
    group: str = ""
    spaced: bool = True

    @property
    def name(self) -> tuple[str, str, str]:
        """Task, language and id."""
        return self.task, self.lang, self.id


def item_texts(sample: Sample) -> tuple[str, ...]:
    """Texts of an item: the fields of an official row and its label, or the last user message and the references."""
    row = sample.facts.get("row")
    if isinstance(row, Mapping):
        prompts = row.get("prompts")
        fields = [field for turn in prompts if isinstance(turn, Mapping) for field in turn.values()] if isinstance(
            prompts, list
        ) else []  # fmt: skip
        return _different([*_strings(fields), *_strings(row.get("label"))])
    last = sample.turns[-1] if sample.turns else ""
    asked = last if isinstance(last, str) else next((m.content for m in reversed(last) if m.role == "user"), "")
    return _different([asked, *sample.references, *sample.choices])


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _strings(item)]
    return [text for item in value for text in _strings(item)] if isinstance(value, list | tuple) else []


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


@dataclass
class Hit:
    """Where an item was found."""

    document: str
    excerpt: str
    n: int = 1
    """different n-grams of the item in this document"""


@dataclass(frozen=True)
class Found:
    """What a check found of one item."""

    item: Item
    checked: bool
    """whether it has an exact text or an n-gram at all"""
    share: float
    exact: Hit | None
    ngram: Hit | None
    """in the document that has most of its n-grams"""


class Lookup:
    """Numbers of owners by hash: a filter that most hashes do not pass, then a sorted list."""

    def __init__(self, hashes: Hashes, owners: Numbers) -> None:
        order = np.argsort(hashes, kind="stable")
        self.keys, first = np.unique(hashes[order], return_index=True)
        self.owners = owners[order]
        self.bounds = np.append(first, hashes.size)
        bits = min(_FILTER_BITS, max(8, (16 * self.keys.size).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits, np.bool_)
        self._filter[self.keys >> self._shift] = True

    def find(self, hashes: Hashes) -> tuple[Numbers, Numbers]:
        """Places among `hashes` of those that are known, and their numbers among the keys."""
        if not self.keys.size or not hashes.size:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        places = np.flatnonzero(self._filter[hashes >> self._shift])
        near = np.minimum(np.searchsorted(self.keys, hashes[places]), self.keys.size - 1)
        right = self.keys[near] == hashes[places]
        return places[right], near[right]

    def owners_of(self, keys: Numbers) -> Numbers:
        """Owners of the keys, one after another."""
        counts = self.bounds[keys + 1] - self.bounds[keys]
        ends = np.cumsum(counts)
        within = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - counts, counts)
        found: Numbers = self.owners[np.repeat(self.bounds[keys], counts) + within]
        return found


@dataclass(frozen=True)
class _Gathered:
    """Different n-grams of all items of one kind, each once per item."""

    lookup: Lookup
    totals: Numbers
    """different n-grams of each item"""
    seen: Bools
    """of the keys: stands somewhere in the corpus"""

    def shares(self, n_items: int) -> NDArray[np.float64]:
        """The share of each item's n-grams that was seen."""
        owners = self.lookup.owners_of(np.flatnonzero(self.seen))
        counts = np.bincount(owners, minlength=n_items)
        return np.divide(counts, self.totals, out=np.zeros(n_items), where=self.totals > 0)


class Checker:
    """Looks for items in documents, one after another."""

    def __init__(self, items: Sequence[Item], *, words: int = WORDS, chars: int = CHARS, least: int = LEAST) -> None:
        self.items = items
        self._words, self._chars, self._least = words, chars, least
        grams, self._pieces = self._hashed()
        template = _templates(items, grams)
        grams = [np.setdiff1d(own, template.get((i.task, i.lang), _NONE)) for i, own in zip(items, grams, strict=True)]
        self._spaced, self._unspaced = (self._gather(grams, spaced) for spaced in (True, False))
        self._anchors = Lookup(
            np.array([anchor for _, _, anchor in self._pieces], np.uint64), np.arange(len(self._pieces), dtype=np.int64)
        )
        self._exact: dict[int, Hit] = {}
        self._best: dict[int, Hit] = {}

    def _hashed(self) -> tuple[list[Hashes], list[tuple[int, str, np.uint64]]]:
        """N-grams of every item, and exact texts with the hash by which they are looked up: their rarest piece."""
        grams: list[Hashes] = []
        whole: list[tuple[int, str, Hashes]] = []
        for number, item in enumerate(self.items):
            own = [np.empty(0, np.uint64)]
            for text in item.texts:
                letters = Letters.of(text)
                own.append((letters.word_grams(self._words) if item.spaced else letters.char_grams(self._chars))[0])
                if letters.codes.size >= self._least:
                    whole.append((number, letters.compact(), letters.char_grams(self._least)[0]))
            grams.append(np.unique(np.concatenate(own)))
        keys, counts = np.unique(np.concatenate([_NONE, *(np.unique(h) for _, _, h in whole)]), return_counts=True)
        pieces = [(n, text, h[int(np.argmin(counts[np.searchsorted(keys, h)]))]) for n, text, h in whole]
        return grams, pieces

    def _gather(self, grams: Sequence[Hashes], spaced: bool) -> _Gathered:
        kept = [own if item.spaced == spaced else _NONE for item, own in zip(self.items, grams, strict=True)]
        totals = np.array([own.size for own in kept], np.int64)
        owners = np.repeat(np.arange(len(kept), dtype=np.int64), totals)
        lookup = Lookup(np.concatenate([_NONE, *kept]), owners)
        return _Gathered(lookup, totals, np.zeros(lookup.keys.size, np.bool_))

    def add(self, document: str, text: str) -> None:
        """Look for all items in a document."""
        touched: dict[bool, dict[int, int]] = {True: {}, False: {}}
        candidates: set[int] = set()
        for start, block in _blocks(text):
            letters = Letters.of(block)
            self._ngrams(letters, start, touched)
            if self._pieces:
                _, keys = self._anchors.find(letters.char_grams(self._least)[0])
                if keys.size:
                    candidates.update(self._anchors.owners_of(np.unique(keys)).tolist())
        self._count(document, text, touched)
        self._confirm(document, text, candidates)

    def _ngrams(self, letters: Letters, start: int, touched: dict[bool, dict[int, int]]) -> None:
        """Note where known n-grams stand first: the block's beginning and the letter, in one number."""
        for spaced, kind in ((True, self._spaced), (False, self._unspaced)):
            if not kind.lookup.keys.size:
                continue
            hashes, starts = letters.word_grams(self._words) if spaced else letters.char_grams(self._chars)
            places, keys = kind.lookup.find(hashes)
            if not keys.size:
                continue
            keys, first = np.unique(keys, return_index=True)
            for key, letter in zip(keys.tolist(), starts[places[first]].tolist(), strict=True):
                touched[spaced].setdefault(key, start << 32 | letter)

    def _count(self, document: str, text: str, touched: Mapping[bool, Mapping[int, int]]) -> None:
        known: dict[int, Letters] = {}
        for spaced, kind in ((True, self._spaced), (False, self._unspaced)):
            if not touched[spaced]:
                continue
            keys = np.array(list(touched[spaced]), np.int64)
            kind.seen[keys] = True
            owners = kind.lookup.owners_of(keys)
            places = np.repeat(
                np.array(list(touched[spaced].values()), np.int64),
                kind.lookup.bounds[keys + 1] - kind.lookup.bounds[keys],
            )
            order = np.lexsort((places, owners))
            different, first, counts = np.unique(owners[order], return_index=True, return_counts=True)
            for owner, place, n in zip(different.tolist(), places[order][first].tolist(), counts.tolist(), strict=True):
                if owner not in self._best or self._best[owner].n < n:
                    start = place >> 32
                    if start not in known:
                        known[start] = Letters.of(text[start : start + _BLOCK + _OVERLAP])
                    self._best[owner] = Hit(document, known[start].excerpt(place & 0xFFFFFFFF), n)

    def _confirm(self, document: str, text: str, candidates: Iterable[int]) -> None:
        """Take candidates for found whose whole text stands in the document."""
        wanted = [number for number in sorted(candidates) if self._pieces[number][0] not in self._exact]
        if not wanted:
            return
        letters = Letters.of(text)
        compact = letters.compact()
        for number in wanted:
            item, piece, _ = self._pieces[number]
            place = compact.find(piece) if item not in self._exact else -1
            if place >= 0:
                self._exact[item] = Hit(document, letters.excerpt(place))

    def found(self) -> Iterator[Found]:
        """What was found of every item, so far."""
        n = len(self.items)
        both = self._spaced.shares(n) + self._unspaced.shares(n)
        totals = self._spaced.totals + self._unspaced.totals
        exact = {number for number, _, _ in self._pieces}
        for i, item in enumerate(self.items):
            checked = i in exact or bool(totals[i])
            yield Found(item, checked, float(both[i]), self._exact.get(i), self._best.get(i))


_NONE: Hashes = np.empty(0, np.uint64)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    for start in range(0, max(1, len(text) - _OVERLAP), _BLOCK):
        yield start, text[start : start + _BLOCK + _OVERLAP]


def _templates(items: Sequence[Item], grams: Sequence[Hashes]) -> dict[tuple[str, str], Hashes]:
    """N-grams of each task in a language that most of its groups have."""
    groups: dict[tuple[str, str], dict[str, list[Hashes]]] = {}
    for item, own in zip(items, grams, strict=True):
        groups.setdefault((item.task, item.lang), {}).setdefault(item.group or item.id, []).append(own)
    found = {}
    for name, listed in groups.items():
        if len(listed) >= _TEMPLATE_GROUPS:
            once = np.concatenate([np.unique(np.concatenate(own)) for own in listed.values()])
            keys, counts = np.unique(once, return_counts=True)
            found[name] = keys[counts > _TEMPLATE_SHARE * len(listed)]
    return found


@dataclass
class Tally:
    """Counts of a task in a language."""

    n: int = 0
    checked: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    flagged: set[str] = field(default_factory=set)
    """ids of contaminated items"""

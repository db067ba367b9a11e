"""Words of Latin script, and the features by which the model knows them.

A word is known by its character n-grams (1 to 5, with its ends marked) and by itself, hashed into `BUCKETS` rows of
weights: W. Cavnar and J. Trenkle, "N-gram-based text categorization" (1994) for the n-grams; K. Weinberger et al.,
"Feature hashing for large scale multitask learning" (2009) for the hashing. The trainer and the running model both
take their features from here, so they cannot differ. Hashing is 64-bit integer arithmetic: equal on every machine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lontar.text.ngrams import mixed

__all__ = [
    "BUCKETS",
    "Features",
    "ends_of_words",
    "features",
    "normal_word",
    "visible",
    "visible_positions",
    "word_matches",
    "words",
]

BUCKETS = 1 << 17
"""Rows of the weight matrix: 4.3 MB; twice as many would be close to what a package should carry."""
LONGEST = 32
"""Characters of a word that are looked at: the longest Indonesian word with affixes has 24."""

_LETTER = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02b8\u1e00-\u1eff"
_WORD = re.compile(
    f"[{_LETTER}](?:[{_LETTER}\u0300-\u036f]+|(?:['\u2019`-]|\u02bc)(?=[{_LETTER}]))*",
)
# What stands in text and is no language: addresses, names of users, topics, tags, placeholders. All of it is bounded
# or stops at the first character outside ASCII, since a line of Thai has no space where a pattern could end.
_NOISE = re.compile(
    r"https?://[!-~]+|www\.[!-~]+|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+|[@#][A-Za-z0-9_]+|</?[A-Za-z][^<>]{0,40}>"
    r"|\[[A-Za-z]{1,20}\]|&[a-z]{2,8};"
)
_NOISE_SIGNS = re.compile(r"://|www\.|[@#<\[&]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_REPEATED = re.compile(r"(.)\1{2,}")


def blanked(text: str) -> str:
    """Text of the same length with spaces in place of addresses, user names, tags and the like."""
    if not _NOISE_SIGNS.search(text):
        return text
    return _NOISE.sub(lambda found: " " * len(found[0]), text)


def word_matches(text: str) -> list[tuple[int, int]]:
    """Start and end of each word of Latin script, as positions in `text`."""
    return [found.span() for found in _WORD.finditer(blanked(text))]


def words(text: str) -> list[str]:
    """Words of Latin script as they stand in the text, noise left out."""
    return _WORD.findall(blanked(text))


def ends_of_words(text: str, found: Sequence[str]) -> tuple[int, int]:
    """Start of the first and end of the last of the words found in a text: no other letter stands outside of them."""
    text = blanked(text)
    return text.index(found[0]), text.rindex(found[-1]) + len(found[-1])


def visible(text: str) -> str:
    """Text without characters of no width, which would cut words in two."""
    return _INVISIBLE.sub("", text) if _INVISIBLE.search(text) else text


def visible_positions(text: str) -> list[int]:
    """Position in `text` of each character of `visible(text)`."""
    return [i for i, char in enumerate(text) if not _INVISIBLE.match(char)]


def normal_word(word: str) -> str:
    """A word as the model knows it: composed, lower case, one kind of apostrophe, no letter three times in a row."""
    word = unicodedata.normalize("NFC", word).lower().replace("\u2019", "'").replace("`", "'").replace("\u02bc", "'")
    return _REPEATED.sub(r"\1", word)[:LONGEST]


class Features(NamedTuple):
    """Hashed n-grams of words, one after the other, and one feature for each whole word."""

    grams: NDArray[np.int64]
    """Rows of the weight matrix, shape [total]."""
    starts: NDArray[np.int64]
    """Index in `grams` of the first n-gram of each word, shape [words]."""
    counts: NDArray[np.int64]
    """How many n-grams each word has, shape [words]; at least one."""
    whole: NDArray[np.int64]
    """Row of each whole word, shape [words]."""


_SHIFT = np.uint64(64 - BUCKETS.bit_length() + 1)
_LENGTHS = 5


def features(normal_words: Sequence[str]) -> Features:
    """Features of words in the form of `normal_word`; no word may be empty."""
    marked = "".join(f"^{word}$" for word in normal_words)
    codes = np.frombuffer(marked.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.fromiter(map(len, normal_words), dtype=np.int64, count=len(normal_words)) + 2
    first = np.cumsum(lengths) - lengths
    # Characters from each place to the end of its word: no n-gram may run over it.
    left = np.repeat(first + lengths, lengths) - np.arange(codes.size)
    hashes, rows, lasts = np.zeros(codes.size, dtype=np.uint64), [], []
    for n in range(1, _LENGTHS + 1):
        hashes = mixed(hashes[: codes.size - n + 1] + codes[n - 1 :] + np.uint64(n))
        fits = np.flatnonzero(left[: hashes.size] >= n)
        rows.append(hashes[fits])
        lasts.append(fits)
    places = np.concatenate(lasts)
    order = np.argsort(places, kind="stable")
    grams = (np.concatenate(rows)[order] >> _SHIFT).astype(np.int64)
    counts = np.bincount(np.repeat(np.arange(lengths.size), lengths)[places], minlength=lengths.size)
    return Features(grams, np.cumsum(counts) - counts, counts, _whole(codes, first, lengths))


def _whole(codes: NDArray[np.uint64], first: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """One row for each word: the sum of its characters, each mixed with its place."""
    place = np.arange(codes.size, dtype=np.uint64) - np.repeat(first, lengths).astype(np.uint64)
    sums = np.add.reduceat(mixed(codes * np.uint64(64) + place), first) if codes.size else codes
    return (mixed(sums) >> _SHIFT).astype(np.int64)

"""From a text to the rows of a fastText input matrix: words, n-grams of characters, n-grams of words.

The order of the rows is that of the original, because float32 sums depend on it. Character n-grams of all words that
were not seen lately are hashed at once: the n-th step extends the hash at every character of all words by one more
character, byte by byte (FNV-1a, 32 bits, with bytes taken as signed, as the released models were trained).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lontar.text.fasttext_format import Dictionary, Ints, Settings

__all__ = ["EOS", "Features", "tokens"]

EOS = b"</s>"
"""Ends every line; written out in a text it ends the text there."""
LABEL = b"__label__"
"""Unknown words that begin like this are dropped; files don't say whether their model had another prefix."""
BASIS, PRIME = 2166136261, 16777619
WORD_FACTOR = np.uint64(116049371)
CACHE = 2**22
"""Bound of the cache of words in units of 4 bytes, 16 MiB, with some 60 units of overhead per word."""
OVERHEAD = 60
BLOCK = 2**18
"""Bytes of new words that are hashed at once: some 20 MiB of intermediate arrays."""
SURROGATES = re.compile("[\ud800-\udfff]")
Word = tuple[bytes, bytes]
"""A word's rows, and its hash where n-grams of words need it, both as bytes of int32: quick to join."""
SIGNED = tuple(byte | 0xFFFFFF00 if byte > 127 else byte for byte in range(256))


def tokens(text: str) -> list[bytes]:
    """Words in UTF-8 up to and with the end of the line; white space is that of C's `isspace` and NUL.

    Lone surrogates, which the original's Python binding refuses with a TypeError, become U+FFFD.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = SURROGATES.sub("\ufffd", text).encode()
    words = data.replace(b"\0", b" ").split()
    if EOS in words:
        del words[words.index(EOS) :]
    words.append(EOS)
    return words


class Features:
    """Finds the rows of words, and keeps those of the words that came lately."""

    def __init__(self, settings: Settings, dictionary: Dictionary) -> None:
        self._settings, self._dictionary = settings, dictionary
        self._cache: dict[bytes, Word] = {}
        self._free = CACHE

    def rows(self, lines: Sequence[list[bytes]]) -> list[Ints]:
        """The rows of each line of `tokens`; none where nothing in it is known."""
        known = self._cache
        missing = [word for word in dict.fromkeys(word for line in lines for word in line) if word not in known]
        if not missing:
            return [self._line([known[word] for word in line]) for line in lines]
        new = self._learned(missing)
        self._remember(new)
        return [self._line([new[word] if word in new else known[word] for word in line]) for line in lines]

    def _line(self, words: list[Word]) -> Ints:
        rows = np.frombuffer(b"".join([word[0] for word in words]), np.int32)
        if self._settings.word_ngrams <= 1 or not self._settings.hashes:
            return rows
        hashes = np.frombuffer(b"".join([word[1] for word in words]), np.int32)
        grams = self._placed(word_grams(hashes, self._settings.word_ngrams) % np.uint64(self._settings.bucket))
        return np.concatenate([rows, grams[grams >= 0]])

    def _remember(self, new: dict[bytes, Word]) -> None:
        size = sum(OVERHEAD + (len(word) + len(rows)) // 4 for word, (rows, _) in new.items())
        if size > CACHE:
            return
        if size > self._free:
            # A new dictionary, not an emptied one: another thread may be reading the old one.
            self._cache, self._free = {}, CACHE
        self._cache.update(new)
        self._free -= size

    def _learned(self, words: Sequence[bytes]) -> dict[bytes, Word]:
        ids = self._dictionary.words
        dropped = [word for word in words if ids.get(word, 0 if not word.startswith(LABEL) else -1) < 0]
        new: dict[bytes, Word] = dict.fromkeys(dropped, (b"", b""))
        kept = [word for word in words if word not in new]
        if self._settings.maxn >= max(1, self._settings.minn) and self._settings.bucket > 0:
            grams = [gram for block in blocks(kept) for gram in self._grams(block)]
        else:
            grams = [b""] * len(kept)
        hashed = self._settings.word_ngrams > 1
        for word, gram in zip(kept, grams, strict=True):
            row = ids.get(word, -1)
            own = struct.pack("=i", row) if row >= 0 else b""
            new[word] = (own if word == EOS else own + gram, word_hash(word) if hashed else b"")
        return new

    def _grams(self, words: Sequence[bytes]) -> Iterator[bytes]:
        """The rows of each word's character n-grams, as the bytes of an int32 array."""
        hashes, ends = char_grams(words, self._settings.minn, self._settings.maxn)
        rows = self._placed(hashes % np.uint32(self._settings.bucket))
        if self._dictionary.pruned is not None:
            kept = rows >= 0
            ends = np.concatenate([[0], np.cumsum(kept)])[ends]
            rows = rows[kept]
        data, at = rows.tobytes(), 0
        for end in (4 * ends).tolist():
            yield data[at:end]
            at = end

    def _placed(self, buckets: NDArray[np.uint32] | NDArray[np.uint64]) -> Ints:
        """Rows of buckets; -1 where pruning has removed the n-gram."""
        pruned, first = self._dictionary.pruned, self._dictionary.n_words
        asked = buckets.astype(np.int32)
        if pruned is None:
            return asked + np.int32(first)
        keys, places = pruned
        if not keys.size:
            return np.full(asked.shape, -1, np.int32)
        at = np.minimum(np.searchsorted(keys, asked), keys.size - 1)
        return np.where(keys[at] == asked, places[at] + np.int32(first), np.int32(-1))


def blocks(words: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Words in groups of about `BLOCK` bytes."""
    block: list[bytes] = []
    size = 0
    for word in words:
        block.append(word)
        size += len(word) + 2
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def word_hash(word: bytes) -> bytes:
    """The hash of a whole word, as the bytes of an int32."""
    value = BASIS
    for byte in word:
        value = (value ^ SIGNED[byte]) * PRIME & 0xFFFFFFFF
    return struct.pack("=I", value)


def word_grams(hashes: Ints, longest: int) -> NDArray[np.uint64]:
    """Hashes of the runs of 2 to `longest` words, ordered by first word, then by length; modulo 2**64."""
    wide = hashes.astype(np.int64).view(np.uint64)  # hashes are taken as signed, as in the original
    n = len(wide)
    longest = max(1, min(longest, n))
    found, valid = np.zeros((n, longest - 1), np.uint64), np.zeros((n, longest - 1), bool)
    value = wide.copy()
    for step in range(1, longest):
        value = value[: n - step] * WORD_FACTOR + wide[step:]
        found[: n - step, step - 1], valid[: n - step, step - 1] = value, True
    return found[valid]


def char_grams(words: Sequence[bytes], minn: int, maxn: int) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Hashes of the n-grams of `minn` to `maxn` characters of each word in angle brackets, the brackets alone left out.

    Ordered by word, first character and length; the second array says where each word's hashes end. Time and memory
    are linear in bytes times `maxn` or the longest word, whichever is less.
    """
    minn, text = max(1, minn), b"".join([b"<%b>" % word for word in words])
    raw = np.frombuffer(text, np.int8)
    starts = np.flatnonzero(raw >= -64)  # the other bytes continue a character
    n = len(starts)
    last = np.searchsorted(starts, np.cumsum([len(word) + 2 for word in words]))  # characters up to each word's end
    room = np.repeat(last, np.diff(last, prepend=0)) - np.arange(n)  # characters from each one to its word's end
    maxn = min(maxn, int(room.max()))
    if maxn < minn:
        return np.zeros(0, np.uint32), np.zeros(len(words), np.intp)
    steps = byte_steps(raw, starts)
    found = np.zeros((n, maxn - minn + 1), np.uint32)
    value = np.full(n, BASIS, np.uint32)
    for length in range(1, maxn + 1):
        value = value[: n - length + 1]
        for bytes_, factors in steps:
            value = (value ^ bytes_[length - 1 :]) * factors[length - 1 :]
        if length >= minn:
            found[: len(value), length - minn] = value
    valid = room[:, None] >= np.arange(minn, maxn + 1)
    if minn == 1:
        valid[np.concatenate([[0], last[:-1]]), 0] = valid[last - 1, 0] = False
    return found[valid], np.cumsum(valid.sum(axis=1))[last - 1]


def byte_steps(raw: NDArray[np.int8], starts: NDArray[np.intp]) -> list[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
    """What the hash is XORed with and multiplied by at each byte of each character: 0 and 1 after its last byte."""
    sizes = np.diff(starts, append=len(raw))
    signed = raw.astype(np.int32).view(np.uint32)
    steps = [(signed[starts], np.full(len(starts), PRIME, np.uint32))]
    for at in range(1, int(sizes.max(initial=1))):
        there = np.flatnonzero(sizes > at)
        values, factors = np.zeros(len(starts), np.uint32), np.ones(len(starts), np.uint32)
        values[there], factors[there] = signed[starts[there] + at], PRIME
        steps.append((values, factors))
    return steps

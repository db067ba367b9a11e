"""Character n-grams of a text as a set of hashes, and MinHash signatures that tell how much two sets share.

A. Broder, "On the resemblance and containment of documents" (1997): the share of equal places in two signatures is an
unbiased estimate of the Jaccard similarity of the sets; with 128 places its standard deviation is at most 0.044.
Characters, not words, because words differ with the segmenter. Hashing is 64-bit integer arithmetic: the same figures
on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHARS", "SIGNATURE", "mixed", "rows_per_band", "shingles", "signature", "similarity"]

Hashes = NDArray[np.uint64]
Signature = NDArray[np.uint32]

CHARS = 5
"""Characters in a shingle: five letters of an alphabet, or one to two words of an unspaced script."""
SIGNATURE = 128
"""Places in a signature: 512 bytes a document."""
# 2048 hashes by 128 places by 8 bytes: 2 MiB at a time, whatever the length of a document.
_CHUNK = 2048


def mixed(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_SALTS: Hashes = mixed(np.arange(1, SIGNATURE + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def shingles(text: str, n: int = CHARS) -> Hashes:
    """Hashes of the different runs of `n` characters, sorted; a shorter text is one run, an empty one has none."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    if not codes.size:
        return codes
    n = min(n, codes.size)
    hashes = np.full(codes.size - n + 1, n, dtype=np.uint64)
    for i in range(n):
        hashes = mixed(hashes + codes[i : codes.size - n + 1 + i])
    return np.unique(hashes)


def signature(hashes: Hashes) -> Signature:
    """The smallest of the hashes under each of `SIGNATURE` hash functions, shape [SIGNATURE]."""
    smallest = np.full(SIGNATURE, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, hashes.size, _CHUNK):
        block = mixed(hashes[start : start + _CHUNK, None] ^ _SALTS)
        smallest = np.minimum(smallest, block.min(axis=0))
    return (smallest >> np.uint64(32)).astype(np.uint32)


def similarity(first: Signature, second: Signature) -> float:
    """Estimate of the Jaccard similarity, in [0, 1]."""
    return float((first == second).mean())


def rows_per_band(threshold: float, recall: float = 0.99) -> int:
    """The longest bands (a power of two) that still bring together `recall` of the pairs as similar as `threshold`.

    Two documents are compared when one of SIGNATURE / rows bands is equal, which happens with the probability
    1 - (1 - threshold ** rows) ** bands: 4 rows for 0.8. Longer bands mean fewer comparisons in vain.
    """
    fitting = [r for r in (1, 2, 4, 8, 16, 32) if 1 - (1 - threshold**r) ** (SIGNATURE // r) >= recall]
    return fitting[-1] if fitting else 1

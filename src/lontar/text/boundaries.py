"""Word boundaries by a linear model over what stands around each place, ICU's own boundaries among it.

Pointwise prediction (G. Neubig, Y. Nakata, S. Mori, "Pointwise prediction for robust, adaptable Japanese morphological
analysis", 2011): each place between two characters is judged alone, by the runs of one to four characters within four
of it, by where ICU cuts up to three characters away, and by the pieces that ICU leaves on both sides. A feature is a
hash into one table of 2**16 weights (K. Weinberger et al., "Feature hashing", 2009), so that a model is a
file of 128 KiB, and all places are judged at once by numpy. Models are in `segmenters/`; scripts/segmenters/ makes
them, from text under permissive terms only.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BITS", "MODELED", "MODELS", "REACH", "boundaries", "codes_of", "indices"]

BITS = 16
"""Logarithm of the number of weights. 2**15 cost 0.003 of F1 on Thai, 2**17 brought nothing."""
REACH = 4
"""Characters on each side of a place that are looked at."""
MODELS = Path(__file__).parent / "segmenters"
MODELED = ("my", "th")
"""Languages that have a model."""
_LATIN = [ord(one) for one in "0Aa"]
# Vowel signs and tones, and SARA AM: a word never begins with one.
_SIGNS = {"th": ((0x0E30, 0x0E3A), (0x0E45, 0x0E4E)), "my": ((0x102B, 0x103E),)}


@cache
def _model(code: str) -> NDArray[np.int16]:
    """Weights of a language's model."""
    import numpy as np

    weights: NDArray[np.int16] = np.load(MODELS / f"{code}.npy")
    return weights


def boundaries(text: str, cuts: bytearray, code: str) -> bytearray:
    """Cuts of the model of a language in `MODELED`, in the form of `cuts`: a byte for each place and for the end."""
    if len(text) < 2:
        return cuts
    import numpy as np

    weights, codes = _model(code), codes_of(text)
    flags = np.frombuffer(cuts, dtype=np.uint8).astype(np.bool_)
    scores = np.zeros(len(text) - 1, dtype=np.int64)
    for index in indices(codes, flags):
        scores += weights.take(index.view(np.int64)).sum(axis=0, dtype=np.int64)
    found = np.ones(len(text) + 1, dtype=np.bool_)
    # Between two letters or digits of ASCII what ICU says stands: few Latin words were there to learn from.
    latin = np.isin(codes, _LATIN)
    found[1:-1] = np.where(latin[:-1] & latin[1:], flags[1:-1], (scores > 0) & ~_signs(codes[1:], code))
    # Beside the end of a line nothing is left to judge.
    ends = codes == 0
    found[:-1] |= ends
    found[1:] |= ends
    return bytearray(found.view(np.uint8).tobytes())


def codes_of(text: str) -> NDArray[np.uint64]:
    """Code points, 0 for the end of a line; ASCII digits are one to the model, so are small letters, so capitals."""
    import numpy as np

    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    low = codes < 128
    codes[low] = _ascii_classes()[codes[low]]
    codes[(codes == 0x2028) | (codes == 0x2029)] = 0
    return codes


@cache
def _ascii_classes() -> NDArray[np.uint64]:
    import numpy as np

    classes = np.arange(128, dtype=np.uint64)
    for sample, chars in (
        ("0", "123456789"),
        ("A", string.ascii_uppercase),
        ("a", string.ascii_lowercase),
        ("\0", "\n\r"),
    ):
        classes[[ord(char) for char in chars]] = ord(sample)
    return classes


def _signs(codes: NDArray[np.uint64], code: str) -> NDArray[np.bool_]:
    import numpy as np

    found = np.zeros(codes.size, dtype=np.bool_)
    for first, last in _SIGNS.get(code, ()):
        found |= (codes >= first) & (codes <= last)
    return found


def indices(codes: NDArray[np.uint64], cuts: NDArray[np.bool_]) -> Iterator[NDArray[np.uint64]]:
    """Places in the table, of groups of features: arrays of shape [features of the group, characters - 1]."""
    done = 0
    for hashes in (*_runs(codes), _context(codes, cuts)):
        salts = _salts()[done : done + len(hashes)]
        done += len(hashes)
        hashes *= salts
        hashes >>= _u64(64 - BITS)
        yield hashes


@cache
def _salts() -> NDArray[np.uint64]:
    """Odd multipliers, one a feature, shape [features, 1]: multiply-shift hashing (Dietzfelbinger et al., 1997)."""
    import numpy as np

    salts, value = [], 0x9E3779B97F4A7C15
    for _ in range(32):
        value = (value * 0xD1342543DE82EF95 + 0x2545F4914F6CDD1D) & (2**64 - 1)
        salts.append(value | 1)
    return np.array(salts, dtype=np.uint64)[:, None]


@cache
def _u64(value: int) -> Any:
    import numpy as np

    return np.uint64(value)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values ^ (values >> _u64(30))
    values *= _u64(0xBF58476D1CE4E5B9)
    values ^= values >> _u64(27)
    return values


def _runs(codes: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Runs of characters around each place: a group for each length from one to four."""
    import numpy as np

    places = codes.size - 1
    padded = np.zeros(codes.size + 2 * REACH, dtype=np.uint64)
    padded[REACH:-REACH] = codes
    run = padded
    for length in range(1, 5):
        if length > 1:
            run = run[:-1] * _u64(0x100000001B3)
            run += padded[length - 1 :]
        hashes = _mixed(run + _u64(length))
        near = 3 if length == 1 else REACH
        starts = range(REACH + 1 - near, REACH + 2 + near - length)
        yield _rows([hashes[start : start + places] for start in starts])


def _rows(arrays: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """One array of several; numpy's own stack takes three times as long on a sentence."""
    import numpy as np

    rows = np.empty((len(arrays), arrays[0].size), dtype=np.uint64)
    for row, values in zip(rows, arrays, strict=True):
        row[:] = values
    return rows


def _context(codes: NDArray[np.uint64], cuts: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Where ICU cuts, three characters to each side (also what stands for the bias); ICU's pieces on both sides.

    Within a piece: the piece, and how far in it the place is.
    """
    import numpy as np

    places = codes.size - 1
    padded = np.ones(cuts.size + 6, dtype=np.uint64)
    padded[3:-3] = cuts
    pattern = np.zeros(places, dtype=np.uint64)
    for start in range(1, 8):
        pattern += pattern
        pattern += padded[start : start + places]
    starts = np.flatnonzero(cuts[:-1])
    piece = np.cumsum(cuts[:-1]) - 1
    offset = (np.arange(codes.size) - starts[piece]).astype(np.uint64)
    step = _u64(0x100000001B3)
    hashes = np.add.reduceat(_mixed(codes * step + offset + _u64(1)), starts)[piece]
    left, right, inside = hashes[:-1], hashes[1:], ~cuts[1:-1]
    between = np.where(inside, _u64(0), right), np.where(inside, _u64(0), _mixed(left) + right)
    pair = _mixed((codes[:-1] * step + codes[1:]) * _u64(2) + inside)
    return _rows([_mixed(pattern + _u64(1)), np.where(inside, _mixed(left + offset[1:]), left), *between, pair])

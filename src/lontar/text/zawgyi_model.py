"""How much speaks for Zawgyi in a text: log-odds from sequences of three characters and from what is impossible.

Zawgyi and Unicode use the same code points in another order and with other meanings, so what follows what tells them
apart even in a word. Weights of sequences are log-likelihood ratios learned from Burmese of our own in both encodings
(scripts/zawgyi/learn.py); to them come places that no language writes in Unicode, for Zawgyi, and those that Zawgyi
cannot draw, against it. Shan, Mon, Karen and Pa'O use the code points of Zawgyi's extra shapes and Pali stacks its
letters: the model never saw them, so sequences with extra shapes speak for Zawgyi only where they were learned, stacks
of related letters little, and a longer text without an impossible place must be very like Zawgyi to pass for it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["RELATED", "UNRELATED", "prepared", "score"]

# --- sequences -------------------------------------------------------------------------------------------------------

BOUNDARY, RELATED, UNRELATED = "\u10a0", "\u10a1", "\u10a2"
"""Stand for all that is not Myanmar, and for U+1039 with the letter behind it, where Pali stacks the two: of one row of
the alphabet, or other ones. They are behind the block, so that a sequence is a number of three digits to the base 163.
"""
_BASE = 163
_STAND_INS = re.compile(f"[{BOUNDARY}{RELATED}{UNRELATED}]")
_ROWS = ("\u1000-\u1004", "\u1005-\u100a", "\u100b-\u100f", "\u1010-\u1014", "\u1015-\u1019", "\u101c", "\u101e")
# NGA without killer, YA and WA never have a letter below.
_ABOVE = "\u1000-\u1003\u1005-\u1019\u101b\u101c\u101e-\u1021"
_STACK = re.compile(
    "\u1039(?:"
    + "|".join(f"(?<=[{row}]\u1039)(?<!\u1004\u1039)[{row}]" for row in _ROWS)
    + f"|((?<=[{_ABOVE}]\u1039)[\u1014\u1019\u101c]))"
)
_RUN = re.compile(f"[\u1000-\u109f{RELATED}{UNRELATED}]+")


def prepared(text: str) -> str:
    """Runs of Myanmar characters with a boundary around each, stacks as one character."""
    if _STAND_INS.search(text):  # Georgian capitals
        text = _STAND_INS.sub(" ", text)
    if "\u1039" in text:
        text = _STACK.sub(lambda found: UNRELATED if found[1] else RELATED, text)
    return f"{BOUNDARY}{BOUNDARY.join(_RUN.findall(text))}{BOUNDARY}"


def _numbers(seen: str) -> NDArray[np.int32]:
    return np.frombuffer(seen.encode("utf-32-le"), np.uint32).astype(np.int32) - 0x1000


@cache
def _weights() -> NDArray[np.int8]:
    """Tenths of a nat for Zawgyi by sequence; of one that was never seen those of its last two characters."""
    found = np.zeros((_BASE, _BASE, _BASE), np.int8)
    with Path(__file__).with_name("zawgyi_model.jsonl").open(encoding="utf-8") as lines:
        rows = sorted(map(json.loads, lines), key=lambda row: int(row["width"]))
    for row in rows:
        at = _numbers(row["sequences"]).reshape(-1, row["width"])
        found[(..., *at[:, -3:].T)] = round(10 * row["nats"])
    return found.reshape(-1)


# --- impossible places -----------------------------------------------------------------------------------------------

# Letters of all languages of the script, what a vowel E may follow besides, what carries a sign that is shown alone.
_LETTERS = (
    "\u1000-\u102a\u103f\u104e\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"
    "\ua9e0-\ua9e4\ua9e7-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa6f\uaa71-\uaa76\uaa7a\uaa7e\uaa7f"
)
_MEDIALS = "\u103b-\u103e\u105e-\u1060\u1082"
_SHOWN = "\u25cc\xa0\u200b-\u200d\ufe00-"
_DRAWN = "\u1000-\u102a\u103f\u104e\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097"
_NOT_UNICODE = re.compile(
    # E behind nothing that carries it, and before what it belongs to in Zawgyi.
    f"\u1031(?<![{_LETTERS}{_MEDIALS}{_SHOWN}]\u1031)(?=[{_DRAWN}\u103b\u107e-\u1084])"
    # A killer with no letter below it; on a letter that has none below; on a sign.
    f"|\u1039(?:(?![{_LETTERS}\u200b-\u200d])|(?<=[\u1004\u101a\u101d]\u1039)|(?<![{_LETTERS}\u103a\u200b-\u200d]\u1039))"
    # The sign of RA, in Unicode that of YA, behind no letter and before one.
    f"|\u103b(?<![{_LETTERS}\u103a\u1060{_SHOWN}]\u103b)(?=[{_DRAWN}])"
)
_NOT_ZAWGYI = re.compile(
    # E before what stands behind its letter; the killer, there YA, on a vowel; YA, there RA, before a sign.
    "\u1031(?=[\u102b\u102c\u1037\u1038\u103a])|\u103a(?<=[\u102b\u102c\u1037]\u103a)"
    "|\u103b(?=[\u102b-\u1038\u103a\u103c-\u103e])"
    # The sign around a letter, a letter or vowel of Shan, before a sign; a stacked letter where a word begins.
    "|[\u107e-\u1084](?=[\u102b-\u1030\u1032-\u103a\u103c-\u103e])"
    "|[\u1060-\u1063\u1065-\u1069\u106c\u106d\u1070-\u107d\u1085](?<![\u1000-\u109f].)"
    # The sign of NGA above, a tone of Karen, behind a vowel.
    "|\u1064(?<=[\u102b-\u1030\u1032\u1036-\u1038]\u1064)"
)
# Code points that Zawgyi has no glyph for; its narrow NA, a tone of Pa'O, with nothing around or below it.
_NOT_DRAWN = re.compile(
    "[\u1022\u1028\u1035\u103e\u1050-\u1059\u105b-\u105f\u1098-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f]"
    "|\u108f(?<![\u103b\u107e-\u1084]\u108f)(?![\u102b-\u103e\u1060-\u109f])"
)

# --- the sum ---------------------------------------------------------------------------------------------------------

# In nats; chosen on words and lines of real text, no false alarm on Unicode first (docs/explanation/zawgyi.md).
_BEFORE_LOOKING = -1.0
_ONE_LETTER = -2.0  # ကြ and ခ် are words in one encoding and syllables of words in the other
_IMPOSSIBLE, _NOT_WRITTEN, _NO_SUCH_SHAPE = 3.0, -2.0, -6.0
_NOTHING_IMPOSSIBLE, _PER_CHARACTER, _PER_DOUBT, _FREE = -1.0, -0.1, -2.0, 10
# A sequence counts so often at most: a key that stuck is no evidence, and the sum stays small on any text.
_MOST = 8


def score(text: str) -> float:
    """Log-odds of Zawgyi against Unicode. Takes time in proportion to the length of the text."""
    seen = prepared(text)
    at = _numbers(seen)
    sequences, counts = np.unique(_BASE * (_BASE * at[:-2] + at[1:-1]) + at[2:], return_counts=True)
    total = float((_weights()[sequences] * np.minimum(counts, _MOST)).sum()) / 10
    total += _BEFORE_LOOKING + (_ONE_LETTER if len(seen) <= 4 else 0)
    total += _NO_SUCH_SHAPE * len(_NOT_DRAWN.findall(text)) + _NOT_WRITTEN * _few(_NOT_ZAWGYI, text)
    if impossible := _few(_NOT_UNICODE, text):
        return total + _IMPOSSIBLE * impossible
    in_doubt = seen.count(RELATED) + seen.count(UNRELATED) + seen.count("\u1031")
    total += _NOTHING_IMPOSSIBLE + _PER_DOUBT * max(0, in_doubt - 1)
    return total + _PER_CHARACTER * max(0, len(seen) - 2 - _FREE)


def _few(pattern: re.Pattern[str], text: str) -> int:
    return min(_MOST, len(pattern.findall(text)))

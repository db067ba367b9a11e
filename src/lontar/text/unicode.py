"""Scripts and digits: which script a character belongs to, by a compact table of ranges.

Only the scripts of the region and of the text around it are told apart; everything else that is a letter is "Other".
Ranges are from the Unicode Character Database (Scripts.txt, version 15).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from functools import lru_cache

COMMON = "Common"
OTHER = "Other"

_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x005A, "Latin"),
    (0x0061, 0x007A, "Latin"),
    (0x00AA, 0x00AA, "Latin"),
    (0x00BA, 0x00BA, "Latin"),
    (0x00C0, 0x00D6, "Latin"),
    (0x00D8, 0x00F6, "Latin"),
    (0x00F8, 0x02B8, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x08A0, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0E01, 0x0E3A, "Thai"),
    (0x0E40, 0x0E5B, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x1000, 0x109F, "Myanmar"),
    (0x1700, 0x171F, "Tagalog"),
    (0x1780, 0x17FF, "Khmer"),
    (0x1950, 0x19DF, "Tai"),
    (0x19E0, 0x19FF, "Khmer"),
    (0x1A00, 0x1A1F, "Buginese"),
    (0x1A20, 0x1AAF, "Tai"),
    (0x1B00, 0x1B7F, "Balinese"),
    (0x1B80, 0x1BBF, "Sundanese"),
    (0x1BC0, 0x1BFF, "Batak"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x2E80, 0x2FDF, "Han"),
    (0x3005, 0x3007, "Han"),
    (0x3040, 0x309F, "Hiragana"),
    (0x30A0, 0x30FF, "Katakana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xA980, 0xA9DF, "Javanese"),
    (0xA9E0, 0xA9FF, "Myanmar"),
    (0xAA60, 0xAA7F, "Myanmar"),
    (0xAC00, 0xD7A3, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFF, "Arabic"),
    (0xFF21, 0xFF3A, "Latin"),
    (0xFF41, 0xFF5A, "Latin"),
    (0x11FC0, 0x11FFF, "Tamil"),
    (0x20000, 0x3134F, "Han"),
)
_STARTS = [first for first, _, _ in _RANGES]


@lru_cache(maxsize=8192)
def script_of(char: str) -> str:
    """Script of one character; "Common" for what all scripts share (digits, punctuation, spaces, combining marks of
    no script), "Other" for letters of scripts that are not told apart."""
    code = ord(char)
    i = bisect_right(_STARTS, code) - 1
    if i >= 0 and code <= _RANGES[i][1] and unicodedata.category(char)[0] in "LMN":
        return _RANGES[i][2] if unicodedata.category(char) != "Nd" else COMMON
    return OTHER if unicodedata.category(char)[0] == "L" else COMMON


def script_counts(text: str) -> Counter[str]:
    """Characters per script, without those that all scripts share."""
    counts = Counter(script_of(c) for c in text)
    del counts[COMMON]
    return counts


def script_share(text: str, script: str) -> float:
    """Share in [0, 1] of letters (and their marks) that belong to `script`; 0 for text without letters."""
    counts = script_counts(text)
    total = sum(counts.values())
    return counts[script] / total if total else 0.0


def native_digits(text: str, digits: str) -> str:
    """ASCII digits replaced by the ten in `digits`."""
    return text.translate({ord("0") + i: d for i, d in enumerate(digits)})


def ascii_digits(text: str) -> str:
    """Decimal digits of every script replaced by ASCII ones."""
    return "".join(str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in text)

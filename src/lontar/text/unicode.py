"""Scripts and digits of characters, and halves of characters.

Scripts come from the ranges in `scripts.py` by bisection. Only letters, marks and letter numbers have a script here;
digits are "Common" even where Unicode gives them one (Thai), so that a price list does not look like a language.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from functools import lru_cache

from lontar.text.scripts import COMMON, OTHER, TABLE

__all__ = [
    "COMMON",
    "OTHER",
    "SCRIPTS",
    "ascii_digits",
    "is_utf8",
    "native_digits",
    "script_counts",
    "script_of",
    "script_share",
    "whole",
]


def _ranges() -> list[tuple[int, int, str]]:
    found = []
    for script, (_, text) in TABLE.items():
        for span in text.split():
            first, _, last = span.partition("-")
            found.append((int(first, 16), int(last or first, 16), script))
    return sorted(found)


SCRIPTS: dict[str, str] = {script: code for script, (code, _) in TABLE.items() if script != COMMON}
"""ISO 15924 code of each script that is told apart: {"Thai": "Thai", "Han": "Hani"}."""
_RANGES = _ranges()
_STARTS = [first for first, _, _ in _RANGES]


@lru_cache(maxsize=16384)
def script_of(char: str) -> str:
    """Script of one character: a key of `SCRIPTS`, "Common" for what scripts share, "Other" for other letters.

    Digits, punctuation, spaces, symbols and marks of no script are "Common".
    """
    category = unicodedata.category(char)
    if category[0] not in "LM" and category != "Nl":
        return COMMON
    code = ord(char)
    _, last, script = _RANGES[max(0, bisect_right(_STARTS, code) - 1)]
    if _STARTS[0] <= code <= last:
        return script
    return OTHER if category[0] == "L" else COMMON


def script_counts(text: str) -> Counter[str]:
    """Letters and marks per script, "Common" left out."""
    counts: Counter[str] = Counter()
    # Counting characters first is what makes this fast: a document has far fewer characters than places.
    for char, n in Counter(text).items():
        if (script := script_of(char)) != COMMON:
            counts[script] += n
    return counts


def script_share(text: str, script: str) -> float:
    """Share in [0, 1] of letters and their marks that belong to `script`; 0.0 for text without letters."""
    counts = script_counts(text)
    total = sum(counts.values())
    return counts[script] / total if total else 0.0


def native_digits(text: str, digits: str) -> str:
    """ASCII digits replaced by the ten in `digits`, from zero to nine."""
    return text.translate({ord("0") + i: digit for i, digit in enumerate(digits)})


def ascii_digits(text: str) -> str:
    """Decimal digits of every script replaced by ASCII ones; numerals such as 三 or ௰ stay."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """The text in whole characters: two halves of a surrogate pair joined, U+FFFD for each half that stands alone.

    A Python string can hold halves and UTF-8 cannot: of four libraries that read the same text one joins and replaces,
    two raise a TypeError, and `str.encode` writes a question mark.
    """
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are text: valid UTF-8, so that no character is there in part."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

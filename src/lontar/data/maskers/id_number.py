"""Numbers of identity cards of the region: by their format, their date of birth and their check digit.

Formats as the issuing offices publish them: Indonesia NIK, Malaysia MyKad, Thailand, Singapore NRIC and FIN,
Philippines PhilSys and SSS, Vietnam CCCD, China (GB 11643), Myanmar NRC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from lontar.data.maskers import maskers, replaced

# Signs of web addresses before a number make it part of one.
_BEFORE = r"(?<![A-Za-z0-9_=/&#])(?<![0-9][.,/:-])"
_AFTER = r"(?![A-Za-z0-9_%])(?![.,/:-][0-9])"


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def _nik(found: re.Match[str]) -> bool:
    """Province, then DDMMYY of birth, 40 added to the day for women."""
    digits = found[0]
    day = int(digits[6:8])
    return 11 <= int(digits[:2]) <= 97 and _is_date(2000, int(digits[8:10]), day - 40 if day > 40 else day)


def _mykad(found: re.Match[str]) -> bool:
    """YYMMDD of birth."""
    return _is_date(2000, int(found[0][2:4]), int(found[0][4:6]))


def _thai(found: re.Match[str]) -> bool:
    """13 digits, the last of which makes the weighted sum of the others, modulo 11, come out."""
    digits = [int(c) for c in found[0] if c.isdecimal()]
    total = sum(digit * (13 - i) for i, digit in enumerate(digits[:12]))
    return digits[0] != 0 and (11 - total % 11) % 10 == digits[12]


_NRIC_LETTERS = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT", "M": "XWUTRQPNJLK"}


def _nric(found: re.Match[str]) -> bool:
    """A letter, seven digits, and a letter computed from them."""
    kind, digits, letter = found[0][0].upper(), found[0][1:8], found[0][8].upper()
    total = sum(weight * int(digit) for weight, digit in zip((2, 7, 6, 5, 4, 3, 2), digits, strict=True))
    total += {"M": 3}.get(kind, 0)
    place = total % 11
    return _NRIC_LETTERS[kind][10 - place if kind == "M" else place] == letter


def _chinese(found: re.Match[str]) -> bool:
    """Region, YYYYMMDD of birth, sequence, and a check character modulo 11 (ISO 7064)."""
    text = found[0].upper()
    total = sum(int(c) * (2 ** (17 - i) % 11) for i, c in enumerate(text[:17]))
    born = _is_date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    return born and 1900 <= int(text[6:10]) <= 2100 and "10X98765432"[total % 11] == text[17]


# Twelve or thirteen digits in a row may be the bar code of a product, so a word has to say what they are.
_CUE = re.compile(
    r"(?<![A-Za-z])(?:ID|NIK|KTP|CCCD|CMND)(?![A-Za-z])|căn cước|định danh|chứng minh|บัตร|ประชาชน|ประจำตัว",
    re.IGNORECASE,
)


def _announced(found: re.Match[str]) -> bool:
    """One of the words within the 40 characters before."""
    return _CUE.search(found.string, max(0, found.start() - 40), found.start()) is not None


def _thai_in_a_row(found: re.Match[str]) -> bool:
    return _thai(found) and _announced(found)


def _no_years(found: re.Match[str]) -> bool:
    """Four groups of four that are not all years."""
    return not all(group[:2] in ("19", "20", "25") for group in found[0].split("-"))


# Provinces of Vietnam are numbered from 001 to 096, mostly by twos.
_VIETNAM = "0(?:0[124689]|1[0-24579]|2[024-7]|3[0134-8]|4[024-689]|5[1246-8]|6[024678]|7[024579]|8[0234679]|9[1-6])"
_BURMESE_KIND = r"နိုင်|ဧည့်|ပြု|စ|သ|သီ|N|E|P|T|Y|S|C|AC|NC|Naing|NAING"

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], bool] | None]


def _rule(pattern: str, accept: Callable[[re.Match[str]], bool] | None = None) -> Rule:
    return re.compile(f"{_BEFORE}(?:{pattern}){_AFTER}"), accept


_RULES: tuple[Rule, ...] = (
    _rule(r"[1-9][0-9]{16}[0-9Xx]", _chinese),
    _rule(r"[1-9][0-9]{15}", _nik),
    _rule(r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}", _no_years),  # PhilSys; payment cards are written like this too
    _rule(r"[0-9]{6}-[0-9]{2}-[0-9]{4}", _mykad),
    _rule(r"[0-9]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]|[0-9] [0-9]{4} [0-9]{5} [0-9]{2} [0-9]", _thai),
    _rule("[1-8][0-9]{12}", _thai_in_a_row),
    _rule(r"[STFGMstfgm][0-9]{7}[A-Za-z]", _nric),
    _rule(f"{_VIETNAM}[0-3][0-9]{{8}}", _announced),
    _rule(r"[0-9]{2}-[0-9]{7}-[0-9]"),  # Philippines, SSS
    _rule(rf"[0-9]{{1,2}}/[\u1000-\u103fA-Za-z() ]{{2,20}}\((?:{_BURMESE_KIND})\) ?[0-9]{{6}}"),
)


# Every format has four digits in a row; most texts have none but years.
_WORTH_A_LOOK = re.compile(r"\d{4}[ -]?\d|\d[)-]\d{4}|\) ?\d{4}")


@maskers("id_number")
def id_number(text: str, /) -> tuple[str, int]:
    """Replace numbers of identity cards of the region by <id_number>."""
    if not _WORTH_A_LOOK.search(text):
        return text, 0
    total = 0
    for pattern, accept in _RULES:
        text, n = replaced(text, pattern, "<id_number>", accept)
        total += n
    return text, total

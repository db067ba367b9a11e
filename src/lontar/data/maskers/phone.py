"""Telephone numbers of the region: with a country code, in the local form, or announced by a word.

Formats: national numbering plans as published through ITU-T E.164. A number in the local form begins with 0 and is
written as the country writes it; a number without a 0, such as Singapore's, is taken only behind a word like "tel".
"""

from __future__ import annotations

import re

from lontar.data.maskers import maskers, replaced

# Country code -> digits that may follow it (without the 0 of the local form).
_NATIONAL = {
    "60": (8, 10), "62": (8, 12), "63": (8, 10), "65": (8, 8), "66": (8, 9), "84": (9, 10), "86": (10, 11),
    "91": (10, 10), "94": (9, 9), "95": (7, 10), "670": (7, 8), "673": (7, 7), "852": (8, 8), "855": (8, 9),
    "856": (8, 10), "886": (8, 9),
}  # fmt: skip

# No digit may touch a number, nor a digit with a sign that belongs to numbers: 1.0812..., 08123456/7, 0812345,50.
# Latin letters before it make a product code, signs of web addresses a part of one.
_BEFORE = r"(?<![A-Za-z0-9_#=/&])(?<![0-9][.,/:+-])(?<![0-9] )"
_AFTER = r"(?![A-Za-z0-9_%])(?![.,/:-][0-9])(?! [0-9])"
_GAP = r"[ .\-\u2010-\u2013\xa0]?"

_CODES = "|".join(sorted(_NATIONAL, key=lambda code: (-len(code), code)))
_ABROAD = re.compile(
    rf"{_BEFORE}(?:[+＋]|00)(?P<code>{_CODES}){_GAP}(?P<rest>(?:\(0\))?{_GAP}(?:\(?[0-9]{{1,12}}\)?{_GAP}){{1,5}}(?<=[0-9])){_AFTER}"
)


def _groups(*sizes: str) -> str:
    """Groups of digits with one sign between them or none: "3", "3-4"."""
    return "[ .-]?".join(f"[0-9]{{{size.replace('-', ',')}}}" for size in sizes)


_LOCAL_FORMS = (
    rf"08[1-9]{_groups('1', '3-4', '3-5')}",  # Indonesia, mobile: 0812-0000-0000
    rf"\(0[2-9][0-9]{{1,2}}\) ?{_groups('3-4', '3-4')}",  # an area code in brackets: (021) 000-0000
    rf"01[0-9][ -]?{_groups('3-4', '4')}",  # Malaysia, mobile: 012-000 0000
    rf"0[3-9]-{_groups('4', '4')}",  # Malaysia, fixed: 03-0000 0000
    rf"0[689][0-9][ -]?{_groups('3', '4')}",  # Thailand, mobile: 081-000-0000
    rf"02[ -]{_groups('3', '4')}",  # Thailand, Bangkok: 02-000-0000
    rf"0[35789][0-9]{_groups('1-2', '3', '3')}",  # Vietnam, mobile: 090 000 0000, 0900 000 000
    rf"09[ -]?{_groups('3', '3', '3')}",  # Myanmar, mobile: 09 000 000 000
    r"09[ -]?[0-9]{7,9}",
    rf"0[1-9][0-9][ -]{_groups('3', '3-4')}",  # Cambodia: 012 000 000
    rf"020[ -]?{_groups('4', '4')}",  # Laos, mobile: 020 0000 0000
    rf"09[0-9]{{2}}[ -]?{_groups('3', '4')}",  # Philippines, mobile: 0900 000 0000
    r"1[3-9][0-9] [0-9]{4} [0-9]{4}|1[3-9][0-9]-[0-9]{4}-[0-9]{4}",  # China, mobile, in groups
)
_LOCAL = re.compile(f"{_BEFORE}(?:{'|'.join(_LOCAL_FORMS)}){_AFTER}")

# Words that announce a number, in the languages of the region; Latin ones as whole words.
_LATIN_CUES = (
    r"tel|telp|telpon|telepon|telefon|telepono|phone|mobile|cellphone|hp|no\.? hp|nomor hp|nombor telefon|whatsapp|wa|"
    r"viber|zalo|đt|sđt|điện thoại|số điện thoại|hotline|fax|faks"
)
_OTHER_CUES = "โทรศัพท์|โทร|เบอร์|ໂທລະສັບ|ໂທ|ເບີ|ទូរស័ព្ទ|ဖုန်းနံပါတ်|ဖုန်း|தொலைபேசி|கைபேசி|电话|電話|手机|手機|致电|热线"
_ANNOUNCED = re.compile(
    rf"(?:(?<!\w)(?:{_LATIN_CUES})(?!\w)|{_OTHER_CUES})\.?(?:\s?[:：]\s?|\s)?"
    rf"(?P<number>[+]?[0-9](?:[ .-]?[0-9]){{6,12}}){_AFTER}",
    re.IGNORECASE,
)
_FEWEST, _MOST = 7, 13


def _local(found: re.Match[str]) -> bool:
    """No ISBN, and not the ten digits in order."""
    return found[0] != "0123456789" and "ISBN" not in found.string[max(0, found.start() - 12) : found.start()].upper()


def _abroad(found: re.Match[str]) -> bool:
    fewest, most = _NATIONAL[found["code"]]
    digits = "".join(filter(str.isdecimal, found["rest"].replace("(0)", "")))
    return any(fewest <= len(form) <= most for form in (digits, digits.removeprefix("0")))  # the 0 of +66 081...


def _announced(found: re.Match[str]) -> bool:
    """A number of telephone length that is no price, date or range of years."""
    number = found["number"]
    digits = sum(map(str.isdecimal, number))
    looks_otherwise = re.fullmatch(
        r"[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,2}[-. ][0-9]{1,2}[-. ][0-9]{4}|[0-9]{4}[-. ][0-9]{1,2}[-. ][0-9]{1,2}"
        r"|(?:1[89]|2[05])[0-9]{2}[ -]+(?:1[89]|2[05])[0-9]{2}",
        number,
    )
    return _FEWEST <= digits <= _MOST and not looks_otherwise


# Every number has seven digits with at most a sign or two between them; most texts have none.
_WORTH_A_LOOK = re.compile(r"\d(?:[ .()\-\u2010-\u2013\xa0]{0,3}\d){6}")


@maskers("phone")
def phone(text: str, /) -> tuple[str, int]:
    """Replace telephone numbers of Southeast Asia and its neighbors by <phone>."""
    if not _WORTH_A_LOOK.search(text):
        return text, 0
    total = 0
    for pattern, accept in ((_ABROAD, _abroad), (_LOCAL, _local), (_ANNOUNCED, _announced)):
        text, n = replaced(text, pattern, "<phone>", accept)
        total += n
    return text, total

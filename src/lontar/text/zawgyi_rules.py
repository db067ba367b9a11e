"""Burmese from the Zawgyi encoding to Unicode and back, a written syllable at a time.

Zawgyi stores glyphs in the order in which they are drawn, in the code points of the Myanmar block: the vowel E and the
sign around a letter (medial RA) before the letter, a code point of its own for each shape of a sign and each stacked
letter. Both directions take a text apart into syllables as they are drawn, and put the parts of each in the order of
the other encoding. What the shapes mean is as published in Unicode CLDR, transforms Zawgyi-my and my-Zawgyi, and so are
the shapes that are chosen; the order is that of Unicode Technical Note 11. Only characters of the Myanmar block change:
a space or an invisible character between a letter and its sign stays where it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["to_unicode", "to_zawgyi"]

# Written syllables remembered in each direction; a book has about 3,000 of them.
_CACHED = 1 << 14

# --- to Unicode ------------------------------------------------------------------------------------------------------

# What stands under a letter, by Zawgyi code point.
_STACKED = dict(zip("\u1060\u1061\u1062\u1063\u1065\u1066\u1068\u1069\u106c\u106d\u1070\u1071\u1073", "ကခဂဃစဆဇဈဋဌဏတထ"))
_STACKED |= dict(zip("\u1075\u1076\u1077\u1078\u1079\u107a\u107b\u107c\u1085", "ဒဓနပဖဗဘမလ"))
_STACKED |= {"\u1067": "ဆ", "\u1072": "တ", "\u1074": "ထ", "\u1093": "ဘ"}
_KINZI = "\u1004\u103a\u1039"
_LETTERS = {"\u106a": "ဉ", "\u106b": "ည", "\u1086": "ဿ", "\u108f": "န", "\u1090": "ရ"}
_LETTERS |= {"\u106e": "ဍ္ဍ", "\u106f": "ဍ္ဎ", "\u1091": "ဏ္ဍ", "\u1092": "ဋ္ဌ", "\u1097": "ဋ္ဋ"}
_AROUND = "\u103b\u107e-\u1084"
_SIGNS = {code: "\u1039" + letter for code, letter in _STACKED.items()} | {
    "\u1064": _KINZI,
    "\u108b": _KINZI + "\u102d",
    "\u108c": _KINZI + "\u102e",
    "\u108d": _KINZI + "\u1036",
    "\u1096": "\u1039တ\u103d",
    "\u103a": "\u103b",
    "\u107d": "\u103b",
    **{chr(code): "\u103c" for code in (0x103B, *range(0x107E, 0x1085))},
    "\u103c": "\u103d",
    "\u108a": "\u103d\u103e",
    "\u103d": "\u103e",
    "\u1087": "\u103e",
    "\u1088": "\u103e\u102f",
    "\u1089": "\u103e\u1030",
    "\u1033": "\u102f",
    "\u1034": "\u1030",
    "\u1039": "\u103a",
    "\u1094": "\u1037",
    "\u1095": "\u1037",
    "\u105a": "\u102b\u103a",
    "\u108e": "\u102d\u1036",
}
_PLAIN = {code: code for code in "\u102b\u102c\u102d\u102e\u102f\u1030\u1031\u1032\u1036\u1037\u1038"}
_PARTS = re.compile(f"{_KINZI}|\u1039.|.", re.DOTALL)
_PLACES = {_KINZI: 0, "": 1} | {
    sign: place
    for place, signs in enumerate(
        ("\u103b", "\u103c", "\u103d", "\u103e", "\u1031", "\u102d\u102e\u1032", "\u102b\u102c\u102f\u1030"), start=4
    )
    for sign in signs
}
_PLACES |= {"\u1036": 11, "\u1037": 12, "\u103a": 13, "\u1038": 14}
_STACK_PLACE, _EARLY_KILLER = 2, 3

# A syllable has at most seven signs; longer runs of them are no text and are taken in pieces.
_DRAWN = re.compile(
    f"([\u1031{_AROUND}]{{0,4}})"
    "([\u1000-\u102a\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097]|[\u1040\u1044](?=[\u102b-\u1030\u1032-\u103a\u103c\u103d]))"
    "([\u102b-\u1030\u1032-\u103a\u103c\u103d\u105a\u1060-\u1069\u106c\u106d\u1070-\u107d\u1085\u1087-\u108e\u1093-\u1096]{0,12})"
    "|[\u102b-\u103d\u105a\u1060-\u1097]"
)


def to_unicode(text: str) -> str:
    return _DRAWN.sub(_unicode_match, text)


def _unicode_match(found: re.Match[str]) -> str:
    return _unicode(found[0], found[1], found[2], found[3])


@lru_cache(maxsize=_CACHED)
def _unicode(whole, before, letter, after):
    if letter is None:
        return _SIGNS.get(whole, _LETTERS.get(whole, whole))
    letter = {"\u1040": "\u101d", "\u1044": "\u104e"}.get(letter, _LETTERS.get(letter, letter))
    parts = _PARTS.findall("".join(_SIGNS.get(c, c) for c in before + after))
    letter, stack = letter[:1], letter[1:]
    if stack:
        parts.insert(0, stack)
    keyed = {}
    for i, p in enumerate(parts):
        place = _STACK_PLACE if p[0] == "\u1039" else _PLACES[p]
        if p == "\u103a" and "\u103b" == (parts[i - 1] if i else ""):
            place = _EARLY_KILLER
        keyed.setdefault(p, place)
    if letter == "\u1025" and ("\u103a" in keyed or any(p[0] == "\u1039" for p in keyed)):
        letter = "\u1009"
    if letter == "\u1025" and "\u102e" in keyed:
        letter = "\u1026"; del keyed["\u102e"]
    if letter == "\u1005" and "\u103b" in keyed:
        letter = "\u1008"; del keyed["\u103b"]
    ordered = sorted(keyed, key=keyed.__getitem__)
    kinzi = _KINZI if _KINZI in keyed else ""
    return kinzi + letter + "".join(p for p in ordered if p != _KINZI)

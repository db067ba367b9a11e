"""Burmese from Zawgyi to Unicode and back.

A syllable is taken apart by one pattern and put together in the order of the other encoding. The facts are those of
Unicode Technical Note 11 and of the CLDR transforms Zawgyi-my and my-Zawgyi, the code is not: there a chain of some 150
replacements.
"""

from __future__ import annotations

import re

__all__ = ["to_unicode", "to_zawgyi"]

# --- Zawgyi to Unicode -----------------------------------------------------------------------------------------------

_STACKED = {
    **dict(zip("\u1060\u1061\u1062\u1063", "\u1000\u1001\u1002\u1003", strict=True)),
    **dict(zip("\u1065\u1066\u1067\u1068\u1069", "\u1005\u1006\u1006\u1007\u1008", strict=True)),
    **dict(zip("\u106c\u106d\u1070\u1071\u1072", "\u100b\u100c\u100f\u1010\u1010", strict=True)),
    **dict(zip("\u1073\u1074\u1075\u1076\u1077", "\u1011\u1011\u1012\u1013\u1014", strict=True)),
    **dict(zip("\u1078\u1079\u107a\u107b\u1093", "\u1015\u1016\u1017\u1018\u1018", strict=True)),
    **dict(zip("\u107c\u1085", "\u1019\u101c", strict=True)),
}
_LETTERS = {
    **{"\u106a": "\u1009", "\u106b": "\u100a", "\u108f": "\u1014", "\u1090": "\u101b", "\u1086": "\u103f"},
    **{"\u106e": "\u100d\u1039\u100d", "\u106f": "\u100d\u1039\u100e", "\u1091": "\u100f\u1039\u100d"},
    **{"\u1092": "\u100b\u1039\u100c", "\u1097": "\u100b\u1039\u100b"},
}
_RA = "\u103b\u107e-\u1084"
_KINZI = {"\u1064": "", "\u108b": "\u102d", "\u108c": "\u102e", "\u108d": "\u1036"}
_SIGNS = {
    **{"\u1033": "\u102f", "\u1034": "\u1030", "\u1039": "\u103a", "\u103a": "\u103b", "\u107d": "\u103b"},
    **{"\u103c": "\u103d", "\u103d": "\u103e", "\u1087": "\u103e", "\u1088": "\u103e\u102f", "\u1089": "\u103e\u1030"},
    **{
        "\u108a": "\u103d\u103e",
        "\u105a": "\u102b\u103a",
        "\u108e": "\u102d\u1036",
        "\u1094": "\u1037",
        "\u1095": "\u1037",
    },
    **{"\u1096": "\u1039\u1010\u103d"},
}
_LETTER = "\u1000-\u102a\u103f\u104e\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097"
_STACK = "".join(_STACKED) + "\u1096"
_AFTER = f"\u102b-\u1030\u1032-\u1034\u1036-\u103a\u103c-\u103d\u105a\u1064\u107d\u1087-\u108e\u1094\u1095{_STACK}"
_ZAWGYI = re.compile(
    f"(?P<before>[\u1031{_RA}]{{0,4}})(?P<letter>[{_LETTER}]|(?<=[\u1031{_RA}])\u1040|\u1040(?=[{_AFTER}]))(?P<after>[{_AFTER}]*)"
)
_FOUR = re.compile("\u1044(?=\u1004\u103a\u1038)")
_MARK_RANK = {
    char: rank
    for rank, group in enumerate(
        ("\u102d\u102e", "\u102f\u1030\u1032", "\u102b\u102c", "\u1036", "\u1037", "\u103a", "\u1038")
    )
    for char in group
}


def to_unicode(text: str) -> str:
    """Zawgyi as Unicode; what stands outside of the Myanmar block is not touched."""
    text = _ZAWGYI.sub(_unicode_syllable, _SWAPPED.sub(r"\2\1", text))
    text = _KILLED_U.sub("\u1009\\1", text).replace("\u1025\u102e", "\u1026").replace("\u1009\u102e", "\u1026")
    text = text.replace("\u101e\u103c\u1031\u102c\u103a", "\u102a").replace("\u1005\u103b", "\u1008")
    text = _ZERO.sub("\u101d", _FOUR.sub("\u104e", text))
    return _ALONE.sub("\u104e\u1004\u103a\u1038", text)


_KILLED_U = re.compile("\u1025(\u1037?\u103a)")
_ZERO = re.compile("(?<=[\u102b-\u103e])\u1040(?![\u1040-\u1049])|(?<![\u1040-\u1049])\u1040(?=[\u102b-\u103e])")
# The sign of RA before a letter and signs of the letter before that one, typed in each other's place.
_SWAPPED = re.compile(f"([{_RA}])([\u103c\u103d\u1087\u102d-\u1030\u1032]+)(?=[{_LETTER}])")
_ALONE = re.compile("\u104e(?!\u1004\u103a\u1038)")


def _unicode_syllable(found: re.Match[str]) -> str:
    before, after = found["before"], _KILLED_YA.sub("\u1039\u103a", found["after"])
    letter = _LETTERS.get(found["letter"], found["letter"])
    if letter == "\u1040":
        letter = "\u101d"
    kinzi = ""
    stacks: list[str] = []
    signs: list[str] = []
    killed_first = False
    for char in after:
        if char in _STACKED:
            stacks.append("\u1039" + _STACKED[char])
        elif char in _KINZI:
            kinzi = "\u1004\u103a\u1039"
            signs += _KINZI[char]
        elif char == "\u1096":
            stacks.append("\u1039\u1010\u103d")
        else:
            new = _SIGNS.get(char, char)
            killed_first |= new in _AFTER_KILLER and "\u103a" in signs
            signs += new
    unique = set(signs)
    medials = "".join(sorted((unique & _MEDIALS) | ({"\u103c"} if before.strip("\u1031") else set())))
    marks = sorted(
        (s for s in dict.fromkeys(signs) if s not in _MEDIALS and not (killed_first and s == "\u103a")),
        key=_MARK_RANK.__getitem__,
    )
    killer = "\u103a" if killed_first else ""
    e = "\u1031" if "\u1031" in before else ""
    return kinzi + letter + killer + "".join(stacks) + medials + e + "".join(marks)


# Before AA a killer on a sign of YA is one on its letter, drawn in the other order (ယောက်ျား); else it is its own (ချ်).
_KILLED_YA = re.compile("\u103a\u1039(?=[\u102b\u102c])")
_AFTER_KILLER = ("\u103b", "\u102f")
_MEDIALS = frozenset("\u103b\u103c\u103d\u103e")


# --- Unicode to Zawgyi -----------------------------------------------------------------------------------------------

_GLYPH_OF_STACK = dict(zip("ကခဂဃစဆဇဈဋဌဏတထဒဓနပဖဗဘမလ", "ၠၡၢၣၥၦၨၩၬၭၰၱၳၵၶၷၸၹၺၻၼႅ", strict=True))
_LIGATURES = {new: old for old, new in _LETTERS.items() if "\u1039" in new}
_WIDE = frozenset("ကဃဆဈညတထဘယလသဟအဏ")
_UNICODE = re.compile(
    "(?P<kinzi>\u1004\u103a\u1039)?(?P<letter>[\u1000-\u102a\u103f\u104e](?:\u1039[\u1000-\u1021])?)(?P<killed>\u103a(?=\u103b|\u102f))?"
    "(?P<medials>[\u103b-\u103e]*)(?P<e>\u1031?)(?P<rest>[\u102b-\u1030\u1032\u1036-\u1038\u103a]*)"
)


def to_zawgyi(text: str) -> str:
    """Unicode Burmese as Zawgyi, for readers who have only its fonts and for tests of what finds it."""
    text = text.replace("\u104e\u1004\u103a\u1038", "\u104e").replace("\u102a", "\u101e\u103c\u1031\u102c\u103a")
    return _UNICODE.sub(_zawgyi_syllable, text)


def _zawgyi_syllable(found: re.Match[str]) -> str:
    letter, medials, rest = found["letter"], found["medials"], found["rest"]
    stack = ""
    if letter in _LIGATURES:
        letter = _LIGATURES[letter]
    elif len(letter) > 1:
        if letter[2] not in _GLYPH_OF_STACK:  # no glyph: as two letters, the first of them killed
            return _zawgyi_syllable_of_two(found)
        letter, stack = letter[0], "\u1093" if letter == "\u1019\u1039\u1018" else _GLYPH_OF_STACK[letter[2]]
    ya, ra, wa, ha = (sign in medials for sign in "\u103b\u103c\u103d\u103e")
    low = "\u102f" in rest or "\u1030" in rest
    crowded = bool(stack) or wa or ha or low
    front = _sign_of_ra(letter, above=bool(re.search("[\u102d\u102e\u1032\u1036]", rest)), below=wa) if ra else ""
    shown = "\u108f" if letter == "\u1014" and (crowded or ya) else letter
    killed = "\u103a" in rest
    shown = "\u106b" if letter == "\u100a" and (crowded or (killed and "\u1037" in rest)) else shown
    shown = {"\u1009": "\u1009" if killed else "\u106a", "\u103f": "\u1086"}.get(shown, shown)
    after = "\u108a" if wa and ha else "\u103c" if wa else ""
    after += ("\u107d" if wa else "\u103a") if ya else ""
    if ha and not wa and not low:  # drawn after a vowel above
        rest = _ABOVE.sub("\\1\u103d", rest, count=1) if _ABOVE.search(rest) else f"\u103d{rest}"
    rest = _LOW_AND_RING.sub(r"\2\1", rest)
    tall = bool(ra or stack or ya or wa)
    u = {"\u102f": "\u1088", "\u1030": "\u1089"} if ha and not wa else {"\u102f": "\u1033", "\u1030": "\u1034"}
    if (ha and not wa) or tall:
        rest = "".join(u.get(sign, sign) for sign in rest)
    if "\u1037" in rest:  # the dot comes last, and is moved aside by what stands below
        aside = "\u1094" if shown in "\u1014\u108f\u101b" or low else "\u1095" if ya or ha else "\u1037"
        rest = rest.replace("\u1037", "") + aside
    rest = rest.replace("\u102b\u103a", "\u105a").replace("\u103a", "\u1039").replace("\u102d\u1036", "\u108e")
    first = "\u1039" if found["killed"] else ""
    return found["e"] + front + shown + stack + ("\u1064" if found["kinzi"] else "") + first + after + rest


_ABOVE = re.compile("^([\u102d\u102e])")
_LOW_AND_RING = re.compile("([\u102f\u1030])(\u1036)")


def _zawgyi_syllable_of_two(found: re.Match[str]) -> str:
    first, second = found["letter"][0], found["letter"][2]
    whole = found[0]
    at = whole.index(found["letter"])
    return to_zawgyi(f"{whole[:at]}{first}\u103a{second}{whole[at + 3 :]}")


def _sign_of_ra(letter: str, *, above: bool, below: bool) -> str:
    """The sign around a letter: wide or narrow, cut where something stands above or below."""
    return "\u103b\u107e\u107f\u1080\u1081\u1082\u1083\u1084"[(letter in _WIDE) + 2 * above + 4 * below]

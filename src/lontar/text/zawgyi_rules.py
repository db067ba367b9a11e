"""Burmese from the Zawgyi encoding to Unicode and back, a written syllable at a time.

Zawgyi stores glyphs in the order in which they are drawn, in the code points of the Myanmar block: the vowel E and the
sign around a letter (medial RA) before the letter, and a code point of its own for each shape of a sign and for each
stacked letter. Both directions take a text apart into syllables as they are drawn and put the parts of each in the
order of the other encoding. What the shapes mean, and which shape is chosen beside which other, is as published in
Unicode CLDR (transforms Zawgyi-my and my-Zawgyi); the order is that of Unicode Technical Note 11. Only characters of
the Myanmar block change: a space or an invisible character between a letter and its sign stays where it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["to_unicode", "to_zawgyi"]

# Syllables remembered in each direction: a book has about 3,000 different ones. Seven times as fast as without.
_REMEMBERED = 1 << 14

# --- what the code points of Zawgyi mean ------------------------------------------------------------------------------

_KINZI = "\u1004\u103a\u1039"
_YA, _RA, _WA, _HA, _E, _ASAT, _DOT = "\u103b\u103c\u103d\u103e\u1031\u103a\u1037"
# Letters under others. The last four are second shapes.
_STACKED = dict(
    zip(
        "\u1060\u1061\u1062\u1063\u1065\u1066\u1068\u1069\u106c\u106d\u1070\u1071\u1073\u1075\u1076\u1077\u1078\u1079"
        "\u107a\u107b\u107c\u1085\u1067\u1072\u1074\u1093",
        "ကခဂဃစဆဇဈဋဌဏတထဒဓနပဖဗဘမလဆတထဘ",
        strict=True,
    )
)
_LETTERS = {"\u106a": "ဉ", "\u106b": "ည", "\u1086": "ဿ", "\u108f": "န", "\u1090": "ရ"}
_DOUBLE = {"\u106e": "ဍ္ဍ", "\u106f": "ဍ္ဎ", "\u1091": "ဏ္ဍ", "\u1092": "ဋ္ဌ", "\u1097": "ဋ္ဋ"}
_AROUND = "\u103b\u107e\u107f\u1080\u1081\u1082\u1083\u1084"
_SIGNS = {
    **{code: "\u1039" + letter for code, letter in _STACKED.items()},
    **dict.fromkeys(_AROUND, _RA),
    **{"\u103a": _YA, "\u107d": _YA, "\u103c": _WA, "\u103d": _HA, "\u1087": _HA, "\u108a": _WA + _HA},
    **{"\u1064": _KINZI, "\u108b": _KINZI + "\u102d", "\u108c": _KINZI + "\u102e", "\u108d": _KINZI + "\u1036"},
    **{"\u1033": "\u102f", "\u1034": "\u1030", "\u1088": _HA + "\u102f", "\u1089": _HA + "\u1030"},
    **{"\u1039": _ASAT, "\u105a": "\u102b" + _ASAT, "\u1094": _DOT, "\u1095": _DOT},
    **{"\u108e": "\u102d\u1036", "\u1096": "\u1039တ" + _WA},
}
_ALONE = {ord(code): meaning for code, meaning in (_SIGNS | _LETTERS | _DOUBLE).items()}

# --- to Unicode ------------------------------------------------------------------------------------------------------

_BEFORE = f"\u1031{_AROUND}"
_LETTER = "\u1000-\u102a\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097"
_BEHIND = (
    "\u102b-\u1030\u1032-\u103a\u103c\u103d\u105a\u1060-\u1069\u106c\u106d\u1070-\u107d\u1085\u1087-\u108e\u1093-\u1096"
)
# A sign that is drawn before letters belongs to the one behind it, unless a sign stands between or it was typed twice.
_LATE = f"[{_BEFORE}](?=[{_BEHIND}])|\u1031(?=[{_AROUND}]\u1031)|[{_AROUND}](?![{_BEFORE}{_LETTER}])"
# A syllable has at most two signs before and seven behind. Longer runs are no text: cut, so that the time is linear.
_DRAWN = re.compile(
    f"([{_BEFORE}]{{0,4}})([{_LETTER}]|[\u1040\u1044](?=[{_BEHIND}]))((?:[{_BEHIND}]|{_LATE}){{0,12}})"
    f"|[{_BEFORE}{_BEHIND}]"
)
# Converters to Zawgyi are known to put the sign around the next letter before the last signs of this one.
_EARLY_RA = re.compile(f"([{_AROUND}])([\u103c\u103d\u1087\u108a]{{1,2}})(?=[{_LETTER}])")
# The digit zero typed for the letter WA, where CLDR takes it so: behind a sign and before what is no number, and at
# either end of a line beside a letter. The digit four for the sign of "the said", there and before its ending.
_SIGN = "\u102b-\u103f\u105a\u107d-\u1084\u1086-\u108e\u1094-\u1096"
_DIGIT_FOR_LETTER = re.compile(
    f"(?<=[{_SIGN}])\u1040(?![.,]?[\u1040-\u1049])|^\u1040(?=[{_LETTER}{_SIGN}])|(?<=[{_LETTER}{_SIGN}])\u1040$"
    f"|(?:^|(?<=[{_SIGN}]))\u1044(?=\u1004\u1039\u1038)",
    re.MULTILINE,
)
_LETTER_FOR_DIGIT = {"\u1040": "\u101d", "\u1044": "\u104e"}
_THE_SAID = re.compile("\u104e(?!\u1004[\u1039\u103a])")
_PART = re.compile(f"{_KINZI}|\u1039.|.")
_PLACES = {
    sign: place
    for place, signs in enumerate(
        (_YA, _RA, _WA, _HA, "", _E, "\u102d\u102e\u1032", "\u102b\u102c\u102f\u1030", "\u1036", _DOT, _ASAT, "\u1038"),
        start=3,
    )
    for sign in signs
}
_STACK, _BEFORE_YA, _BEFORE_VOWELS = 1, 2, 7
_VOWELS = frozenset("\u102b\u102c\u102d\u102e\u102f\u1030\u1032")
_MADE = {("\u1005", _YA): "\u1008", ("\u1025", "\u102e"): "\u1026", ("\u1009", "\u102e"): "\u1026"}


def to_unicode(text: str) -> str:
    """Zawgyi text as Unicode, syllables in the order of UTN 11, which is that of NFC. Unicode text is destroyed by it.

    A zero for the letter WA is one where CLDR takes it so; `myanmar_marks` of `lontar.text.reorder` finds the others.
    """
    if "\u104e" in text:
        text = _THE_SAID.sub("\u104e\u1004\u1039\u1038", text)
    if "\u1040" in text or "\u1044" in text:
        text = _DIGIT_FOR_LETTER.sub(lambda found: _LETTER_FOR_DIGIT[found[0]], text)
    text = _EARLY_RA.sub(r"\2\1", text)
    return _DRAWN.sub(lambda found: _as_unicode(*found.group(0, 1, 2, 3)), text)


@lru_cache(maxsize=_REMEMBERED)
def _as_unicode(drawn: str, before: str | None, letter: str | None, behind: str | None) -> str:
    if letter is None or before is None or behind is None:
        return drawn.translate(_ALONE)
    letter = _DOUBLE.get(letter) or _LETTERS.get(letter, letter)
    parts = _PART.findall(letter[1:] + (before + behind).translate(_ALONE))
    letter = letter[0]
    places = _placed(parts)
    if letter == "\u1025" and (_ASAT in places or _STACK in places.values()):
        letter = "\u1009"
    for sign in (_YA, "\u102e"):
        if sign in places and (letter, sign) in _MADE:
            letter = _MADE[letter, sign]
            del places[sign]
    kinzi = _KINZI if places.pop(_KINZI, None) is not None else ""
    return kinzi + letter + "".join(sorted(places, key=places.__getitem__))


def _placed(parts: list[str]) -> dict[str, int]:
    """Each part once, with its place in the syllable."""
    places: dict[str, int] = {}
    for part in parts:
        places.setdefault(part, _STACK if part[0] == "\u1039" else _PLACES.get(part, 0))
    if "\u102e" in places:  # two signs on one spot, typed for one that is drawn alike
        places.pop("\u102d", None)
    if "\u102f" in places:
        places.pop("\u1030", None)
    if _ASAT in places:
        _place_asat(places, parts)
    return places


def _place_asat(places: dict[str, int], parts: list[str]) -> None:
    """Move the killer to the letter where it belongs to that and not to the vowel, as in ယောက်ျား and ကျွန်ုပ်."""
    at = parts.index(_ASAT)
    typed, left = parts[:at], parts[at + 1 :]
    if _YA in left or (_YA in typed[-1:] and not _VOWELS.isdisjoint(left)):
        places[_ASAT] = _BEFORE_YA
    elif typed == ["\u102f"] or not _VOWELS.isdisjoint(left):
        places[_ASAT] = _BEFORE_VOWELS
    elif "\u102f" in typed:  # a slip: nothing is killed there
        del places[_ASAT]


# --- to Zawgyi -------------------------------------------------------------------------------------------------------

# As Unicode text is written; the killer may stand before or behind the dot below, and with its letter or its vowel.
_SYLLABLE = re.compile(
    f"({_KINZI})?([\u1000-\u102a\u103f])((?:\u1039[\u1000-\u1021]){{0,2}})([\u102b-\u1032\u1036-\u1038\u103a-\u103e]{{0,12}})"
    "|[\u1039-\u103e]"
)
_KILLED = re.compile("[\u103c-\u103e\u1031\u1037]*\u103a[\u103b-\u103e\u1031]*[\u102b-\u1030\u1032]")
_SAID = re.compile("\u104e(\u1004\u103a\u1038)?")
_WIDE = frozenset("ကဃဆညဏတထဘလသဟအ")
_BELOW = {letter: code for code, letter in reversed(_STACKED.items())} | {
    "ဆ": "\u1067",
    "တ": "\u1072",
    "ထ": "\u1074",
    "ဘ": "\u1093",
}
_JOINED = {both: code for code, both in _DOUBLE.items()}
_MOVED = {0x1039: "\u1039", 0x103A: "\u1039", 0x103B: "\u103a", 0x103C: "\u103b", 0x103D: "\u103c", 0x103E: "\u103d"}


def to_zawgyi(text: str) -> str:
    """Unicode Burmese as Zawgyi, in the shapes of my-Zawgyi; where that leaves a dot below in a letter's way, aside.

    Other languages of the script come out wrong. A sign typed twice is drawn once.
    """
    if "\u104e" in text:
        text = _SAID.sub(lambda found: "\u104e" if found[1] else "\u1044", text)
    return _SYLLABLE.sub(lambda found: _as_zawgyi(*found.group(0, 1, 2, 3, 4)), text)


@lru_cache(maxsize=_REMEMBERED)
def _as_zawgyi(drawn: str, kinzi: str | None, letter: str | None, under: str | None, signs: str | None) -> str:
    if letter is None or under is None or signs is None:
        return drawn.translate(_MOVED)
    has = set(signs) | ({_KINZI} if kinzi else set())
    killed = _KILLED.match(signs) is not None
    stack = ""
    if letter + under in _JOINED:
        letter = _JOINED[letter + under]
    elif under == "\u1039တ" and _WA in has:
        stack = "\u1096"
        has.remove(_WA)
    else:
        stack = "".join(_BELOW.get(part, "\u1039" + part) for part in under.replace("\u1039", ""))
    around = _around(letter, stack, has) if _RA in has else ""
    letter = _cut(letter, has, narrow=bool(stack or around))
    medials = _medials(has)
    return _E * (_E in has) + around + letter + stack + medials + _vowels(has, killed=killed) + _last(letter, has)


def _around(letter: str, stack: str, has: set[str]) -> str:
    """The sign of RA: narrow or wide, open above where something stands there, and below."""
    above = not has.isdisjoint("\u102d\u102e\u1032\u1036") or (_ASAT in has and has.isdisjoint("\u102b\u102c"))
    if letter == "ည" and not above:
        return "\u1082"
    return _AROUND[(4 if stack or _WA in has else 0) + 2 * above + (letter in _WIDE)]


def _cut(letter: str, has: set[str], *, narrow: bool) -> str:
    """The letter in the shape that leaves room for what is below it."""
    low = not has.isdisjoint(("\u102f", "\u1030", _WA, _HA))
    if letter == "ဉ":
        return "\u106a" if low or _RA in has else "\u1025" if _ASAT in has else letter
    if letter == "ည":
        return "\u106b" if low else letter
    if letter == "န":
        return "\u108f" if low or narrow else letter
    return "\u1086" if letter == "ဿ" else letter


def _medials(has: set[str]) -> str:
    """YA, WA, HA with WA, and the sign of NGA above, which takes a vowel there in."""
    if _WA in has:
        shapes = ("\u108a" if _HA in has else "\u103c") + "\u107d" * (_YA in has)
    else:
        shapes = "\u103a" * (_YA in has)
    if _KINZI in has:
        vowel = next((sign for sign in "\u102d\u102e\u1036" if sign in has), "")
        has.discard(vowel)
        shapes += {"\u102d": "\u108b", "\u102e": "\u108c", "\u1036": "\u108d"}.get(vowel, "\u1064")
    return shapes


def _vowels(has: set[str], *, killed: bool) -> str:
    """HA without WA, the vowels, and the killer, first of these beside and below where it is the letter's."""
    ha, low = "", "".join(sign for sign in "\u102f\u1030" if sign in has)
    if _HA in has and _WA not in has:
        ha = {"\u102f": "\u1088", "\u1030": "\u1089"}.get(low[:1], "\u1087" if _RA in has else "\u103d")
        low = low[1:]
    if _YA in has or _RA in has:
        low = low.translate({0x102F: "\u1033", 0x1030: "\u1034"})
    i, an = "\u102d" * ("\u102d" in has), "\u1036" * ("\u1036" in has)
    if i and an and not ha + low:
        i, an = "\u108e", ""
    high = "".join(sign for sign in "\u102e\u1032" if sign in has)
    beside = "".join(sign for sign in "\u102b\u102c" if sign in has)
    killer = "\u1039" * (_ASAT in has)
    if beside == "\u102b" and killer and not killed:
        beside, killer = "\u105a", ""
    early, late = (killer, "") if killed else ("", killer)
    return i + ha + high + an + early + low + beside + late


def _last(letter: str, has: set[str]) -> str:
    """The dot below, moved aside by what is below, and the visarga."""
    dot = ""
    if _DOT in has:
        low_ya = "\u102f" in has and (_YA in has or _RA in has)
        aside = "\u1095" if low_ya or _WA in has or _HA in has else ""
        dot = aside or ("\u1094" if letter in "\u1014\u108f" or not has.isdisjoint("\u102f\u1030") else _DOT)
    return dot + "\u1038" * ("\u1038" in has)

"""Text as it stands in files of the wrong encoding: made from right text, for tests of what finds it."""

from __future__ import annotations

import re

_STACKED = dict(zip("ကခဂဃစဆဇဈဋဌဏတထဒဓနပဖဗဘမလ", "ၠၡၢၣၥၦၨၩၬၭၰၱၳၵၶၷၸၹၺၻၼႅ", strict=True))  # U+1060 and on
_WIDE = set("ကဃဆဏတထဘယလသဟအ")
_SYLLABLE = re.compile(
    "(?P<kinzi>\u1004\u103a\u1039)?(?P<letter>[\u1000-\u102a\u103f])(?P<stack>\u1039[\u1000-\u1021])?"
    "(?P<medials>[\u103b-\u103e]*)(?P<e>\u1031?)(?P<rest>[\u102b-\u1032\u1036-\u1038\u103a]*)"
)


def to_zawgyi(text: str) -> str:
    """Burmese in the Zawgyi encoding: glyphs in the order in which they are drawn."""
    return _SYLLABLE.sub(_syllable, text)


def _syllable(found: re.Match[str]) -> str:
    letter, medials, rest = found["letter"], found["medials"], found["rest"]
    ya, ra, wa, ha = (sign in medials for sign in "\u103b\u103c\u103d\u103e")
    u = "\u102f" in rest or "\u1030" in rest
    stack = _STACKED[found["stack"][1]] if found["stack"] else ""
    front = _ra(letter, above=bool(re.search("[\u102d\u102e\u1032\u1036]", rest)), below=wa) if ra else ""
    if stack or wa or ha or u:
        letter = {"\u1014": "\u108f", "\u101b": "\u1090", "\u100a": "\u106b"}.get(letter, letter)
    letter = {"\u1009": "\u1025", "\u103f": "\u1086"}.get(letter, letter)
    after = ("\u107d" if ya and wa else "\u103a" if ya else "") + ("\u108a" if wa and ha else "\u103c" if wa else "")
    if ha and not wa:
        after += "" if u else "\u103d"
    low = {"\u102f": "\u1088", "\u1030": "\u1089"} if ha else {"\u102f": "\u1033", "\u1030": "\u1034"}
    if ha or front or stack or ya:
        rest = "".join(low.get(sign, sign) for sign in rest)
    if "\u1037" in rest:  # the dot comes last, and is moved aside by what stands below
        aside = "\u1094" if letter in "\u1014\u108f" or u else "\u1095" if ya or wa or ha else "\u1037"
        rest = rest.replace("\u1037", "") + aside
    rest = rest.replace("\u102b\u103a", "\u105a").replace("\u103a", "\u1039").replace("\u102d\u1036", "\u108e")
    return found["e"] + front + letter + stack + ("\u1064" if found["kinzi"] else "") + after + rest


def _ra(letter: str, *, above: bool, below: bool) -> str:
    """The sign around a letter: wide or narrow, cut where something stands above or below."""
    wide = letter in _WIDE
    return "\u103b\u107e\u107f\u1080\u1081\u1082\u1083\u1084"[wide + 2 * above + 4 * below]


def misread(text: str, codec: str) -> str:
    """UTF-8 decoded as `codec`; bytes that it does not define become control characters, as browsers show them."""
    if codec == "gbk":
        return text.encode("utf-8").decode("gbk", "replace")
    return "".join(bytes([b]).decode(codec, "ignore") or chr(b) for b in text.encode("utf-8"))

"""Zawgyi, the font encoding in which much Burmese text was written until 2019: told line by line, converted both ways.

Zawgyi stores glyphs in the order in which they are drawn, in the code points of the Myanmar block, so the same letters
mean other things: U+1039 is the visible killer, U+1031 and the sign of medial RA stand before their letter, and U+1060
to U+1097, letters of Shan, Mon and Karen in Unicode, are stacked and narrow forms. So a line is told by places that are
right in one encoding only (Unicode Technical Note 11), weighed and added up: no model, no dependency, and what spoke
for a decision can be read.
"""

from __future__ import annotations

import math
import re

from lontar.text.zawgyi_forms import to_unicode, to_zawgyi

__all__ = ["convert_lines", "is_zawgyi", "to_unicode", "to_zawgyi", "zawgyi_probability"]

_MYANMAR = re.compile("[\u1000-\u109f]")
_STACKABLE = "\u1000-\u1021\u1025\u103f\u104e\u1050-\u105d"
# Letters and what Burmese, Pali and Sanskrit words stack under each.
_STACKS = {
    **{"က": "ကခလ", "ခ": "ယ", "ဂ": "ဂဃဒ", "ဃ": "ဃ", "စ": "စဆ", "ဇ": "ဇဈ", "ဉ": "စဆဇဈ", "ည": "စဆဇဈည"},
    **{"ဋ": "ဋဌ", "ဌ": "ဌ", "ဍ": "ဍဎ", "ဏ": "ဋဌဍဎဏ", "တ": "တထ", "ထ": "ထ", "ဒ": "ဒဓ", "ဓ": "ဓ"},
    **{"န": "တထဒဓန", "ပ": "ပဖလ", "ဖ": "ဖ", "ဗ": "ဗဘ", "မ": "ပဖဗဘမလ", "လ": "လ", "သ": "သတမ", "ဠ": "ဠ"},
}
_OTHERS = {
    first: "".join(sorted({chr(c) for c in range(0x1000, 0x1022)} - set(these))) for first, these in _STACKS.items()
}
# The killer comes first, since it is what is searched for.
_NEVER_STACKED = "\u1039(?:" + "|".join(f"(?<={first}\u1039)(?=[{others}])" for first, others in _OTHERS.items()) + ")"
_LETTERS = r"\u1000-\u1021"
_RA = r"\u103b\u107e-\u1084"
_BLOCK = r"\u1000-\u109f\uaa60-\uaa7f"
_NO_SYLLABLE = rf"[^{_BLOCK}]|$"
_MINOR_LETTERS = r"\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081"

# What is right in one of the two encodings only, with the weight of one such place in nats. Set by hand and checked on
# real text, lines and words apart: benchmarks/bench_zawgyi.py.
_SIGNS_OF = (
    # The vowel E or the sign of RA with no letter before it that could carry it.
    (3.0, rf"(?<![{_BLOCK}\u25cc\u200c\u200d-])[\u1031{_RA}](?=[{_LETTERS}{_RA}])"),
    # A killer that is seen: nothing follows that could be stacked; or on NGA, YA, WA, which Unicode never stacks on.
    (4.0, rf"\u1039(?![{_STACKABLE}])|(?<=[\u1004\u101a\u101d])\u1039"),
    # A killer between letters that no word of Burmese or Pali stacks.
    (3.2, _NEVER_STACKED),
    # E and then the sign of RA; E behind a sign that ends the syllable before.
    (2.8, rf"\u1031[{_RA}]|(?<=[\u102b-\u1030\u1032\u1036-\u1038])\u1031(?=[{_LETTERS}{_RA}])"),
    # The killer of Unicode, here the sign of YA, with a vowel on it; stacked forms behind a letter.
    (1.5, r"\u103a[\u102c-\u102e\u1030\u1032\u1036]"),
    (1.5, rf"(?<=[{_LETTERS}])[\u1060-\u1063\u1065-\u1069\u106c\u106d\u1070-\u107c\u1085](?![\u103a\u1086-\u108d])"),
    # A word in -p and the particle ပါ: no word stacks so, but for Popa.
    (1.0, r"\u1015\u1039\u1015\u102b(?!\u1038)"),
    (0.5, r"[\u1033\u1034\u1064\u105a\u106a\u106b\u108a\u1094\u1095]"),
)
_SIGNS_AGAINST = (
    # E behind its letter and before what only follows it; a letter stacked under a killed NGA.
    (3.1, rf"(?<=[{_LETTERS}\u103b-\u103e\u1075-\u1082])\u1031(?=[\u102b\u102c\u1036-\u1038\u103a]|{_NO_SYLLABLE})"),
    (3.1, rf"\u103a\u1039[{_LETTERS}]"),
    # The sign of YA before a vowel, where RA has its letter; the sign of HA, which has another code in Zawgyi.
    (2.5, rf"(?<=[{_LETTERS}])\u103b[\u102b-\u1032\u1036-\u1038\u103a]|\u103e"),
    # A killer behind a letter and before the next, or before a tone.
    (
        1.2,
        rf"(?<=[{_LETTERS}\u102b\u102c])\u1037?\u103a(?=[\u1000-\u102a\u1037\u1038\u1062\u1075-\u1081\u1087-\u108d])",
    ),
    (1.2, rf"(?<=[{_LETTERS}\u102b\u102c])\u1037?\u103a(?={_NO_SYLLABLE})"),
    # Letters of Shan, Mon and Karen where a word begins, and their tones where one ends.
    (2.6, rf"(?<![{_BLOCK}])[{_MINOR_LETTERS}]|[\u1086-\u108d](?={_NO_SYLLABLE})"),
)
_FOR = [(weight, re.compile(pattern)) for weight, pattern in _SIGNS_OF]
_AGAINST = [(weight, re.compile(pattern)) for weight, pattern in _SIGNS_AGAINST]
_EXTENDED = re.compile("[\u1022\u1028\u1035\u105a-\u105d\u1060-\u1085\u1087\u1088\uaa60-\uaa7f]")
_MINORITY = 0.25
"""Share of letters of Shan, Mon and Karen above which a text is in one of them: Zawgyi has a tenth, Shan a half."""


_NOTHING = -5.0
"""The score of text in which nothing speaks for Zawgyi."""


def _score(text: str) -> float:
    """Log-odds of Zawgyi: what speaks for it less what speaks against it."""
    if len(_EXTENDED.findall(text)) > _MINORITY * len(_MYANMAR.findall(text)):
        return _NOTHING
    for_it = sum(weight * len(pattern.findall(text)) for weight, pattern in _FOR)
    return for_it - sum(weight * len(pattern.findall(text)) for weight, pattern in _AGAINST) if for_it else _NOTHING


def zawgyi_probability(text: str) -> float:
    """How likely the text is in Zawgyi, in [0, 1]; 0.0 for text without Myanmar letters.

    Text that reads the same in both encodings (က, ကို) is not Zawgyi: converting it would change nothing.
    """
    if not _MYANMAR.search(text):
        return 0.0
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, _score(text)))))


def is_zawgyi(text: str) -> bool:
    """Whether the text is in Zawgyi: more speaks for it than against it."""
    return bool(_MYANMAR.search(text)) and _score(text) > 0


def convert_lines(text: str) -> tuple[str, int]:
    """The text with its Zawgyi lines in Unicode, and how many they are; lines are decided on one by one.

    A line that would still look like Zawgyi after it is converted is in neither encoding, and stays.
    """
    if not _MYANMAR.search(text):
        return text, 0
    lines = text.split("\n")
    converted = 0
    for i, line in enumerate(lines):
        if is_zawgyi(line) and (new := to_unicode(line)) != line and not is_zawgyi(new):
            lines[i] = new
            converted += 1
    return "\n".join(lines), converted

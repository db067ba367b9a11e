"""Vietnamese: where the tone mark stands, and the letter D with a stroke.

In syllables that end in oa, oe or uy the tone is written on the first vowel by the older rule (hòa, khỏe, thúy) and on
the second by the one of the school books since the 1980s (hoà, khoẻ, thuý). Both are in daily use, mixed within one
text. The older one stands here: it is what most keyboards write unless told otherwise. Where a consonant follows, and
after qu, both rules put the mark on the second vowel (hoàn, quý), and nothing is changed. A syllable is only touched
when it is one of Vietnamese, with its letters before the vowels, in a line that holds a letter which only Vietnamese
has: Sundanese writes poé (day), and no line of it is changed.
"""

from __future__ import annotations

import re
import unicodedata

from lontar.text.edited import Edited, counted
from lontar.text.registries import normalizers

__all__ = ["vietnamese_marks"]

_TONES = "\u0300\u0301\u0309\u0303\u0323"


def _moved() -> dict[str, str]:
    """Each vowel pair with the tone on its second vowel, to the same with it on the first; both cases of each."""
    found: dict[str, str] = {}
    for pair in ("oa", "oe", "uy"):
        for tone in _TONES:
            first, second = pair
            new = first + unicodedata.normalize("NFC", second + tone)
            old = unicodedata.normalize("NFC", first + tone) + second
            found |= {new: old, new.capitalize(): old.capitalize(), new.upper(): old.upper()}
    return found


_PAIRS = _moved()
_ONSET = "ngh|ng|nh|ch|gh|gi|kh|ph|th|tr|[bcdđghklmnprstvx]"
_SYLLABLE = re.compile(rf"(?<![^\W\d_])(?i:({_ONSET})?)({'|'.join(_PAIRS)})(?![^\W\d_\u0300-\u036f]|[\u0300-\u036f])")
_LETTER_D = re.compile(
    "(?<![^\\W\\d_])[\u00d0\u0189](?=[aăâeêioôơuưyàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ])"
)


@normalizers("vietnamese_marks")
def vietnamese_marks(text: str, /) -> Edited:
    """Vietnamese tone marks on the first vowel of a final oa, oe, uy; Đ for its look-alikes at the head of words."""
    return counted(text, letter_d=lambda text: _LETTER_D.subn("\u0110", text), tone_place=_replaced)


# Letters with horn, and those of Latin Extended Additional that have a tone mark.
_ONLY_VIETNAMESE = re.compile("[ơưƠƯ\u1ea0-\u1ef9]")


def _replaced(text: str) -> tuple[str, int]:
    if not _ONLY_VIETNAMESE.search(text):
        return text, 0
    lines, places = text.split("\n"), 0
    for i, line in enumerate(lines):
        if _ONLY_VIETNAMESE.search(line):
            lines[i], n = _SYLLABLE.subn(lambda found: (found[1] or "") + _PAIRS[found[2]], line)
            places += n
    return "\n".join(lines), places

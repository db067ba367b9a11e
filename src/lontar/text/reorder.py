"""Marks of Thai, Lao, Burmese and Khmer in one order and one form where several look the same.

Each function changes its own scripts only, and only what has one right answer: a run of marks is sorted by rank, marks
of one rank stay as they are, and every order agrees with NFC, so that NFC after it changes nothing. Sources: Unicode
Standard, chapter 16; Unicode Technical Note 11 (Myanmar); M. Hosken, Khmer Encoding Structure (L2/21-241).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lontar.text.registries import normalizers


def _ranks(*groups: str) -> dict[str, int]:
    return {char: rank for rank, group in enumerate(groups) for char in group}


def _sorter(ranks: Mapping[str, int]) -> Callable[[re.Match[str]], str]:
    return lambda found: "".join(sorted(found[0], key=ranks.__getitem__))


# --- Thai and Lao ----------------------------------------------------------------------------------------------------

# Below the letter first (phinthu; the Lao semivowel sign), then vowels, tone marks, and what silences. Lao NIGGAHITA is
# a vowel, so it stands before the tone mark, and so does the Thai sign in the languages that use both.
_THAI = _ranks(
    "\u0e3a", "\u0e31\u0e34\u0e35\u0e36\u0e37\u0e38\u0e39\u0e47\u0e4d", "\u0e48\u0e49\u0e4a\u0e4b", "\u0e4c\u0e4e"
)
_LAO = _ranks(
    "\u0eba\u0ebc", "\u0eb1\u0eb4\u0eb5\u0eb6\u0eb7\u0eb8\u0eb9\u0ebb\u0ecd", "\u0ec8\u0ec9\u0eca\u0ecb", "\u0ecc"
)
_THAI_RUN = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]{2,}")
_LAO_RUN = re.compile("[\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd]{2,}")
# SARA AM takes a space of its own; a tone mark typed after it belongs before it.
_AFTER_AM = re.compile("(\u0e33)([\u0e48-\u0e4c\u0e4e]+)|(\u0eb3)([\u0ec8-\u0ecc]+)")


def _until_stable(pattern: re.Pattern[str], replacement: str, text: str) -> str:
    while (changed := pattern.sub(replacement, text)) != text:
        text = changed
    return text


@normalizers("mark_order")
def mark_order(text: str, /) -> str:
    """Thai and Lao vowel signs before tone marks, the order in which they are typed and searched."""
    text = _until_stable(_AFTER_AM, r"\2\1\4\3", text)
    return _LAO_RUN.sub(_sorter(_LAO), _THAI_RUN.sub(_sorter(_THAI), text))


_APART = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|\u0ecd([\u0ec8-\u0ecb]?)\u0eb2")


@normalizers("sara_am")
def sara_am(text: str, /) -> str:
    """Thai and Lao SARA AM as one character where it is typed as NIKHAHIT, perhaps a tone mark, and SARA AA."""
    # Composing can bring a tone mark behind SARA AM, and ordering can bring the two parts together.
    while (changed := _APART.sub(_composed, text)) != text:
        text = mark_order(changed)
    return text


def _composed(found: re.Match[str]) -> str:
    return f"{found[1]}\u0e33" if found[1] is not None else f"{found[2]}\u0eb3"


# --- Burmese ---------------------------------------------------------------------------------------------------------

# Medials YA RA WA HA; then vowels above, vowels below and beside, anusvara, dot below, visarga. The asat U+103A and
# the vowel U+1031 end a run: the asat is right in several places (ယောက်ျား, ကျွန်ုပ်), and U+1031 out of place is the
# mark of text that is not Unicode but Zawgyi, which has to be converted first.
_MEDIALS = re.compile("[\u103b-\u103e]{2,}")
_MYANMAR = _ranks("\u102d\u102e", "\u102b\u102c\u102f\u1030\u1032", "\u1036", "\u1037", "\u1038")
_MYANMAR_RUN = re.compile("[\u102b-\u1030\u1032\u1036-\u1038]{2,}")


@normalizers("myanmar_marks")
def myanmar_marks(text: str, /) -> str:
    """Burmese medials, vowels and tones in the standard's order, and NNYA for the letter U under an asat."""
    text = _MEDIALS.sub(lambda found: "".join(sorted(found[0])), text)
    text = _MYANMAR_RUN.sub(_myanmar_sorted, text)
    # U+1025 with asat is a look-alike of U+1009 with asat; with U+102E it composes (as in NFC).
    return text.replace("\u1025\u103a", "\u1009\u103a").replace("\u1025\u102e", "\u1026")


_myanmar_sorted = _sorter(_MYANMAR)

# --- Khmer -----------------------------------------------------------------------------------------------------------

# A subscript (coeng and a letter) and a register shifter come before the vowel, signs after it. Between subscripts and
# shifters the standard allows both orders, and so does this. Subscript RO is written around the others: it comes last.
_KHMER_RUN = re.compile("(?:\u17d2[\u1780-\u17b3]|[\u17b6-\u17ca]){2,}")
_KHMER_PART = re.compile("\u17d2[\u1780-\u17b3]|[\u17b6-\u17ca]")
_RO_FIRST = re.compile("(\u17d2\u179a)((?:\u17d2[\u1780-\u1799\u179b-\u17b3])+)")


def _khmer_rank(part: str) -> int:
    if part[0] in "\u17d2\u17c9\u17ca":
        return 0
    return 2 if part in "\u17c6\u17c7\u17c8" else 1


def _khmer_sorted(found: re.Match[str]) -> str:
    return "".join(sorted(_KHMER_PART.findall(found[0]), key=_khmer_rank))


@normalizers("khmer_marks")
def khmer_marks(text: str, /) -> str:
    """Khmer subscripts before vowels before signs, subscript RO last, and vowels typed in two parts as one."""
    text = _KHMER_RUN.sub(_khmer_sorted, text)
    text = _until_stable(_RO_FIRST, r"\2\1", text)
    return text.replace("\u17c1\u17b6", "\u17c4").replace("\u17c1\u17b8", "\u17be")

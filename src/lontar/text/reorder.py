"""Marks of Thai, Lao, Burmese and Khmer in one order and one form where several look the same.

Each function changes its own scripts only, and only what has one right answer: a run of marks is sorted by rank, marks
of one rank stay as they are, and every order agrees with NFC, so that NFC after it changes nothing. Sources: Unicode
Standard, chapter 16; Unicode Technical Note 11 (Myanmar); M. Hosken, Khmer Encoding Structure (L2/21-241). Each returns
the text and how many places it changed, by kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lontar.text.edited import Edited, counted
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


def _until_stable(pattern: re.Pattern[str], replacement: str, text: str) -> tuple[str, int]:
    """The pattern replaced until it is not found; the places where it was found first."""
    changed, places = pattern.subn(replacement, text)
    while changed != text:
        text = changed
        changed = pattern.sub(replacement, text)
    return text, places


def _sorted_runs(text: str, *runs: tuple[re.Pattern[str], Callable[[re.Match[str]], str]]) -> tuple[str, int]:
    """Runs of marks in order, and how many were not."""
    wrong = 0

    def sort(found: re.Match[str], order: Callable[[re.Match[str]], str]) -> str:
        nonlocal wrong
        ordered = order(found)
        wrong += ordered != found[0]
        return ordered

    for pattern, order in runs:
        text = pattern.sub(lambda found, order=order: sort(found, order), text)  # type: ignore[misc]
    return text, wrong


@normalizers("mark_order")
def mark_order(text: str, /) -> Edited:
    """Thai and Lao vowel signs before tone marks, the order in which they are typed and searched."""
    return counted(text, mark_order=_thai_and_lao)


def _thai_and_lao(text: str) -> tuple[str, int]:
    text, moved = _until_stable(_AFTER_AM, r"\2\1\4\3", text)
    text, sorted_ = _sorted_runs(text, (_THAI_RUN, _sorter(_THAI)), (_LAO_RUN, _sorter(_LAO)))
    return text, moved + sorted_


_APART = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|\u0ecd([\u0ec8-\u0ecb]?)\u0eb2")


@normalizers("sara_am")
def sara_am(text: str, /) -> Edited:
    """Thai and Lao SARA AM as one character where it is typed as NIKHAHIT, perhaps a tone mark, and SARA AA."""
    return counted(text, sara_am=_joined_am)


def _joined_am(text: str) -> tuple[str, int]:
    places = 0
    # Composing can bring a tone mark behind SARA AM, and ordering can bring the two parts together.
    while (found := _APART.subn(_composed, text))[1]:
        places += found[1]
        text, _ = _thai_and_lao(found[0])
    return text, places


@normalizers("two_part_vowels")
def two_part_vowels(text: str, /) -> Edited:
    """Thai and Lao SARA AE as one character where it is typed as SARA E twice: they look the same."""
    return counted(text, two_part_vowels=lambda text: _TWO_E.subn(lambda found: _ONE_AE[found[0][0]], text))


# Three and more are a lengthened vowel, as people type it, and no AE.
_TWO_E = re.compile("(?<!\u0e40)\u0e40\u0e40(?!\u0e40)|(?<!\u0ec0)\u0ec0\u0ec0(?!\u0ec0)")
_ONE_AE = {"\u0e40": "\u0e41", "\u0ec0": "\u0ec1"}


def _composed(found: re.Match[str]) -> str:
    return f"{found[1]}\u0e33" if found[1] is not None else f"{found[2]}\u0eb3"


# --- Burmese ---------------------------------------------------------------------------------------------------------

# Medials YA RA WA HA; then vowels above, vowels below and beside, anusvara, dot below, visarga. The asat U+103A and
# the vowel U+1031 end a run: the asat is right in several places (ယောက်ျား, ကျွန်ုပ်), and U+1031 out of place is the
# mark of text that is not Unicode but Zawgyi, which has to be converted first.
_MEDIALS = re.compile("[\u103b-\u103e]{2,}")
_MYANMAR = _ranks("\u102d\u102e", "\u102b\u102c\u102f\u1030\u1032", "\u1036", "\u1037", "\u1038")
_MYANMAR_RUN = re.compile("[\u102b-\u1030\u1032\u1036-\u1038]{2,}")


# A run that a ZERO for the letter WA opens would be one more place with a mark and no letter.
_ZERO_FOR_WA = re.compile("(?<![\u1040-\u1049])\u1040(?=[\u102b-\u103e]|[\u1000-\u1020]\u103a)")
_FOUR_FOR_THAT = re.compile("(?<![\u1040-\u1049])\u1044(?=\u1004\u103a\u1038)")
_LETTER_U = re.compile("\u1025(?:\u103a|\u102e)")


@normalizers("myanmar_marks")
def myanmar_marks(text: str, /) -> Edited:
    """Burmese medials, vowels and tones in the standard's order, and letters for their look-alikes.

    Look-alikes: the letter U under an asat for NNYA, the digit zero in a syllable for the letter WA, the digit four
    before င်း for the sign of "the said".
    """
    return counted(
        text,
        mark_order=lambda text: _sorted_runs(text, (_MEDIALS, _by_code), (_MYANMAR_RUN, _sorter(_MYANMAR))),
        letter_u=lambda text: _LETTER_U.subn(lambda found: _U_WITH[found[0][1]], text),
        digit_for_letter=_letters_for_digits,
    )


_U_WITH = {"\u103a": "\u1009\u103a", "\u102e": "\u1026"}  # the second as in NFC


def _by_code(found: re.Match[str]) -> str:
    return "".join(sorted(found[0]))


def _letters_for_digits(text: str) -> tuple[str, int]:
    text, zeros = _ZERO_FOR_WA.subn("\u101d", text)
    text, fours = _FOUR_FOR_THAT.subn("\u104e", text)
    return text, zeros + fours


# --- Khmer -----------------------------------------------------------------------------------------------------------

# A subscript (coeng and a letter) and a register shifter come before the vowel, signs after it. Between subscripts and
# shifters the standard allows both orders, and so does this. Subscript RO is written around the others: it comes last.
_KHMER_RUN = re.compile("(?:\u17d2[\u1780-\u17b3]|[\u17b6-\u17ca]){2,}")
_KHMER_PART = re.compile("\u17d2[\u1780-\u17b3]|[\u17b6-\u17ca]")
_SUBSCRIPTS = re.compile("(?:\u17d2[\u1780-\u17b3]){2,}")
_SUBSCRIPT = re.compile("\u17d2[\u1780-\u17b3]")


def _khmer_rank(part: str) -> int:
    if part[0] in "\u17d2\u17c9\u17ca":
        return 0
    return 2 if part in "\u17c6\u17c7\u17c8" else 1


def _khmer_sorted(found: re.Match[str]) -> str:
    return "".join(sorted(_KHMER_PART.findall(found[0]), key=_khmer_rank))


_TWO_PARTS = re.compile("\u17c1(?:\u17b6|\u17b8)")
_WHOLE = {"\u17b6": "\u17c4", "\u17b8": "\u17be"}
# Characters that the standard tells not to use: two independent vowels and two vowels that are not seen.
_DEPRECATED = {"\u17a3": "\u17a2", "\u17a4": "\u17a2\u17b6", "\u17b4": "", "\u17b5": ""}
_OUTDATED = re.compile("[\u17a3\u17a4\u17b4\u17b5]")


@normalizers("khmer_marks")
def khmer_marks(text: str, /) -> Edited:
    """Khmer subscripts before vowels before signs, subscript RO last, and vowels typed in two parts as one."""
    return counted(
        text,
        deprecated=lambda text: _OUTDATED.subn(lambda found: _DEPRECATED[found[0]], text),
        mark_order=_khmer_order,
        two_part_vowels=lambda text: _TWO_PARTS.subn(lambda found: _WHOLE[found[0][1]], text),
    )


def _khmer_order(text: str) -> tuple[str, int]:
    return _sorted_runs(text, (_KHMER_RUN, _khmer_sorted), (_SUBSCRIPTS, _ro_last))


def _ro_last(found: re.Match[str]) -> str:
    return "".join(sorted(_SUBSCRIPT.findall(found[0]), key="\u17d2\u179a".__eq__))

"""Sentences: ICU's rules (Unicode Standard Annex 29), less the breaks that a language's spelling rules out.

ICU ends a sentence at ။ ។ ៕ 。 ! ? and at a full stop before a capital or a letter without case, which goes wrong after
abbreviations (Dr. Budi, Jl. Merdeka, No. 5, Rp. 5.000), initials and the numbers of a list. Here those are put together
again. Thai and Lao have no mark for the end and use the full stop for abbreviations (พ.ศ., ดร., น.), so that it ends
nothing after one of their letters; a line ends, and so does what is followed by a space after a polite particle that
stands at the end of Thai sentences (ครับ, ค่ะ). Elsewhere Thai and Lao spaces part phrases as well as sentences, and no
rule can tell which: the line is the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lontar.text.abbreviations import BEFORE_NAMES, BEFORE_NUMBERS

__all__ = ["revised_sentences"]

_LAST = re.compile(r"[^\s(\[{\"'“‘«]+$")
# A single letter, with its sign in the scripts that have them; of letters with case, a capital.
_INITIAL = re.compile(r"(?:(?![a-zà-öø-ÿ])[^\W\d_][\u0b80-\u0bff\u0300-\u036f]?\.-?)+")
_NUMBER = re.compile(r"\(?\d{1,3}\.")
# "So do I. He ..." ends a sentence far more often than it names somebody.
_PRONOUN = "I."
_THAI_OR_LAO = re.compile("[\u0e00-\u0eff]\\.+$")
_THAI_END = re.compile("(?:ครับ|ครับผม|ค่ะ|นะคะ|จ้ะ|จ้า)\u200b? +")
_KHMER_ETC = ("។", "ល។")
# ICU takes an opening quote after a full stop for a closing one.
_OPENERS = "“‘«‹「『【《〈（(["


def revised_sentences(pieces: list[str], locale: str) -> list[str]:
    """The pieces that ICU found, joined and cut where the language asks for it; joined they are the same text."""
    found = _joined(_opened(pieces), locale)
    return [part for piece in found for part in _cut(piece)] if locale == "th" else found


def _opened(pieces: Iterable[str]) -> Iterable[str]:
    """The pieces with each opening quote at the end of one moved to the next."""
    held = ""
    for piece in pieces:
        whole = held + piece
        kept = whole.rstrip(_OPENERS)
        held = whole[len(kept) :]
        if kept:
            yield kept
    if held:
        yield held


def _joined(pieces: Iterable[str], locale: str) -> list[str]:
    groups: list[list[str]] = []
    for piece in pieces:
        if groups and _goes_on(groups[-1], piece, locale):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return ["".join(group) for group in groups]


def _goes_on(group: list[str], after: str, locale: str) -> bool:
    before = group[-1].rstrip(" \u00a0\t")
    if locale == "km" and (before[-1:], after.rstrip()) == _KHMER_ETC:
        return True
    if not before.endswith("."):
        return False
    if locale in ("th", "lo") and _THAI_OR_LAO.search(before):
        return True
    if len(group) == 1 and _NUMBER.fullmatch(before.strip()):  # a number that opens a point of a list
        return True
    found = _LAST.search(before)
    return found is not None and _abbreviated(found[0], after, locale)


def _abbreviated(word: str, after: str, locale: str) -> bool:
    if word in BEFORE_NAMES.get(locale, ()):
        return True
    if after[:1].isdigit():
        return word in BEFORE_NUMBERS.get(locale, ())
    return word != _PRONOUN and _INITIAL.fullmatch(word) is not None


def _cut(piece: str) -> Iterable[str]:
    start = 0
    for found in _THAI_END.finditer(piece):
        yield piece[start : found.end()]
        start = found.end()
    if start < len(piece):
        yield piece[start:]

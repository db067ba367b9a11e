"""What a segmenter is shown of a text, and its pieces carried back to the text as it stands.

U+200B, which some writers put between words and most don't, is hidden: whether it is there or not, the same words are
found. Half a surrogate pair, which JSON can hold and no library takes, is shown as U+FFFD. Marks that stand in another
order than the one dictionaries are written in are shown in that order; everything but U+200B keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["ZWSP", "bare", "restored", "shown"]

ZWSP = "\u200b"
_SURROGATE = re.compile("[\ud800-\udfff]")
# Khmer: a vowel or a register shifter typed before a subscript, and a subscript RO that is not the last of two.
_KHMER_EARLY = re.compile("([\u17b6-\u17c5\u17c9\u17ca]+)((?:\u17d2[\u1780-\u17b3])*)")
_KHMER_RO = re.compile("(\u17d2\u179a)(\u17d2[\u1780-\u17b3])")


def shown(text: str, locale: str = "") -> str:
    """The text without U+200B, in whole characters, its marks in the order of the dictionaries."""
    text = text.replace(ZWSP, "")
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
        if locale == "my":
            # Canonical order: DOT BELOW before ASAT. Half of Burmese text has them the other way round, and ICU then
            # leaves the syllable in two: F1 on gold text 0.68 instead of 0.73.
            text = text.replace("\u103a\u1037", "\u1037\u103a")
        elif locale == "km":
            text = _KHMER_RO.sub(r"\2\1", _KHMER_EARLY.sub(r"\2\1", text))
    return text


def bare(piece: str) -> str:
    """A piece without U+200B."""
    return piece.replace(ZWSP, "")


def restored(text: str, pieces: Sequence[str]) -> list[str]:
    """The pieces of `shown(text)` as they stand in `text`, each with the U+200B that follow it; joined they are `text`.

    U+200B at the head goes with the first piece; a text of nothing else is one piece.
    """
    if ZWSP not in text:
        ends = list(accumulate(map(len, pieces)))
    else:
        places = [at for at, char in enumerate(text) if char != ZWSP]
        places.append(len(text))
        ends = [places[end] for end in accumulate(map(len, pieces))] or ([len(text)] if text else [])
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]

"""ICU's words, revised: what a reader takes for one word and ICU doesn't, or the other way round.

For every language an address of the web or of mail is one word. Where hyphens make words (jalan-jalan, araw-araw,
ti-vi) the hyphened word is one, and so is a Vietnamese word of several syllables that is in our list (`compounds.py`).
In Thai, Lao, Khmer and Burmese a word ends where the script changes and where digits begin or end, and so does one
before and after the sign of repetition. What the dictionary of a language cuts too finely or not finely enough is put
right by a model (`boundaries.py`) where there is text under permissive terms to learn it from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

from lontar.text.boundaries import MODELED, boundaries
from lontar.text.compounds import compounds

__all__ = ["cuts_of", "first_cuts", "pieces_of", "revised_words"]

_HYPHENED = frozenset({"id", "jv", "ms", "su", "tl", "vi"})
# What stands before a run keeps a search from starting within one, and bounds keep it short: linear on any text.
_NAME = "[A-Za-z0-9._%+-]"
_ADDRESS = rf"https?://[!-~]+|www\.[!-~]+|(?<!{_NAME}){_NAME}{{1,64}}@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}})+"
_RUN = r"([.!?^~=*…-])\1+"
_HYPHEN = r"(?<![^\W\d_])[^\W\d_]++(?:[-\u2010\u2011][^\W\d_]++)+"
_WHOLE = re.compile(f"{_ADDRESS}|{_RUN}")
_WHOLE_HYPHENED = re.compile(f"{_ADDRESS}|{_RUN}|{_HYPHEN}")
_OWN = {
    "th": "\u0e01-\u0e4e",
    "lo": "\u0e81-\u0ecd\u0edc-\u0edf",
    "km": "\u1780-\u17d3\u17d7",
    "my": "\u1000-\u103f\u104c-\u104f",
}
_DIGITS = {"th": "\u0e50-\u0e59", "lo": "\u0ed0-\u0ed9", "km": "\u17e0-\u17e9", "my": "\u1040-\u1049"}
_REPEATED = {"th": "\u0e46", "lo": "\u0ec6", "km": "\u17d7"}


def _borders(code: str) -> re.Pattern[str]:
    """Matches nothing, at each place where a word of the language's own script begins or ends."""
    own, other = f"[{_OWN[code]}]", f"[0-9A-Za-z\u00c0-\u024f{_DIGITS[code]}]"
    found = f"(?<={own})(?={other})|(?<={other})(?={own})"
    if code in _REPEATED:
        found += f"|(?<={_REPEATED[code]})|(?={_REPEATED[code]})"
    return re.compile(found)


_BORDERS = {code: _borders(code) for code in _OWN}


def revised_words(text: str, pieces: list[str], code: str) -> list[str]:
    """The pieces that ICU found in `text`, joined and cut anew; joined they are the same text."""
    wholes, borders = _wholes(text, code), _found_borders(text, code)
    if code not in MODELED and not wholes and not borders:
        return pieces
    cuts = _mark(cuts_of(text, pieces), borders, wholes)
    if code in MODELED:
        # The rules once more: where they hold, the model has no say (F1 on held-out Thai 0.850 instead of 0.831).
        cuts = _mark(boundaries(text, cuts, code), borders, wholes)
    return pieces_of(text, cuts)


def first_cuts(text: str, pieces: list[str], code: str) -> bytearray:
    """Cuts by ICU and by the rules: what a model starts from."""
    return _mark(cuts_of(text, pieces), _found_borders(text, code), _wholes(text, code))


def _wholes(text: str, code: str) -> list[tuple[int, int]]:
    wholes = [found.span() for found in (_WHOLE_HYPHENED if code in _HYPHENED else _WHOLE).finditer(text)]
    if code == "vi":
        wholes += compounds(text)
    return wholes


def _found_borders(text: str, code: str) -> list[int]:
    return [found.start() for found in _BORDERS[code].finditer(text)] if code in _BORDERS else []


def cuts_of(text: str, pieces: Iterable[str]) -> bytearray:
    """One byte for each place in the text and its end: 1 where a piece begins or ends."""
    cuts = bytearray(len(text) + 1)
    cuts[0] = 1
    for end in accumulate(map(len, pieces)):
        cuts[end] = 1
    return cuts


def pieces_of(text: str, cuts: bytearray) -> list[str]:
    """What lies between the cuts; the other way round."""
    found, start = [], 0
    while (end := cuts.find(1, start + 1)) > 0:
        found.append(text[start:end])
        start = end
    return found


def _mark(cuts: bytearray, borders: Iterable[int], wholes: Iterable[tuple[int, int]]) -> bytearray:
    for at in borders:
        cuts[at] = 1
    for start, end in wholes:
        cuts[start:end] = bytes(end - start)
        cuts[start] = cuts[end] = 1
    return cuts

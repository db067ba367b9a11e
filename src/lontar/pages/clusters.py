"""Where a text can be cut without tearing what readers see as one letter, and tokens as boxes around such pieces.

A safe cluster is a character with the marks and joiners after it, SARA AM, and whatever a virama binds to it (Khmer
COENG, Myanmar VIRAMA). UAX 29 is not enough: there the Burmese signs U+102B, U+102C and visarga stand alone, and a box
around one of them shows a dotted circle.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

ZWNJ, ZWJ = "\u200c", "\u200d"
SARA_AM = "\u0e33\u0eb3"
BINDERS = "\u1039\u17d2\u200d"
DOTTED_CIRCLE = "\u25cc"

_NAMES = {
    "\u00ad": "SHY", "\u061c": "ALM", "\u200b": "ZWSP", ZWNJ: "ZWNJ", ZWJ: "ZWJ", "\u200e": "LRM", "\u200f": "RLM",
    "\u2028": "LS", "\u2029": "PS", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO",
    "\u202e": "RLO", "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
    "\ufeff": "BOM", "\n": "\u21b5", "\t": "TAB", "\r": "CR", "\ufffd": "U+FFFD",
}  # fmt: skip
_CHIPPED_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text, or the label of one character that cannot be seen."""

    text: str
    chip: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """What one box shows: its text and the bytes of each token in it."""

    text: str
    pieces: tuple[bytes, ...]


def joins(before: str, char: str) -> bool:
    """Whether `char` belongs to the cluster that `before` ends."""
    if before in BINDERS or char in (ZWNJ, ZWJ) or char in SARA_AM:
        return True
    return unicodedata.category(char).startswith("M")


def safe_cuts(text: str) -> list[int]:
    """Positions in `text` where a cut tears no cluster; its start and end are among them."""
    inner = [i for i in range(1, len(text)) if not joins(text[i - 1], text[i])]
    return [0, *inner, len(text)] if text else [0]


def clusters(text: str) -> list[str]:
    """The text in safe clusters."""
    cuts = safe_cuts(text)
    return [text[a:b] for a, b in pairwise(cuts)]


def boxes(text: str, pieces: Iterable[bytes]) -> list[Box]:
    """Tokens as boxes; tokens that end inside a cluster share one.

    Raises:
        ValueError: the pieces are not the text's UTF-8.
    """
    at, byte_of = 0, [0]
    for char in text:
        byte_of.append(byte_of[-1] + len(char.encode("utf-8")))
    cuts = {byte_of[i]: i for i in safe_cuts(text)}
    found, start, held = [], 0, list[bytes]()
    for piece in pieces:
        held.append(piece)
        at += len(piece)
        if at in cuts and cuts[at] > start:
            found.append(Box(text[start : cuts[at]], tuple(held)))
            start, held = cuts[at], []
    if b"".join(piece for box in found for piece in box.pieces) != text.encode("utf-8") or held:
        raise ValueError("the tokens do not spell the text")
    return found


def piece_label(piece: bytes) -> str:
    """What a chip says of one token: its text, ◌ before a mark that stands alone, hex when it is not UTF-8."""
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece.hex(" ").upper()
    if text and unicodedata.category(text[0]).startswith("M"):
        return DOTTED_CIRCLE + text
    return text


def label(char: str) -> str:
    """The name of a character that cannot be seen; empty for one that can."""
    if char in _NAMES:
        return _NAMES[char]
    return f"U+{ord(char):04X}" if unicodedata.category(char) in _CHIPPED_CATEGORIES else ""


def parts(text: str) -> list[Part]:
    """A text with every character that cannot be seen as a labeled part of its own."""
    found: list[Part] = []
    for char in text:
        if named := label(char):
            found.append(Part(named, chip=True))
        elif found and not found[-1].chip:
            found[-1] = Part(found[-1].text + char)
        else:
            found.append(Part(char))
    return found


def cut_short(text: str, limit: int) -> str:
    """At most `limit` characters without the space around them, cut between clusters; … stands for the rest."""
    text = text.strip()
    if len(text) <= limit:
        return text
    return text[: max((cut for cut in safe_cuts(text) if cut <= limit), default=0)].rstrip() + "…"

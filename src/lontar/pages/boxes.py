"""Tokens drawn over a sentence: which bytes each has, where it tears a character, and the boxes as HTML.

Two kinds of borders matter. Tokens are judged by extended grapheme clusters (UAX 29), as in the tables of
`lontar tokenizer report`. Text is cut for drawing only between safe clusters (see `clusters`), which are no smaller,
because a mark in an element of its own loses its letter. So a cell may hold two tokens neither of which is torn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lontar.pages.clusters import boxes, clusters, parts, piece_label
from lontar.text.graphemes import cluster_borders
from lontar.text.unicode import is_utf8

# Runs of torn tokens that are spelled out below a sentence: enough to see how a letter is torn, not a table of bytes.
SPELLED_OUT, LONGEST_SPELLED = 3, 9


@dataclass(frozen=True, slots=True)
class Span:
    """One token in a text."""

    start: int
    end: int
    """bytes of the text's UTF-8, `start` up to but not including `end`"""
    first: int
    last: int
    """characters (code points) that it has at least one byte of, `first` up to but not including `last`"""
    whole: bool
    """begins and ends between grapheme clusters"""
    is_text: bool
    """valid UTF-8, so no fragment of a character"""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one element: whole clusters, and the tokens that have bytes of them, by number."""

    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Drawn:
    """A sentence as one tokenizer cuts it."""

    spans: Sequence[Span]
    cells: Sequence[Cell]
    spelled: Sequence[tuple[str, Sequence[str]]]
    """the first letters that several tokens share, with what is in each of these"""

    @property
    def n(self) -> int:
        """Tokens."""
        return len(self.spans)

    @property
    def torn(self) -> list[int]:
        """Numbers of the tokens that begin or end inside a character."""
        return [i for i, span in enumerate(self.spans) if not span.whole]

    def json(self) -> dict[str, Any]:
        """Plain values, which `token_boxes` draws."""
        return {
            "n": self.n,
            "torn": self.torn,
            "not_utf8": sum(not span.is_text for span in self.spans),
            "cells": [[cell.text, list(cell.tokens)] for cell in self.cells],
            "spelled": [{"text": text, "pieces": list(labels)} for text, labels in self.spelled],
        }


def spans(text: str, pieces: Iterable[bytes]) -> list[Span]:
    """Where each token lies; tokens without bytes are passed over.

    Raises:
        ValueError: the tokens do not spell the text.
        MissingExtraError: the library that knows grapheme clusters is not installed.
    """
    listed = [piece for piece in pieces if piece]
    if b"".join(listed) != text.encode("utf-8"):
        raise ValueError("the tokens do not spell the text")
    owner = [i for i, char in enumerate(text) for _ in char.encode("utf-8")]
    borders = cluster_borders(text)
    found, start = [], 0
    for piece in listed:
        end = start + len(piece)
        whole = start in borders and end in borders
        found.append(Span(start, end, owner[start], owner[end - 1] + 1, whole, is_utf8(piece)))
        start = end
    return found


def cells(text: str, found: Sequence[Span]) -> list[Cell]:
    """The text in elements: what one token has whole stays together, a torn cluster stands alone."""
    made: list[Cell] = []
    start = token = 0
    for cluster in clusters(text):
        end = start + len(cluster.encode("utf-8"))
        while found[token].end <= start:
            token += 1
        last = token
        while found[last].end < end:
            last += 1
        here = tuple(range(token, last + 1))
        if made and here == made[-1].tokens and len(here) == 1:
            made[-1] = Cell(made[-1].text + cluster, here)
        else:
            made.append(Cell(cluster, here))
        start = end
    return made


def drawn(text: str, pieces: Sequence[bytes]) -> Drawn:
    """A sentence with its tokens.

    Raises:
        ValueError: the tokens do not spell the text, as those of a tokenizer that changes text before it cuts it.
    """
    found = spans(text, pieces)
    shared = [box for box in boxes(text, pieces) if 1 < len(box.pieces) <= LONGEST_SPELLED]
    spelled = [(box.text, [piece_label(piece) for piece in box.pieces]) for box in shared[:SPELLED_OUT]]
    return Drawn(found, cells(text, found), spelled)


# --- HTML


def chipped(text: str) -> str:
    """HTML of a text, with a label for every character that cannot be seen."""
    return "".join(
        f'<span class="chip">{escape(part.text)}</span>' if part.chip else escape(part.text) for part in parts(text)
    )


def token_boxes(side: dict[str, Any]) -> str:
    """HTML of `Drawn.json()`: a filled box around each token; torn characters over a strip with a piece per token.

    Pieces of tokens that begin or end inside a character are red, in two shades by turns, and run on under the next
    character where the token goes on there. The number below counts the tokens of a character.
    """
    torn, listed = frozenset(side["torn"]), side["cells"]
    made = []
    for place, (text, tokens) in enumerate(listed):
        before = listed[place - 1][1][-1] if place else None
        after = listed[place + 1][1][0] if place + 1 < len(listed) else None
        if len(tokens) == 1 and tokens[0] not in torn and tokens[0] not in (before, after):
            made.append(f'<span class="t {_color(tokens[0])}">{chipped(text)}</span>')
            continue
        strip = "".join(_piece(token, token in torn, token == before) for token in tokens)
        n = f'<b lang="en">{len(tokens)}</b>' if len(tokens) > 1 else ""
        made.append(f'<span class="t u"><span>{chipped(text)}</span><span class="s">{strip}</span>{n}</span>')
    return "".join(made)


def _piece(token: int, torn: bool, goes_on: bool) -> str:
    names = ["xy"[token % 2] if torn else _color(token), *(["off"] if goes_on else [])]
    return f'<i class="{" ".join(names)}"></i>'


def _color(token: int) -> str:
    return "abc"[token % 3]

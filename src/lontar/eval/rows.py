"""Rows of an evaluation: one sample, what a model did with it, and what that is worth. Lines of `samples/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lontar.core.artifact import Evaluation
from lontar.core.config import Config, JsonObject
from lontar.core.shards import read_jsonl
from lontar.scoring import Prediction, RowScore, Sample

SAMPLES = "samples"
MODEL, BASELINE = "model", "baseline"
_SUFFIX = ".jsonl.zst"


class Row(Config):
    """One sample with what a model did in one run and what that is worth."""

    sample: Sample
    run: int = 0
    prediction: Prediction | None = None
    score: RowScore | None = None
    failed: str | None = None
    """why the request never succeeded; then there is no score"""
    compat: JsonObject | None = None
    """as the official code scores it: `answer` (what it extracts) and `scores` (its `individual_scores`)"""


def part_name(task: str, lang: str) -> str:
    """Name of the rows of a task in a language."""
    return f"{task}-{lang}"


def rows_file(side: str, task: str, lang: str) -> str:
    """Path of their file inside an evaluation; `side` is `model` or `baseline`."""
    return f"{SAMPLES}/{side}/{part_name(task, lang)}{_SUFFIX}"


def seconds_file(side: str) -> str:
    """Path of the seconds that each part took: beside the payload, since no two runs take the same time."""
    return f"log/seconds-{side}.json"


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a file.

    Raises:
        DataError: it is damaged.
    """
    for _, row in read_jsonl(path):
        yield Row.model_validate(row)


def sides_of(evaluation: Evaluation) -> list[str]:
    """`model`, and `baseline` where there is one."""
    return [side for side in (MODEL, BASELINE) if (evaluation.path / SAMPLES / side).is_dir()]

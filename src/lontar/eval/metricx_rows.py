"""Ratings of MetricX as an evaluation holds them: `metricx.jsonl`, and figures in `scores.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lontar.core.artifact import Evaluation
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.shards import read_jsonl, write_json, write_jsonl
from lontar.eval.answering import Side
from lontar.eval.rows import BASELINE, MODEL, Row
from lontar.eval.task import Task
from lontar.scoring import RowScore, Sure, aggregate, bootstrap

FILE, KEY = "metricx.jsonl", "metricx"
_WORST = 25.0


@dataclass(frozen=True)
class Ratings:
    """Of the rows of a part, in their order; 0 is best, 25 worst."""

    exact: Sequence[float | None]
    """of our answer; 25 where there is none; none of a failed request"""
    official: Sequence[float | None] | None = None
    """as the official code makes them, of what it reads in the same answer"""


PartRatings: TypeAlias = dict[tuple[str, str], Ratings]
"""By side and part."""
Kept: TypeAlias = Mapping[tuple[str, str, str, str, int], tuple[float | None, float | None]]
"""By side, task, language, sample and run."""


def write_ratings(
    job: Job, parts: Mapping[str, tuple[Task, str]], answered: Mapping[str, Side], of: PartRatings
) -> None:
    """`metricx.jsonl`; nothing where there are none."""
    if of:
        write_jsonl(job.dir / FILE, _lines(parts, answered, of))


def _lines(
    parts: Mapping[str, tuple[Task, str]], answered: Mapping[str, Side], of: PartRatings
) -> Iterator[JsonObject]:
    for (side, part), found in of.items():
        task, lang = parts[part]
        official = found.official or [None] * len(found.exact)
        for row, raw, theirs in zip(answered[side].rows[part], found.exact, official, strict=True):
            name: JsonObject = {"side": side, "task": task.name, "lang": lang, "id": row.sample.id, "run": row.run}
            yield {**name, "raw": raw, "official": theirs}


def read_kept(evaluation: Evaluation) -> Kept:
    """The ratings of a finished evaluation; empty where it has none."""
    path = evaluation.path / FILE
    if not path.is_file():
        return {}
    kept: dict[tuple[str, str, str, str, int], tuple[float | None, float | None]] = {}
    for _, line in read_jsonl(path):
        one: Any = line
        key = (str(one["side"]), str(one["task"]), str(one["lang"]), str(one["id"]), int(one["run"]))
        kept[key] = (one["raw"], one["official"])
    return kept


def still_true(kept: Kept, name: tuple[str, str, str], before: Sequence[Row], rows: Sequence[Row]) -> Ratings | None:
    """Ratings after rows were scored again; one of another answer than before is left out.

    Args:
        kept: of the evaluation before.
        name: side, task and language.
        before: rows as they were.
        rows: rows as they are.
    """
    if not any(key[:3] == name for key in kept):
        return None
    found = [kept.get((*name, row.sample.id, row.run), (None, None)) for row in rows]
    same = [_answer(old) == _answer(new) for old, new in zip(before, rows, strict=True)]
    official = [theirs for _, theirs in found]
    exact = [raw if alike else None for (raw, _), alike in zip(found, same, strict=True)]
    return Ratings(exact, None if all(one is None for one in official) else official)


def _answer(row: Row) -> str | None:
    return row.prediction.answer if row.prediction is not None else None


def add_figures(
    job: Job,
    scores: str,
    parts: Mapping[str, tuple[Task, str]],
    answered: Mapping[str, Side],
    of: PartRatings,
    sure: Sure,
) -> None:
    """Put the figures of all ratings into a file of scores, and those of the model into the manifest."""
    if not of:
        return
    value: Any = json.loads((job.dir / scores).read_text(encoding="utf-8"))
    listed = {(row["task"], row["lang"]): row for row in value["rows"]}
    for (side, part), found in of.items():
        task, lang = parts[part]
        row = listed[task.name, lang]
        made = figures(answered[side].rows[part], found, sure)
        (row["baseline"] if side == BASELINE else row)[KEY] = made
        if side == MODEL and isinstance(made["value"], float):
            job.metric(**{f"{KEY}.{task.name}.{lang}": made["value"]})
    write_json(job.dir / scores, value)


def figures(rows: Sequence[Row], of: Ratings, sure: Sure) -> JsonObject:
    """Mean rating, raw and as a share of 100, with an interval of the latter."""
    rated = [(row, raw) for row, raw in zip(rows, of.exact, strict=True) if raw is not None]
    values = [RowScore(value=normalized(raw)) for _, raw in rated]
    interval = bootstrap(aggregate.use("mean"), values, [row.sample.group for row, _ in rated], **sure.options)
    raw = _mean([raw for _, raw in rated])
    return {
        "value": None if raw is None else normalized(raw),
        "raw": raw,
        "low": interval.low,
        "high": interval.high,
        "n": len(rated),
        "missing": sum(row.failed is None for row in rows) - len(rated),
        "official": None if of.official is None else _official(of.official),
    }


def _official(ratings: Sequence[float | None]) -> JsonObject:
    raw = _mean([_WORST if one is None else one for one in ratings])
    return {"value": None if raw is None else normalized(raw), "raw": raw}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def normalized(raw: float) -> float:
    """100 for the best rating, 0 for the worst."""
    return 100 * (_WORST - raw) / _WORST

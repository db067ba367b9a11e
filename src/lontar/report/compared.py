"""Differences between models, item by item: which are shown, which are not decided, after correction for their number.

Verdicts are stricter than those in `scores.json`: there each row stands alone, here all rows of a page are one family
(Holm 1979), because a page of a hundred rows shows five false differences at 95 % otherwise. The corrected p-value
needs more resamples than an interval, so differences are computed anew from the stored rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from lontar.core.artifact import Evaluation
from lontar.errors import LontarError
from lontar.report.reading import answers, number_of
from lontar.scoring import RowScore, Sure, aggregate, beyond_chance, paired
from lontar.scoring.significance import holm

# The unit of tasks that give the likelihood of a text: what comes back is no answer.
PER_BYTE = "bits/byte"
Verdict = Literal["better", "worse", "not decided"]
Aggregate = Callable[..., float]


@dataclass(frozen=True)
class Figure:
    """A value with its interval."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def read(cls, row: dict[str, Any] | None) -> Figure:
        """From a row of `scores.json`, or from its `baseline` or `difference`."""
        return cls(*(number_of(row or {}, name) for name in ("value", "low", "high")))


@dataclass(frozen=True)
class Pair:
    """A task in one language for two models; `before` is the one that `after` is compared with."""

    source: str
    """name of the evaluation's step, or of the model"""
    task: str
    lang: str
    unit: str
    better: str
    chance: float | None
    n: int
    after: Figure
    before: Figure | None = None
    difference: Figure | None = None
    p: float | None = None
    corrected: float | None = None
    verdict: Verdict | None = None
    nulls: int = 0
    failed: int = 0

    @property
    def above_chance(self) -> bool | None:
        """Whether the whole interval is on the good side of chance; None where there is no chance line."""
        found = self.after
        return beyond_chance(found.value, found.low, found.high, chance=self.chance, better=self.better)

    def json(self) -> dict[str, Any]:
        """As in `figures.json`."""
        return {**asdict(self), "above_chance": self.above_chance}


def judged(pairs: Sequence[Pair], confidence: float) -> list[Pair]:
    """Pairs with corrected p-values and verdicts: all of them are one family."""
    corrected = holm([pair.p for pair in pairs])
    return [
        replace(pair, corrected=p, verdict=_verdict(pair, p, confidence))
        for pair, p in zip(pairs, corrected, strict=True)
    ]


def _verdict(pair: Pair, corrected: float | None, confidence: float) -> Verdict | None:
    found = pair.difference
    if found is None or found.value is None:
        return None
    if corrected is None or found.low is None or found.high is None or found.low <= 0 <= found.high:
        return "not decided"
    if corrected >= 1 - confidence:
        return "not decided"
    return "better" if (found.value > 0) == (pair.better == "higher") else "worse"


# --- from an evaluation


def pairs_of(name: str, evaluation: Evaluation, scores: dict[str, Any], sure: Sure) -> list[Pair]:
    """Every row of an evaluation, model against baseline; not judged yet."""
    return [_pair(name, evaluation, row, sure) for row in scores.get("rows", [])]


def plain(name: str, row: dict[str, Any]) -> Pair:
    """A row of `scores.json` without its comparison."""
    return Pair(
        source=name,
        task=str(row.get("task", "")),
        lang=str(row.get("lang", "")),
        unit=str(row.get("unit", "")),
        better=str(row.get("better", "higher")),
        chance=number_of(row, "chance"),
        n=int(number_of(row, "n") or 0),
        after=Figure.read(row),
        nulls=int(number_of(row, "nulls") or 0),
        failed=int(number_of(row, "failed") or 0),
    )


def _pair(name: str, evaluation: Evaluation, row: dict[str, Any], sure: Sure) -> Pair:
    made = plain(name, row)
    if not row.get("baseline"):
        return made
    sides = [answers(evaluation, side, made.task, made.lang) for side in ("model", "baseline")]
    figure, p = difference(sides[0], sides[1], aggregate_of(sides[0], row), sure)
    if figure is None:  # rows that are not there or not understood: what the evaluation itself computed
        figure, p = Figure.read(row.get("difference")), number_of(row, "difference", "p")
    return replace(made, before=Figure.read(row["baseline"]), difference=figure, p=p)


def scored(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[RowScore, str]]:
    """Score and group of every row that has a score, by item id."""
    found = {}
    for row in rows:
        sample, score = row.get("sample") or {}, row.get("score")
        if score is not None:
            made = RowScore.model_validate(score)
            found[str(sample.get("id"))] = (made, str(sample.get("group") or sample.get("id")))
    return found


def difference(
    rows: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]], function: Aggregate | None, sure: Sure
) -> tuple[Figure | None, float | None]:
    """Paired difference over the items that both sides answered, and its p-value; None where there is none."""
    ours, theirs = scored(rows), scored(base)
    both = [id_ for id_ in ours if id_ in theirs]
    if function is None or not both:
        return None, None
    groups = [ours[id_][1] for id_ in both]
    found = paired(function, [ours[i][0] for i in both], [theirs[i][0] for i in both], groups, **sure.options)
    if not math.isfinite(found.value):
        return None, None
    return Figure(found.value, found.low, found.high), found.p


def aggregate_of(rows: Sequence[dict[str, Any]], row: dict[str, Any]) -> Aggregate | None:
    """The aggregate behind a row of `scores.json`: the one it names, else the one that gives its value again."""
    value, listed = number_of(row, "value"), [score for score, _ in scored(rows).values()]
    if value is None or not listed:
        return None
    specs = [row["aggregate"]] if row.get("aggregate") else [entry.name for entry in aggregate]
    for spec in specs:
        try:
            function: Aggregate = aggregate.use(spec)
            if math.isclose(function(listed), value, rel_tol=1e-9, abs_tol=1e-12):
                return function
        except (LontarError, ValueError):
            continue
    return None

"""From stored rows to scores: values, intervals, bounds, and the difference between two models on the same samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lontar import languages
from lontar.backends.drive import Failed
from lontar.core.config import JsonObject, made
from lontar.core.manifest import Cost
from lontar.core.registry import Use
from lontar.eval.extremes import nothing, perfect
from lontar.eval.rows import Row
from lontar.eval.sea_helm.compat import Compat
from lontar.eval.task import Task
from lontar.languages import Language
from lontar.scoring import (
    Bounds,
    Difference,
    Interval,
    Prediction,
    RowScore,
    Sample,
    Score,
    Sure,
    aggregate,
    beyond_chance,
    bootstrap,
    extractor,
    paired,
    scorer,
)
from lontar.scoring.limits import equal_within, widened
from lontar.scoring.tagged import why

# Points of 100 by which an official figure may differ from the aggregate of its rows and still have its interval.
APART = 0.5

Verdict = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Rules:
    """A task in one language with everything looked up: scoring a row is then a function call."""

    task: Task
    language: Language
    extract: Use[Any]
    scorer: Use[Any]
    aggregate: Use[Any]

    @classmethod
    def of(cls, task: Task, lang: str) -> Rules:
        """Look everything up."""
        found = extractor.use(task.extract), scorer.use(task.scorer), aggregate.use(task.aggregate)
        return cls(task, languages.get(lang), *found)

    def score(self, sample: Sample, found: Prediction | Failed, run: int = 0) -> Row:
        """Extract and score one prediction; a failure stays a failure."""
        # Everything in the row was checked where it was made.
        if isinstance(found, Failed):
            return _row(sample, run, failed=found.reason)
        prediction = self._extracted(sample, found)
        score = self.scorer(sample, prediction, self.language)
        return _row(sample, run, prediction, score)

    def _extracted(self, sample: Sample, found: Prediction) -> Prediction:
        """The prediction with the answer that the task's rule finds in its last text."""
        if self.task.output != "text" or not found.texts:
            return found
        text = found.texts[-1]
        answer = self.extract(text, sample, self.language)
        if answer is not None:
            return made(Prediction, {**found.__dict__, "answer": answer, "reason": None})
        reason = self._why_not(text, sample, found)
        return made(Prediction, {**found.__dict__, "answer": None, "reason": reason})

    def _why_not(self, text: str, sample: Sample, found: Prediction) -> str:
        """Why the rule finds no answer."""
        told = why(text, sample) if text.strip() else "empty answer"
        cut = " (the budget of tokens was used up)" if found.finish[-1:] == ("length",) else ""
        return f"{told or f'{self.extract.name}: no match'}{cut}"


def _row(
    sample: Sample,
    run: int,
    prediction: Prediction | None = None,
    score: RowScore | None = None,
    failed: str | None = None,
) -> Row:
    values = {"sample": sample, "run": run, "prediction": prediction, "score": score, "failed": failed, "compat": None}
    return made(Row, values)


def total(rules: Rules, rows: Sequence[Row], sure: Sure) -> Score:
    """The score of a task in one language."""
    scored = [(row, row.score) for row in rows if row.score is not None]
    values = [score for _, score in scored]
    groups = [row.sample.group for row, _ in scored]
    interval = _interval(rules, values, groups, sure)
    predictions = [row.prediction for row in rows if row.prediction is not None]
    return Score(
        task=rules.task.name,
        task_version=rules.task.version,
        lang=rules.language.code,
        n=len(scored),
        groups=len(set(groups)),
        nulls=sum(score.value is None for score in values),
        failed=len(rows) - len(scored),
        value=_number(rules.aggregate(values)),
        low=interval.low,
        high=interval.high,
        bounds=_bounds(rules, rows) if len(scored) < len(rows) else None,
        cost=Cost(
            tokens_in=sum(prediction.tokens_in for prediction in predictions),
            tokens_out=sum(prediction.tokens_out for prediction in predictions),
        ),
    )


def _interval(rules: Rules, rows: Sequence[RowScore], groups: Sequence[str], sure: Sure) -> Interval:
    found = bootstrap(rules.aggregate, rows, groups, **sure.options)
    return widened(found, rules.aggregate, rows, groups, sure.confidence)


def _bounds(rules: Rules, rows: Sequence[Row]) -> Bounds | None:
    """The score with every failed request answered as badly, and as well, as can be."""
    ends = [_filled(rules, rows, ideal) for ideal in (nothing, perfect)]
    known = sorted(end for end in ends if end is not None)
    return Bounds(low=known[0], high=known[1]) if len(known) == 2 else None


def _filled(rules: Rules, rows: Sequence[Row], ideal: Callable[[Task, Sample], Prediction | None]) -> float | None:
    """The score with `ideal` in place of what failed; None where there is no such answer, as for bits per byte."""
    scores = []
    for row in rows:
        answer = ideal(rules.task, row.sample) if row.score is None else None
        score = rules.score(row.sample, answer).score if answer is not None else row.score
        if score is None:
            return None
        scores.append(score)
    return _number(rules.aggregate(scores))


def official_score(rules: Rules, rows: Sequence[Row], compat: Compat, sure: Sure, ours: Score) -> Score:
    """The score of the official code in place of ours.

    Its interval is that of our aggregate over the official scores of the rows, moved to the official figure: official
    figures are means over rows or over their classes, up to rules for rows that fail. None where the two are apart.
    """
    scored = [(_official_row(row), row) for row in rows if row.score is not None]
    values = [score for score, _ in scored if score is not None]
    value, low, high = compat.value, None, None
    if value is not None and len(values) == len(scored) and values:
        about = _number(rules.aggregate(values))
        if about is not None and abs(about - value) < APART:
            found = _interval(rules, values, [row.sample.group for _, row in scored], sure)
            if found.low is not None and found.high is not None:
                low, high = found.low + value - about, found.high + value - about
    return ours.model_copy(update={"value": value, "low": low, "high": high, "bounds": None})


def _official_row(row: Row) -> RowScore | None:
    """Our score of a row with the official one in its place; None where there is none, or more than one."""
    given = (row.compat or {}).get("scores")
    if row.score is None or not isinstance(given, dict) or not given:
        return None
    first = next(iter(given.values()))
    if isinstance(first, bool) or not isinstance(first, int | float):
        return None
    return row.score.model_copy(update={"value": float(first), "reason": None})


def compare(rules: Rules, rows: Sequence[Row], base: Sequence[Row], sure: Sure) -> Difference | None:
    """Model minus baseline on the samples that both answered; None when there are none."""
    theirs = {(row.sample.id, row.run): row.score for row in base if row.score is not None}
    pairs = [(row, row.score, theirs.get((row.sample.id, row.run))) for row in rows]
    both = [(row, ours, other) for row, ours, other in pairs if ours is not None and other is not None]
    if not both:
        return None
    ours, others = [score for _, score, _ in both], [score for _, _, score in both]
    groups = [row.sample.group for row, _, _ in both]
    found = paired(rules.aggregate, ours, others, groups, **sure.options)
    if found.value == 0 and found.low == found.high == 0:
        # Never a difference in these questions: there may be one in others.
        half = equal_within(rules.aggregate, len(set(groups)), sure.confidence) or 0.0
        found = replace(found, low=-half, high=half)
    return found if math.isfinite(found.value) else None


def verdict(task: Task, difference: Difference) -> Verdict:
    """What the paired interval shows; 0 inside it, or too few groups for one, shows nothing."""
    low, high = difference.low, difference.high
    if low is None or high is None or low <= 0 <= high:
        return "no difference shown"
    return "better" if (low > 0) == (task.better == "higher") else "worse"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def row_of(task: Task, score: Score, base: Score | None, difference: Difference | None) -> JsonObject:
    """A row of `scores.json`."""
    row: JsonObject = {
        "task": task.name,
        "version": task.version,
        "competency": task.competency,
        "lang": score.lang,
        "unit": task.unit,
        "better": task.better,
        "aggregate": task.aggregate,
        "chance": task.chance,
        "above_chance": above_chance(task, score),
        **_figures(score),
        "baseline": None if base is None else _figures(base),
        "difference": None,
        "verdict": None,
    }
    if difference is not None:
        row["difference"] = {name: getattr(difference, name) for name in ("value", "low", "high", "p")}
        row["verdict"] = verdict(task, difference)
    return row


def above_chance(task: Task, score: Score) -> bool | None:
    """Does the whole interval lie on the good side of chance? None where the task has no such figure."""
    return beyond_chance(score.value, score.low, score.high, chance=task.chance, better=task.better)


def _figures(score: Score) -> JsonObject:
    names = ("n", "groups", "nulls", "failed", "value", "low", "high")
    tokens: JsonObject = {"tokens_in": score.cost.tokens_in, "tokens_out": score.cost.tokens_out}
    bounds = None if score.bounds is None else score.bounds.model_dump(mode="json")
    return {**{name: getattr(score, name) for name in names}, "bounds": bounds, **tokens}

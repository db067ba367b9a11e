"""Evaluations side by side: which differences are shown, how many questions would show the others, what they cost.

The first side is what the others are compared with: a difference is the other minus the first. All rows are one family
of tests (Holm 1979); who is better is said by the corrected p-value alone. Groups of questions are resampled, and with
a question all of its runs: asking again is no new question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lontar.core.registry import Use
from lontar.errors import LontarError
from lontar.eval.compare_costs import CostPerAnswer, cost
from lontar.eval.compare_flips import Flip, Flips, flips
from lontar.eval.compare_ranks import Standing, overall, standing, winner
from lontar.eval.compare_sides import Comparable, Key, LeftOut, Shared, Side, comparable, label, shared
from lontar.scoring import Aggregate, Sure, aggregate
from lontar.scoring.limits import equal_within, widened
from lontar.scoring.power import groups_needed, run_spread, variance_split
from lontar.scoring.ranking import Spread
from lontar.scoring.significance import McNemar, holm, mcnemar, sign_flip
from lontar.scoring.statistics import MIN_GROUPS, Interval, resampled

Verdict = Literal["first better", "second better", "no difference shown"]
# So many times more resamples than the smallest corrected p-value that can be shown needs.
_MARGIN = 5


@dataclass(frozen=True)
class Figure:
    """One side in a row."""

    value: float | None
    low: float | None
    high: float | None
    runs: int
    run_spread: float | None
    """standard deviation of the score between runs"""
    share_of_runs: float | None
    """share of the score's variance that comes from asking again, not from the choice of questions"""
    cost: CostPerAnswer


@dataclass(frozen=True)
class Comparison:
    """A task in one language: a side (`second`) against the first one (`first`)."""

    task: str
    lang: str
    unit: str
    better: str
    first: str
    second: str
    n: int
    """questions that both answered"""
    groups: int
    figures: tuple[Figure, Figure]
    difference: Spread
    """second minus first"""
    mcnemar: McNemar | None
    """where every value is 0 or 1, there is one run, and questions are independent; `b`: the second alone was right"""
    sign_flip: float | None
    """p-value where the score is a plain mean and questions share groups, or there are several runs"""
    flips: Flips
    left_out: LeftOut
    corrected: float | None = None
    verdict: Verdict | None = None
    """none: too few groups to tell"""
    needed: int | None = None
    """questions in all that would show such a difference, where none is shown"""

    @property
    def label(self) -> str:
        """Task and language."""
        return label((self.task, self.lang))


@dataclass(frozen=True)
class Compared:
    """Everything that a comparison found."""

    names: tuple[str, ...]
    rows: tuple[Comparison, ...]
    standings: tuple[Standing, ...]
    """per task, means over languages"""
    overall: tuple[Standing, ...]
    """means over tasks of one unit"""
    flips: tuple[Flip, ...]
    notes: tuple[str, ...]
    resamples: int


def compare(sides: Sequence[Side], sure: Sure) -> Compared:
    """Compare every side with the first, and rank them all.

    Args:
        sides: two or more.
        sure: how intervals are made; more resamples are drawn where the number of rows needs them.

    Raises:
        DataError: there is no task in any language that all of them have.
    """
    found = comparable(sides)
    answers = {key: [side.rows(key) for side in sides] for key in found.keys}
    uses, unknown = _aggregates(sides, found)
    pairs = [
        (place, key, shared([answers[key][0], answers[key][place]])) for place in range(1, len(sides)) for key in uses
    ]
    sure = _enough(sure, sum(both.groups >= MIN_GROUPS for _, _, both in pairs))
    made = [_row(sides[0], sides[place], key, uses[key], both, sure) for place, key, both in pairs if both.questions]
    rows = _judged(made, sure)
    whole = {key: shared(answers[key]) for key in uses}
    standings, blocks = standing(sides, {k: s for k, s in whole.items() if s.questions}, uses, sure)
    empty = sorted({f"{label(key)}: {_why_empty(both.left_out)}" for _, key, both in pairs if not both.questions})
    return Compared(
        tuple(side.name for side in sides),
        tuple(rows),
        tuple(standings),
        tuple(overall(standings, blocks, sure)),
        tuple(flip for place, key, both in pairs for flip in flips(key, sides[0], sides[place], both)),
        (*found.notes, *unknown, *empty),
        sure.resamples,
    )


def _aggregates(sides: Sequence[Side], found: Comparable) -> tuple[dict[Key, Use[Aggregate]], list[str]]:
    uses, notes = {}, []
    for key in found.keys:
        try:
            uses[key] = aggregate.use(sides[0].scores[key].get("aggregate") or "mean")
        except LontarError as err:
            notes.append(f"{label(key)}: not compared: {err.message}")
    return uses, notes


def _why_empty(left: LeftOut) -> str:
    """Why there is nothing to compare in a task and language."""
    if left.differently:
        return f"no question that both were asked alike: {left.differently} have other prompts, examples or references"
    return "no question that both answered"


def _enough(sure: Sure, family: int) -> Sure:
    """The smallest p-value is 2 / (resamples + 1): times the number of tests it must stay well below the level."""
    least = math.ceil(_MARGIN * family / (1 - sure.confidence))
    return replace(sure, resamples=max(sure.resamples, least))


# --- a row


def _row(first: Side, second: Side, key: Key, use: Use[Aggregate], both: Shared, sure: Sure) -> Comparison:
    facts = first.scores[key]
    better = str(facts.get("better") or "higher")
    figures, difference = _measured(use, both, sure)
    return Comparison(
        task=key[0],
        lang=key[1],
        unit=str(facts.get("unit") or ""),
        better=better,
        first=first.name,
        second=second.name,
        n=len(both.questions),
        groups=both.groups,
        figures=(_priced(figures[0], first, key), _priced(figures[1], second, key)),
        difference=difference,
        mcnemar=_mcnemar(both),
        sign_flip=_sign_flip(use, both, sure.seed),
        flips=Flips.of(both, better),
        left_out=both.left_out,
    )


def _measured(use: Use[Aggregate], both: Shared, sure: Sure) -> tuple[list[Figure], Spread]:
    """Both sides and their difference, from the same draws."""
    (ours, our_groups), (theirs, their_groups) = both.of(0), both.of(1)
    values = [float(use(ours)), float(use(theirs))]
    drawn = None
    if both.groups >= MIN_GROUPS:
        settings = {"resamples": sure.resamples, "seed": sure.seed}
        drawn = resampled(use, [ours, theirs], [our_groups, their_groups], **settings)
    figures = [
        _figure(
            side,
            use,
            both,
            Spread.of(value, None if drawn is None else drawn[:, side], both.groups, sure.confidence),
            sure.confidence,
        )
        for side, value in enumerate(values)
    ]
    apart = None if drawn is None else drawn[:, 1] - drawn[:, 0]
    difference = Spread.of(values[1] - values[0], apart, both.groups, sure.confidence)
    if difference.value == 0 and difference.low == difference.high == 0:
        # Never a difference in these questions: there may be one in others.
        half = equal_within(use, both.groups, sure.confidence) or 0.0
        difference = replace(difference, low=-half, high=half)
    return figures, difference


def _figure(side: int, use: Use[Aggregate], both: Shared, found: Spread, confidence: float) -> Figure:
    runs = both.runs(side)
    rows, groups = both.of(side)
    ends = widened(Interval(found.low, found.high), use, rows, groups, confidence)
    scores = [score for score in (float(use(rows)) for rows in runs) if math.isfinite(score)]
    split = variance_split([question.values(side) for question in both.questions])
    return Figure(
        found.value,
        ends.low,
        ends.high,
        len(runs),
        run_spread(scores),
        None if split is None or split.questions + split.runs == 0 else split.share_of_runs,
        cost([row for question in both.questions for row in question.rows[side]]),
    )


def _priced(figure: Figure, side: Side, key: Key) -> Figure:
    return replace(figure, cost=figure.cost.with_characters(side.scores[key]))


def _mcnemar(both: Shared) -> McNemar | None:
    single = all(len(rows) == 1 for question in both.questions for rows in question.rows)
    if not single or both.groups < len(both.questions):
        return None
    values = [[question.values(side)[0] for question in both.questions] for side in (1, 0)]
    if not {*values[0], *values[1]} <= {0.0, 1.0}:
        return None
    return mcnemar([value == 1 for value in values[0]], [value == 1 for value in values[1]])


def _sign_flip(use: Use[Aggregate], both: Shared, seed: int) -> float | None:
    single = all(len(rows) == 1 for question in both.questions for rows in question.rows)
    if use.name != "mean" or (single and both.groups == len(both.questions)):
        return None
    means = [[sum(v) / len(v) for v in map(q.values, (0, 1))] for q in both.questions]
    return sign_flip([b - a for a, b in means], [q.group for q in both.questions], seed=seed)


# --- all rows together


def _judged(rows: Sequence[Comparison], sure: Sure) -> list[Comparison]:
    corrected = holm([row.difference.p for row in rows])
    family = max(1, sum(p is not None for p in corrected))
    return [_verdict(row, p, sure.confidence, family) for row, p in zip(rows, corrected, strict=True)]


def _verdict(row: Comparison, corrected: float | None, confidence: float, family: int) -> Comparison:
    if corrected is None or row.difference.value is None:
        return replace(row, corrected=corrected)
    won = winner(row.difference.value, corrected, row.better, confidence)
    if won is not None:
        return replace(row, corrected=corrected, verdict="second better" if won == 1 else "first better")
    needed = _needed(row, (1 - confidence) / family)
    return replace(row, corrected=corrected, verdict="no difference shown", needed=needed)


def _needed(row: Comparison, alpha: float) -> int | None:
    """Questions in all, as many to a group as now, at the level that the first of the family has to reach."""
    found = row.difference
    if found.value is None or found.error is None:
        return None
    groups = groups_needed(found.value, found.error * math.sqrt(row.groups), alpha=alpha)
    return None if groups is None else max(row.n + 1, math.ceil(groups * row.n / row.groups))

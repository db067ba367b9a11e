"""Ranks: per task the mean over languages, over tasks the mean of those, and who is shown to beat whom.

A mean over tasks is taken only among tasks of one unit: bits per byte and shares of right answers have no mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from lontar.core.registry import Use
from lontar.eval.compare_sides import Key, Shared, Side
from lontar.scoring import Aggregate, Sure
from lontar.scoring.ranking import OverLanguages, Spread, rank_sets
from lontar.scoring.registries import Matrix
from lontar.scoring.significance import holm
from lontar.scoring.statistics import MIN_GROUPS, resampled


@dataclass(frozen=True)
class Duel:
    """Two sides, by their places among the names; the difference is the second minus the first."""

    first: int
    second: int
    difference: Spread
    corrected: float | None = None
    winner: int | None = None


@dataclass(frozen=True)
class Standing:
    """Several sides ranked by one figure."""

    name: str
    """of the task; of a mean over tasks its unit"""
    unit: str
    better: str
    over: tuple[str, ...]
    """the languages, or tasks, that the mean is over"""
    groups: int
    names: tuple[str, ...]
    figures: tuple[Spread, ...]
    duels: tuple[Duel, ...]
    ranks: tuple[tuple[int, int], ...] = ()
    """best and worst place that each may hold"""


Blocks = dict[str, Matrix]
"""resampled figures `[resamples, sides]` by task"""


def standing(
    sides: Sequence[Side], shared: Mapping[Key, Shared], uses: Mapping[Key, Use[Aggregate]], sure: Sure
) -> tuple[list[Standing], Blocks]:
    """Per task the mean over languages, on the questions that all sides answered; all duels are one family.

    Tasks whose aggregate does not come from sums, or that have too few groups or no figure, are passed over.
    """
    found, blocks = [], {}
    for place, task in enumerate(sorted({task for task, _ in shared})):
        keys = sorted(key for key in shared if key[0] == task)
        both = [shared[key] for key in keys]
        over = OverLanguages.of(uses[keys[0]], len(keys))
        if over is None or any(found.groups < MIN_GROUPS for found in both):
            continue
        stacked = [over.rows([one.of(side)[0] for one in both]) for side in range(len(sides))]
        values = [over.figure(rows) for rows in stacked]
        if not np.isfinite(values).all():
            continue
        groups = [[g for one in both for g in one.of(side)[1]] for side in range(len(sides))]
        # A seed of its own: tasks with as many groups would otherwise be drawn alike, and rise and fall together.
        drawn = resampled(over.figure, stacked, groups, resamples=sure.resamples, seed=sure.seed + 1 + place)
        facts = sides[0].scores[keys[0]]
        made = Standing(
            task,
            str(facts.get("unit") or ""),
            str(facts.get("better") or "higher"),
            tuple(code for _, code in keys),
            len(set(groups[0])),
            tuple(side.name for side in sides),
            (),
            (),
        )
        found.append(_measured(made, values, drawn, sure))
        blocks[task] = drawn
    return _ranked(found, sure), blocks


def overall(standings: Sequence[Standing], blocks: Blocks, sure: Sure) -> list[Standing]:
    """Means over the tasks of one unit, where there are two or more; each task is resampled on its own."""
    found = []
    for unit, better in sorted({(one.unit, one.better) for one in standings}):
        tasks = [one for one in standings if (one.unit, one.better) == (unit, better)]
        if len(tasks) > 1:
            drawn = np.mean([blocks[one.name] for one in tasks], axis=0)
            values = np.mean([[figure.value or 0.0 for figure in one.figures] for one in tasks], axis=0)
            names = tuple(one.name for one in tasks)
            made = replace(tasks[0], name=unit, over=names, groups=sum(one.groups for one in tasks))
            found.append(_measured(made, list(map(float, values)), drawn, sure))
    return _ranked(found, sure)


def _measured(made: Standing, values: Sequence[float], drawn: Matrix, sure: Sure) -> Standing:
    def spread(value: float, figures: Matrix) -> Spread:
        return Spread.of(value, figures, made.groups, sure.confidence)

    sides = range(len(values))
    return replace(
        made,
        figures=tuple(replace(spread(values[i], drawn[:, i]), p=None) for i in sides),
        duels=tuple(
            Duel(i, j, spread(values[j] - values[i], drawn[:, j] - drawn[:, i])) for i, j in combinations(sides, 2)
        ),
    )


def _ranked(standings: Sequence[Standing], sure: Sure) -> list[Standing]:
    corrected = iter(holm([duel.difference.p for one in standings for duel in one.duels]))
    made = []
    for one in standings:
        duels = tuple(_decided(duel, next(corrected), one.better, sure.confidence) for duel in one.duels)
        wins = [(d.winner, d.first + d.second - d.winner) for d in duels if d.winner is not None]
        made.append(replace(one, duels=duels, ranks=tuple(rank_sets(len(one.names), wins))))
    return made


def _decided(duel: Duel, corrected: float | None, better: str, confidence: float) -> Duel:
    value = duel.difference.value
    won = None if value is None or corrected is None else winner(value, corrected, better, confidence)
    return replace(duel, corrected=corrected, winner=None if won is None else (duel.first, duel.second)[won])


def winner(difference: float, corrected: float, better: str, confidence: float) -> int | None:
    """1 when the second side is shown to be better, 0 when the first is, None when neither is."""
    if corrected >= 1 - confidence or difference == 0 or not math.isfinite(difference):
        return None
    return int((difference > 0) == (better == "higher"))

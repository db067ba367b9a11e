"""Rank ranges: the mean of a task over languages for each model, and which models are shown to beat which.

A rank range says which places a model may hold: below those that are shown to beat it and above those that it is shown
to beat. Two models with one range share a row; a difference that is not shown does not order them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from lontar.report.compared import Aggregate, Figure, holm
from lontar.scoring import RowScore, Sure, bootstrap, from_sums, paired
from lontar.scoring.registries import Matrix

Scored = dict[str, tuple[RowScore, str]]
"""score and group by item id"""


@dataclass(frozen=True)
class Standing:
    """A task for several models: their means over languages, and the duel of every pair."""

    figures: list[Figure]
    duels: list[dict[str, Any]]
    n: int


@dataclass(frozen=True)
class OverLanguages:
    """An aggregate of one language turned into its mean over several: each language has its own block of sums."""

    features: Any
    figure: Aggregate

    @classmethod
    def of(cls, function: Any, n_languages: int) -> OverLanguages | None:
        """None for an aggregate that does not come from sums."""
        inner = getattr(getattr(function, "entry", None), "function", function)
        features, finish = getattr(inner, "features", None), getattr(inner, "finish", None)
        if features is None or finish is None:
            return None
        knobs = dict(getattr(function, "knobs", {}))

        @from_sums()
        def overall(sums: Matrix, /) -> Matrix:
            blocks = sums.reshape(*sums.shape[:-1], n_languages, -1)
            found: Matrix = finish(blocks, **knobs).mean(axis=-1)
            return found

        return cls(features, overall)

    def rows(self, listed: Sequence[Sequence[RowScore]]) -> list[RowScore]:
        """Rows of all languages, each with its features in its language's block and zeros elsewhere."""
        features = [[self.features(row) for row in rows] for rows in listed]
        width = max((len(values) for block in features for values in block), default=0)
        made = []
        for place, block in enumerate(features):
            for values in block:
                filled = [0.0] * (width * len(listed))
                filled[width * place : width * place + len(values)] = map(float, values)
                made.append(RowScore(value=None, statistics=tuple(filled)))
        return made


def standing(function: Aggregate | None, sides: Sequence[Mapping[str, Scored]], sure: Sure) -> Standing | None:
    """Means and duels on the items that all models answered; None where they cannot be computed.

    Args:
        function: the task's aggregate.
        sides: per model, by language, the score of each item.
        sure: how intervals are made.
    """
    codes = sorted(sides[0])
    shared = {code: sorted(set.intersection(*(set(side[code]) for side in sides))) for code in codes}
    overall = OverLanguages.of(function, len(codes)) if function is not None else None
    if overall is None or not all(shared.values()):
        return None
    stacked = [overall.rows([[side[code][id_][0] for id_ in shared[code]] for code in codes]) for side in sides]
    groups = [sides[0][code][id_][1] for code in codes for id_ in shared[code]]
    figures = [_figure(overall.figure, rows, groups, sure) for rows in stacked]
    return Standing(figures, _duels(overall.figure, stacked, groups, sure), len(groups))


def _figure(function: Aggregate, rows: Sequence[RowScore], groups: Sequence[str], sure: Sure) -> Figure:
    value = function(rows)
    interval = bootstrap(function, rows, groups, **sure.options)
    return Figure(value if math.isfinite(value) else None, interval.low, interval.high)


def _duels(
    function: Aggregate, stacked: Sequence[Sequence[RowScore]], groups: Sequence[str], sure: Sure
) -> list[dict[str, Any]]:
    """Every model against every later one."""
    return [
        {"first": i, "second": j, **asdict(paired(function, stacked[i], stacked[j], groups, **sure.options))}
        for i, j in combinations(range(len(stacked)), 2)
    ]


def ranked(boards: Sequence[dict[str, Any]], confidence: float) -> list[dict[str, Any]]:
    """Boards with their rows in order of rank range; the duels of all boards are one family."""
    corrected = iter(holm([duel["p"] for board in boards for duel in board["duels"]]))
    made = []
    for board in boards:
        duels = [{**duel, "corrected": next(corrected)} for duel in board["duels"]]
        beats = [won for duel in duels if (won := winner(duel, board["better"], confidence)) is not None]
        places = ranges(len(board["names"]), beats)
        made.append({**board, "duels": duels, "rows": rows(board["names"], board["figures"], places)})
    return made


def winner(duel: Mapping[str, Any], better: str, confidence: float) -> tuple[int, int] | None:
    """(winner, loser) where the interval and the corrected p-value show one."""
    low, high, p = duel["low"], duel["high"], duel["corrected"]
    if low is None or high is None or p is None or low <= 0 <= high or p >= 1 - confidence:
        return None
    first = (low > 0) == (better == "higher")
    return (duel["first"], duel["second"]) if first else (duel["second"], duel["first"])


def ranges(n: int, beats: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Best and worst place that each of `n` models may hold; each of `beats` is (winner, loser)."""
    return [(1 + sum(loser == i for _, loser in beats), n - sum(won == i for won, _ in beats)) for i in range(n)]


def rows(names: Sequence[str], figures: Sequence[Any], places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Rows in order of their range; models with one range share a row, by name."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for place, name, figure in sorted(zip(places, names, figures, strict=True), key=lambda item: item[:2]):
        found.setdefault(place, []).append({"name": name, "after": figure})
    return [{"from": low, "to": high, "models": listed} for (low, high), listed in found.items()]

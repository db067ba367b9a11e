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

from lontar.report.compared import Aggregate, Figure
from lontar.scoring import RowScore, Sure, bootstrap, paired
from lontar.scoring.ranking import OverLanguages, rank_sets
from lontar.scoring.significance import holm

Scored = dict[str, tuple[RowScore, str]]
"""score and group by item id"""


@dataclass(frozen=True)
class Standing:
    """A task for several models: their means over languages, and the duel of every pair."""

    figures: list[Figure]
    duels: list[dict[str, Any]]
    n: int


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
        places = rank_sets(len(board["names"]), beats)
        made.append({**board, "duels": duels, "rows": rows(board["names"], board["figures"], places)})
    return made


def winner(duel: Mapping[str, Any], better: str, confidence: float) -> tuple[int, int] | None:
    """(winner, loser) where the interval and the corrected p-value show one."""
    low, high, p = duel["low"], duel["high"], duel["corrected"]
    if low is None or high is None or p is None or low <= 0 <= high or p >= 1 - confidence:
        return None
    first = (low > 0) == (better == "higher")
    return (duel["first"], duel["second"]) if first else (duel["second"], duel["first"])


def rows(names: Sequence[str], figures: Sequence[Any], places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Rows in order of their range; models with one range share a row, by name."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for place, name, figure in sorted(zip(places, names, figures, strict=True), key=lambda item: item[:2]):
        found.setdefault(place, []).append({"name": name, "after": figure})
    return [{"from": low, "to": high, "models": listed} for (low, high), listed in found.items()]

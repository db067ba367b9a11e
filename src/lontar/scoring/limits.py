"""Intervals where resampling sees nothing: all answers wrong, all right, or two models that never differ.

Of n independent groups that all came out one way, a share of up to 1 - a^(1/n) may come out the other way, with a the
tail that is cut off (Clopper and Pearson 1934; for one-sided 95 % the rule of three).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lontar.core.config import made
from lontar.core.registry import Use
from lontar.scoring.results import RowScore
from lontar.scoring.statistics import Interval

# Aggregates that are linear in the values of their rows, each between 0 and 1, and what a value of 1 in all rows gives.
_LINEAR = {"balanced": 100.0, "mean": 1.0, "percent": 100.0}
_BY_STRATUM = "balanced"


def unseen_share(n_groups: int, confidence: float) -> float:
    """The largest share of groups that may be of a kind of which `n_groups` show none."""
    return float(1 - ((1 - confidence) / 2) ** (1 / max(1, n_groups)))


def widened(
    interval: Interval, aggregate: Use[Any], rows: Sequence[RowScore], groups: Sequence[str], confidence: float
) -> Interval:
    """The interval of rows that are all wrong, or all right, which resampling makes a point; any other as it is.

    Where classes have equal weight each has its own share, since a rare class may hide more: that end is wider than
    need be rather than too narrow.
    """
    values = {row.value or 0.0 for row in rows}
    if interval.low is None or interval.low != interval.high or aggregate.name not in _LINEAR:
        return interval
    if len(values) != 1 or not values <= {0.0, 1.0}:
        return interval
    value, members = values.pop(), dict[object, set[str]]()
    for row, group in zip(rows, groups, strict=True):
        members.setdefault(_stratum(aggregate, row), set()).add(group)
    shares = {stratum: unseen_share(len(own), confidence) for stratum, own in members.items()}
    moved = [made(RowScore, {**row.__dict__, "value": abs(value - shares[_stratum(aggregate, row)])}) for row in rows]
    end = float(aggregate(moved))
    return replace(interval, low=min(interval.low, end), high=max(interval.low, end))


def _stratum(aggregate: Use[Any], row: RowScore) -> object:
    return row.statistics[:1] if aggregate.name == _BY_STRATUM else None


def equal_within(aggregate: Use[Any], n_groups: int, confidence: float) -> float | None:
    """How far apart two models may be that never differed in `n_groups` groups; None for an aggregate without range."""
    if aggregate.name not in _LINEAR:
        return None
    chance = float(aggregate.knobs.get("chance", 0.0))
    return _LINEAR[aggregate.name] / max(1e-9, 1 - chance) * unseen_share(n_groups, confidence)

"""Ranks: figures with how sure they are, a task's mean over languages as one aggregate, the places of each model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lontar.scoring.registries import Matrix, from_sums
from lontar.scoring.results import RowScore
from lontar.scoring.statistics import percentiles, two_sided


@dataclass(frozen=True)
class Spread:
    """A figure, or a difference of two, with how sure it is."""

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    """standard deviation of the resampled figures"""
    p: float | None = None
    """two-sided p-value of 0"""

    @classmethod
    def of(cls, value: float, figures: Matrix | None, n_groups: int, confidence: float) -> Spread:
        """From resampled figures; None: there are too few groups to resample."""
        if not np.isfinite(value):
            return cls(None)
        known = figures[np.isfinite(figures)] if figures is not None else np.empty(0)
        if len(known) < 2:
            return cls(value)
        ends = percentiles(known, confidence)
        return cls(value, ends.low, ends.high, float(known.std(ddof=1)), two_sided(known, n_groups))


@dataclass(frozen=True)
class OverLanguages:
    """An aggregate of one language turned into its mean over several: each language has its own block of sums."""

    features: Any
    figure: Callable[..., float]

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


def rank_sets(n: int, wins: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """Best and worst place that each of `n` models may hold; each of `wins` is a (winner, loser) that was shown."""
    return [(1 + sum(loser == i for _, loser in wins), n - sum(won == i for won, _ in wins)) for i in range(n)]

"""Aggregates that serve many tasks."""

from __future__ import annotations

import numpy as np

from lontar.scoring.registries import Matrix, aggregate, from_sums
from lontar.scoring.results import RowScore


def _value_and_one(row: RowScore) -> tuple[float, float]:
    # No answer is a wrong answer.
    return (0.0 if row.value is None else row.value, 1.0)


@aggregate("mean")
@from_sums(_value_and_one)
def mean(sums: Matrix, /) -> Matrix:
    """Mean of the rows; a row without an answer counts as 0."""
    return divided(sums[..., 0], sums[..., 1])


@aggregate("ratio")
@from_sums()
def ratio(sums: Matrix, /) -> Matrix:
    """Sum of the first statistic over the sum of the second: bits over bytes of a whole corpus."""
    if sums.shape[-1] < 2:
        return np.full(sums.shape[:-1], np.nan)
    return divided(sums[..., 0], sums[..., 1])


def divided(a: Matrix, b: Matrix) -> Matrix:
    """`a / b`, NaN where `b` is 0."""
    result: Matrix = np.divide(a, b, out=np.full(np.shape(a), np.nan), where=np.asarray(b) != 0)
    return result

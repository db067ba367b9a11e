"""Names of scorers, aggregates and extraction rules.

A scorer and an aggregate are plain functions::

    @scorer("exact_match")
    def exact_match(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore: ...

    @aggregate("mean")
    def mean(rows: Sequence[RowScore], /) -> float: ...

An aggregate that depends on sums over rows alone says so with `from_sums`; its intervals then take one matrix product
instead of a thousand passes in Python.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from lontar.core.registry import Registry
from lontar.languages import Language
from lontar.scoring.results import Prediction, RowScore, Sample

Matrix: TypeAlias = NDArray[np.float64]


class Scorer(Protocol):
    """From a sample and what a model did with it to a score; pure and total. Also serves as a reward."""

    def __call__(self, sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
        """Score one row."""


class Aggregate(Protocol):
    """From the rows of a task to one figure."""

    def __call__(self, rows: Sequence[RowScore], /) -> float:
        """Score the task; NaN when there is nothing to score."""


class Extractor(Protocol):
    """From a raw answer to the answer, or None when there is none."""

    def __call__(self, text: str, sample: Sample, lang: Language, /) -> str | None:
        """Extract the answer."""


_MODULES = (
    *("checked", "extract", "generation", "judged", "language", "likelihood", "means", "overlap", "strata", "tagged"),
    "translation",
)


def _builtin() -> None:
    for name in _MODULES:
        importlib.import_module(f"lontar.scoring.{name}")


scorer: Registry[Any] = Registry("scorer", loader=_builtin)
aggregate: Registry[Any] = Registry("aggregate", loader=_builtin)
extractor: Registry[Any] = Registry("extraction rule", loader=_builtin)

Features = Callable[[RowScore], Sequence[float]]
Finish = Callable[..., Matrix]


def row_statistics(row: RowScore) -> Sequence[float]:
    """The statistics of a row."""
    return row.statistics


def from_sums(features: Features = row_statistics) -> Callable[[Finish], Aggregate]:
    """Make an aggregate of a function from sums `[..., K]` to figures `[...]`.

    Args:
        features: the K numbers of a row that are summed.
    """

    def decorate(finish: Finish) -> Aggregate:
        @functools.wraps(finish)
        def over_rows(rows: Sequence[RowScore], /, **knobs: Any) -> float:
            if not rows:
                return float("nan")
            return float(finish(feature_matrix(rows, features).sum(axis=0), **knobs))

        over_rows.features = features  # type: ignore[attr-defined]
        over_rows.finish = finish  # type: ignore[attr-defined]
        return cast(Aggregate, over_rows)

    return decorate


def feature_matrix(rows: Sequence[RowScore], features: Features) -> Matrix:
    """Features of all rows `[N, K]`; rows that lack some are filled up with zeros."""
    listed = [features(row) for row in rows]
    width = max((len(values) for values in listed), default=0)
    filled = [[*values, *(0.0,) * (width - len(values))] for values in listed]
    return np.array(filled, np.float64).reshape(len(rows), width)

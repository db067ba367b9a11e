"""How sure a figure is: clustered bootstrap intervals and paired differences.

Rows that share a group (sentences of one document, questions about one passage) are resampled together: treating them
as independent makes intervals too narrow. With few groups a bootstrap is too sure of itself: below `MIN_GROUPS` no
interval is given, and a p-value is never below what flipping the sign of each group could reach. Same seed, same
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lontar.scoring.registries import Matrix, feature_matrix
from lontar.scoring.results import RowScore

# Of fewer than 6 groups even unanimous ones reach only p = 2 / 2**5 = 0.06.
MIN_GROUPS = 6
# Counts drawn at once: 2**22 int64 are 32 MB.
_BLOCK = 2**22
# OpenBLAS multiplies up to so many pairs of numbers on one thread.
_ONE_THREAD = 2**18

Rows: TypeAlias = Sequence[RowScore]
Resample = Callable[[NDArray[np.int64]], Matrix]


@dataclass(frozen=True)
class Sure:
    """How intervals are made."""

    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    @property
    def options(self) -> dict[str, Any]:
        """As `bootstrap` and `paired` take them."""
        return {"confidence": self.confidence, "resamples": self.resamples, "seed": self.seed}


def beyond_chance(
    value: float | None, low: float | None, high: float | None, *, chance: float | None, better: str
) -> bool | None:
    """Does the whole interval lie on the good side of chance? None without a chance figure or a value.

    Without an interval nothing is shown.
    """
    if chance is None or value is None:
        return None
    if low is None or high is None:
        return False
    return low > chance if better == "higher" else high < chance


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentile interval; both ends None when there are too few groups to tell."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One model minus another on the same samples, and the two-sided p-value of no difference."""

    value: float
    low: float | None
    high: float | None
    p: float | None


def bootstrap(
    aggregate: Callable[..., float],
    rows: Rows,
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Interval of `aggregate(rows)` when groups of rows are drawn with replacement.

    Args:
        aggregate: a registered aggregate, or any function of rows; those made by `from_sums` are much faster.
        rows: one score per row.
        groups: the group of each row.
        confidence: share of the resampled figures inside the interval.
        resamples: how many; the ends are stable to about 2 digits from 1000 on.
        seed: of the draws.
    """
    order = _members(groups)
    if len(order) < MIN_GROUPS:
        return Interval(None, None)
    figures = _figures(_resampler(aggregate, rows, order), len(order), resamples, seed)
    return percentiles(figures, confidence)


def paired(
    aggregate: Callable[..., float],
    rows: Rows,
    base: Rows,
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """`aggregate(rows) - aggregate(base)` on the same samples, with the same groups drawn for both.

    Raises:
        ValueError: the two do not have the same number of rows.
    """
    if not len(rows) == len(base) == len(groups):
        raise ValueError(f"paired rows of different lengths: {len(rows)}, {len(base)}, {len(groups)} groups")
    value = float(aggregate(rows) - aggregate(base))
    order = _members(groups)
    if len(order) < MIN_GROUPS or not np.isfinite(value):
        return Difference(value, None, None, None)
    ours, theirs = _resampler(aggregate, rows, order), _resampler(aggregate, base, order)
    figures = _figures(lambda counts: ours(counts) - theirs(counts), len(order), resamples, seed)
    interval = percentiles(figures, confidence)
    return Difference(value, interval.low, interval.high, two_sided(figures, len(order)))


def resampled(
    aggregate: Callable[..., float],
    sides: Sequence[Rows],
    groups: Sequence[Sequence[str]],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Matrix:
    """Figures `[resamples, sides]` of several models with the same groups drawn for all of them.

    Unlike in `paired`, a group may have more rows on one side: another number of runs. Rows with a figure that is not
    finite are left in.

    Raises:
        ValueError: the sides do not have the same groups, or there are fewer than `MIN_GROUPS`.
    """
    found = [_by_group(listed) for listed in groups]
    names = list(found[0])
    if len(names) < MIN_GROUPS or any(set(side) != set(names) for side in found):
        raise ValueError(f"resampling wants {MIN_GROUPS} groups or more, the same on every side")
    made = [
        _resampler(aggregate, rows, [side[name] for name in names]) for rows, side in zip(sides, found, strict=True)
    ]
    return _drawing(lambda counts: np.stack([one(counts) for one in made], axis=-1), len(names), resamples, seed)


def two_sided(figures: Matrix, n_groups: int) -> float:
    """Twice the smaller share of resampled differences on one side of 0, one added to each count."""
    n = len(figures)
    smaller = min(int((figures <= 0).sum()), int((figures >= 0).sum()))
    return float(min(1.0, max(2 * (smaller + 1) / (n + 1), 2.0 * 0.5 ** min(n_groups, 1000))))


def _members(groups: Sequence[str]) -> list[list[int]]:
    """Row numbers of each group, in order of first appearance."""
    return list(_by_group(groups).values())


def _by_group(groups: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(group, []).append(i)
    return found


def _resampler(aggregate: Callable[..., float], rows: Rows, members: list[list[int]]) -> Resample:
    """A function from how often each group was drawn `[B, G]` to figures `[B]`."""
    # A `Use` of the registry holds the function and its settings.
    knobs: dict[str, Any] = dict(getattr(aggregate, "knobs", {}))
    function = getattr(getattr(aggregate, "entry", None), "function", aggregate)
    finish, features = getattr(function, "finish", None), getattr(function, "features", None)
    if finish is None or features is None:
        return lambda counts: np.array([aggregate(list(_drawn(rows, members, row))) for row in counts], np.float64)
    whole = feature_matrix(rows, features)
    sums = np.stack([whole[listed].sum(axis=0) for listed in members])
    return lambda counts: np.asarray(finish(product(counts, sums), **knobs), np.float64)


def product(counts: NDArray[np.int64], sums: Matrix) -> Matrix:
    """`counts @ sums`, in pieces so small that the library starts no threads, which cost more than they give here."""
    step = max(1, _ONE_THREAD // max(1, sums.size))
    found = np.empty((len(counts), sums.shape[1]))
    for begin in range(0, len(counts), step):
        np.matmul(counts[begin : begin + step].astype(np.float64), sums, out=found[begin : begin + step])
    return found


def _drawn(rows: Rows, members: list[list[int]], counts: NDArray[np.int64]) -> Iterator[RowScore]:
    for listed, times in zip(members, counts, strict=True):
        for _ in range(int(times)):
            yield from (rows[i] for i in listed)


def _figures(resample: Resample, n_groups: int, resamples: int, seed: int) -> Matrix:
    figures = _drawing(resample, n_groups, resamples, seed)
    return figures[np.isfinite(figures)]


def _drawing(resample: Resample, n_groups: int, resamples: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // n_groups)
    parts = [resample(_counts(rng, n_groups, min(block, resamples - done))) for done in range(0, resamples, block)]
    return np.concatenate(parts)


def _counts(rng: np.random.Generator, n_groups: int, n: int) -> NDArray[np.int64]:
    """How often each group is drawn `[n, n_groups]`: draws counted, a fifth of the time of multinomial numbers."""
    drawn = rng.integers(0, n_groups, size=(n, n_groups))
    drawn += np.arange(n)[:, None] * n_groups
    return np.bincount(drawn.ravel(), minlength=n * n_groups).reshape(n, n_groups)


def percentiles(figures: Matrix, confidence: float) -> Interval:
    """The interval that holds this share of the figures, as much cut off below as above."""
    if not len(figures):
        return Interval(None, None)
    tail = (1 - confidence) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    return Interval(float(low), float(high))

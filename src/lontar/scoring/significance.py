"""Tests of a difference between two models, and corrections for the number of tests.

Two tests need no resampling of figures: McNemar's for right and wrong answers to single questions, and flipping the
sign of whole groups for rows that stand or fall together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# 2**12 sign patterns are all looked at; of more groups a sample is drawn.
EXACT_GROUPS = 12
# Signs drawn at once: 2**22 float64 are 32 MB.
_BLOCK = 2**22


@dataclass(frozen=True, slots=True)
class McNemar:
    """Questions that only one of two models got right, and the two-sided exact p-value."""

    b: int
    """ours right, theirs wrong"""
    c: int
    """ours wrong, theirs right"""
    p: float


def mcnemar(ours: Sequence[bool], theirs: Sequence[bool]) -> McNemar:
    """McNemar's exact test (Dietterich 1998): are the questions that one alone got right split evenly?

    It holds for questions that are independent: one run, one question per group.

    Raises:
        ValueError: the two do not have the same number of answers.
    """
    pairs = list(zip(ours, theirs, strict=True))
    b, c = sum(a and not o for a, o in pairs), sum(o and not a for a, o in pairs)
    return McNemar(b, c, _even(min(b, c), b + c))


def _even(k: int, n: int) -> float:
    """Two-sided p-value of `k` or fewer heads in `n` throws of a fair coin."""
    log_all = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(math.exp(log_all - math.lgamma(i + 1) - math.lgamma(n - i + 1)) for i in range(k + 1))
    return min(1.0, 2 * tail)


def sign_flip(differences: Sequence[float], groups: Sequence[str], *, resamples: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of no difference when the sign of each group's sum might as well have been the other.

    All patterns of signs are looked at where at most 12 groups differ from 0, else `resamples` drawn ones.

    Args:
        differences: of each row: ours minus theirs.
        groups: the group of each row.
        resamples: patterns drawn where there are too many.
        seed: of the draws.
    """
    sums: dict[str, float] = {}
    for value, group in zip(differences, groups, strict=True):
        sums[group] = sums.get(group, 0.0) + value
    moved = np.array([value for value in sums.values() if value != 0], np.float64)
    if not len(moved):
        return 1.0
    # Sums of the same numbers in another order differ in the last digits.
    bar = abs(float(moved.sum())) - 1e-9 * float(np.abs(moved).sum())
    if len(moved) <= EXACT_GROUPS:
        return float(np.mean(np.abs(_all_signs(len(moved)) @ moved) >= bar))
    return (_drawn_beyond(moved, bar, resamples, seed) + 1) / (resamples + 1)


def _all_signs(n: int) -> NDArray[np.float64]:
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return (1 - 2 * bits).astype(np.float64)


def _drawn_beyond(moved: NDArray[np.float64], bar: float, resamples: int, seed: int) -> int:
    rng, block, beyond = np.random.default_rng(seed), max(1, _BLOCK // len(moved)), 0
    for done in range(0, resamples, block):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (min(block, resamples - done), len(moved)), np.int8)
        beyond += int((np.abs(signs @ moved) >= bar).sum())
    return beyond


def holm(found: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number (Holm 1979), in the order given; those that are None stay so."""
    known = sorted((p, i) for i, p in enumerate(found) if p is not None)
    corrected: list[float | None] = [None] * len(found)
    worst = 0.0
    for rank, (p, i) in enumerate(known):
        worst = max(worst, min(1.0, (len(known) - rank) * p))
        corrected[i] = worst
    return corrected


def benjamini_hochberg(found: Sequence[float | None]) -> list[float | None]:
    """p-values corrected so that their bound is the expected share of false ones among those shown (1995).

    Weaker than Holm, which bounds the chance of any false one: for looking around, not for verdicts. None stays None.
    """
    known = sorted(((p, i) for i, p in enumerate(found) if p is not None), reverse=True)
    corrected: list[float | None] = [None] * len(found)
    least = 1.0
    for place, (p, i) in enumerate(known):
        least = min(least, p * len(known) / (len(known) - place))
        corrected[i] = least
    return corrected

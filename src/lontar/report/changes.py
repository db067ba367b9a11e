"""Relative changes over several languages: each language weighs the same, and a hard sentence weighs on all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lontar.scoring import RowScore, Sure, bootstrap, from_sums
from lontar.scoring.registries import Matrix


@dataclass(frozen=True)
class Change:
    """A relative change: the mean over languages of `after / before - 1`, and each language's own."""

    value: float
    low: float | None
    high: float | None
    n: int
    languages: dict[str, float]
    best: str
    """the language that fell most"""
    least: str
    """the language that fell least, or rose most: an average shows its worst"""


Pairs = dict[str, list[tuple[str, float, float]]]
"""by language: group, before, after"""


def change(found: Pairs, sure: Sure) -> Change | None:
    """Relative change of sums, averaged over languages; items of one group are drawn together in all of them.

    Parallel sentences share a group across languages, so a hard sentence weighs on all of them at once.
    """
    kept = {lang: rows for lang, rows in sorted(found.items()) if sum(before for _, before, _ in rows) > 0}
    if not kept:
        return None
    rows, groups = [], []
    for place, listed in enumerate(kept.values()):
        for group, before, after in listed:
            statistics = [0.0] * (2 * len(kept))
            statistics[2 * place : 2 * place + 2] = [before, after]
            rows.append(RowScore(value=None, statistics=tuple(statistics)))
            groups.append(group)
    interval = bootstrap(_mean_change, rows, groups, **sure.options)
    each = {lang: sum(r[2] for r in listed) / sum(r[1] for r in listed) - 1 for lang, listed in kept.items()}
    value = sum(each.values()) / len(each)
    ranked = sorted(each, key=lambda lang: (each[lang], lang))
    return Change(value, interval.low, interval.high, len(set(groups)), each, ranked[0], ranked[-1])


@from_sums()
def _mean_change(sums: Matrix, /) -> Matrix:
    before, after = sums[..., 0::2], sums[..., 1::2]
    ratios = np.divide(after, before, out=np.full(before.shape, np.nan), where=before > 0)
    found: Matrix = ratios.mean(axis=-1) - 1
    return found

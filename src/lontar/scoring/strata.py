"""Scorers of choices, and the aggregate that gives every class or phenomenon the same weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lontar.core.config import made
from lontar.languages import Language
from lontar.scoring.registries import Matrix, aggregate, from_sums, scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.scoring.tagged import form

# More classes or phenomena than any task has; what claims more is no row of these scorers.
MOST_STRATA = 10_000


@scorer("label_match")
def label_match(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """1 when the answer is the right label. Statistics: number of the label among `facts.labels`, and how many."""
    gold, labels = _gold(sample), _listed(sample, "labels")
    if gold not in labels:
        return RowScore(value=None, reason=f"the right label {gold!r} is not among the labels {', '.join(labels)}")
    return _matched(sample, prediction, labels.index(gold), len(labels))


@scorer("label_match_by_phenomenon")
def label_match_by_phenomenon(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """1 when the answer is the right label. Statistics: number of the row's phenomenon among `facts.strata`."""
    row = sample.facts.get("row")
    metadata = row.get("metadata") if isinstance(row, Mapping) else None
    name = str(metadata.get("linguistic_phenomenon") if isinstance(metadata, Mapping) else "")
    strata = _listed(sample, "strata")
    if name not in strata:
        return RowScore(value=None, reason=f"the phenomenon {name!r} is not among {', '.join(strata)}")
    return _matched(sample, prediction, strata.index(name), len(strata))


def _matched(sample: Sample, prediction: Prediction, stratum: int, n: int) -> RowScore:
    statistics = (float(stratum), float(n))
    if prediction.answer is None:
        reason = prediction.reason or "no answer"
        return made(RowScore, {"value": None, "statistics": statistics, "reason": reason})
    right = prediction.answer == _gold(sample) or form(prediction.answer) == form(_gold(sample))
    return made(RowScore, {"value": float(right), "statistics": statistics, "reason": None})


def _gold(sample: Sample) -> str:
    return sample.references[0] if sample.references else ""


def _listed(sample: Sample, name: str) -> list[str]:
    found = sample.facts.get(name)
    return [str(name) for name in found] if isinstance(found, list | tuple) else []


def _one_hot(row: RowScore) -> list[float]:
    """`[2 * n]`: value and 1 in the place of the row's stratum."""
    if len(row.statistics) < 2:
        return []
    stratum, n = (int(number) for number in row.statistics[:2])
    if not 0 <= stratum < n <= MOST_STRATA:
        return []
    made = [0.0] * (2 * n)
    made[2 * stratum], made[2 * stratum + 1] = row.value or 0.0, 1.0
    return made


@aggregate("balanced")
@from_sums(_one_hot)
def balanced(sums: Matrix, /, *, chance: float = 0.0) -> Matrix:
    """Mean over strata of the mean in each, above chance: 0 at `chance`, 100 when all is right, never below 0.

    With the right label as stratum this is balanced accuracy. Rows carry the number of their stratum and how many
    there are; one without an answer counts as wrong, a stratum without rows is left out.
    """
    if sums.shape[-1] < 2:
        return np.full(sums.shape[:-1], np.nan)
    right, n = sums[..., 0::2], sums[..., 1::2]
    means = np.divide(right, n, out=np.zeros_like(right), where=n > 0)
    there = (n > 0).sum(axis=-1)
    mean = np.divide(means.sum(axis=-1), there, out=np.full(there.shape, np.nan), where=there > 0)
    above = (mean - chance) / max(1e-9, 1 - chance)
    result: Matrix = 100 * np.where(np.isnan(above), np.nan, np.maximum(above, 0.0))
    return result


def _percent_features(row: RowScore) -> tuple[float, float]:
    return (row.value or 0.0, 1.0)


@aggregate("percent")
@from_sums(_percent_features)
def percent(sums: Matrix, /) -> Matrix:
    """Mean of the rows, times 100; a row without an answer counts as 0."""
    n = sums[..., 1]
    result: Matrix = 100 * np.divide(sums[..., 0], n, out=np.full(np.shape(n), np.nan), where=np.asarray(n) != 0)
    return result

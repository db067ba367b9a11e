"""Log-probability of the right answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lontar.core.config import JsonObject
from lontar.scoring.official.case import Case, Row, Scored, family


@family("logprob")
def logprob(case: Case) -> Scored:
    """Means of log-probability (nats) and of probability (percent), with their standard errors."""
    values = [_value(row) for row in case.rows]
    return Scored(_means(values), _rows(values))


@family("minimal_pairs_logprob")
def minimal_pairs_logprob(case: Case) -> Scored:
    """The same, and per linguistic phenomenon."""
    values = [_value(row) for row in case.rows]
    parts = {name: _means(own) for name, own in case.by_phenomenon(values).items()}
    return Scored({"subcategories": {**parts}, **_means(values)}, _rows(values), case.unnamed())


@family("pragmatics_logprob")
def pragmatics_logprob(case: Case) -> Scored:
    """Per linguistic phenomenon alone.

    The official code writes the scores of one phenomenon after those of another, to rows that stand in another order.
    """
    parts = case.by_phenomenon([_value(row) for row in case.rows])
    moved = [value for own in parts.values() for value in own]
    return Scored({"subcategories": {name: _means(own) for name, own in parts.items()}}, _rows(moved), case.unnamed())


def _value(row: Row) -> float | None:
    found: Any = row.get("cumulative_logprobs")
    if isinstance(found, list):
        found = found[0] if found else None
    return None if found is None or math.isnan(found) else float(found)


def _percent(value: float | None) -> float:
    try:
        return 0.0 if value is None else 100 * math.exp(value)
    except OverflowError:
        return math.inf


def _means(values: Sequence[float | None]) -> JsonObject:
    known = [value for value in values if value is not None]
    percents = [_percent(value) for value in values]
    mean, error = _mean_and_error(known) if len(known) > 1 else (0.0, 0.0)
    average, spread = _mean_and_error(percents)
    return {
        "null_count": len(values) - len(known),
        "average_cumulative_logprobs": mean,
        "clt_se_cumulative_logprobs": error,
        "average_cumulative_probabilities": average,
        "clt_se_cumulative_probabilities": spread,
    }


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    n = len(values)
    mean = sum(values) / n if n else 0.0
    variance = sum((value - mean) ** 2 for value in values) / (n - 1) if n > 1 else 0.0
    return mean, math.sqrt(variance / n) if n else 0.0


def _rows(values: Sequence[float | None]) -> list[JsonObject]:
    return [{"individual_scores": {"probabilities_accuracy": _percent(value)}} for value in values]

"""What an answer costs: tokens, seconds, and how many characters a model gets into a token of a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from lontar.eval.rows import Row


@dataclass(frozen=True)
class CostPerAnswer:
    """Means over the answers that are compared; None where nothing was counted."""

    tokens_in: float | None = None
    tokens_out: float | None = None
    """thinking included"""
    tokens_thinking: float | None = None
    seconds: float | None = None
    chars_per_token: float | None = None
    """as the evaluation measured it"""

    def with_characters(self, facts: Mapping[str, Any]) -> CostPerAnswer:
        """With the figure that a row of `scores.json` has."""
        found = facts.get("chars_per_token")
        if not isinstance(found, int | float) or isinstance(found, bool):
            return self
        return replace(self, chars_per_token=float(found))


def cost(rows: Sequence[Row]) -> CostPerAnswer:
    """Per answer, over the rows that have one."""
    found = [row.prediction for row in rows if row.prediction is not None]
    names = ("tokens_in", "tokens_out", "tokens_thinking", "seconds")
    sums = {name: [float(getattr(prediction, name)) for prediction in found] for name in names}
    return CostPerAnswer(**{name: fmean(values) if any(values) else None for name, values in sums.items()})

"""What would make a comparison surer: how many questions separate two models, and whether runs or questions are short.

After Miller 2024, "Adding error bars to evals".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev, variance


def groups_needed(difference: float, spread: float, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """How many groups would show such a difference; None where there is no difference to show.

    Args:
        difference: as it was seen.
        spread: standard deviation between groups of what they contribute to it; its standard error times the square
            root of the number of groups where it is no plain mean.
        power: chance that so many groups show it.
        alpha: two-sided level of the test.
    """
    if difference == 0 or not math.isfinite(difference) or not math.isfinite(spread):
        return None
    normal = NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return max(1, math.ceil((reach * spread / difference) ** 2))


def samples_needed(differences: Sequence[float], *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """How many groups would separate two models at the difference seen, from the difference in each group.

    None where there is no difference to separate, or where fewer than two groups tell nothing of their spread.
    """
    if len(differences) < 2:
        return None
    return groups_needed(fmean(differences), stdev(differences), power=power, alpha=alpha)


def run_spread(values: Sequence[float]) -> float | None:
    """Standard deviation of a score between runs; None for a single run."""
    return stdev(values) if len(values) > 1 else None


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """What the spread of answers comes from: the questions, or asking the same one again."""

    questions: float
    """variance of the questions' true means"""
    runs: float
    """variance between runs of one question"""
    n_questions: int
    n_answers: int

    @property
    def share_of_runs(self) -> float:
        """Share of the mean's variance that more runs of the same questions could take away; the rest needs questions.

        0 when nothing varies.
        """
        of_runs, of_questions = self.runs / self.n_answers, self.questions / self.n_questions
        return of_runs / (of_runs + of_questions) if of_runs + of_questions > 0 else 0.0


def variance_split(answers: Sequence[Sequence[float]]) -> VarianceSplit | None:
    """One-way random effects over the values of each question's runs; None without two questions or without repeats.

    The method of moments for groups of unequal size; a negative estimate is 0.
    """
    listed = [values for values in answers if values]
    n, k = sum(map(len, listed)), len(listed)
    if k < 2 or n == k:
        return None
    means = [fmean(values) for values in listed]
    whole = math.fsum(value for values in listed for value in values) / n
    within = math.fsum((len(v) - 1) * variance(v) for v in listed if len(v) > 1) / (n - k)
    between = math.fsum(len(v) * (mean - whole) ** 2 for v, mean in zip(listed, means, strict=True)) / (k - 1)
    per_question = (n - sum(len(values) ** 2 for values in listed) / n) / (k - 1)
    return VarianceSplit(max(0.0, (between - within) / per_question), within, k, n)

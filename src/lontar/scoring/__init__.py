"""Scoring: from what a model answered to figures with intervals.

Scorers, aggregates and extraction rules are plain registered functions (`registries.py`); statistics are pure functions
over their rows (`statistics.py`).
"""

from __future__ import annotations

from lontar.scoring.registries import Aggregate, Extractor, Scorer, aggregate, extractor, from_sums, scorer
from lontar.scoring.results import Bounds, Judgement, Likelihood, Prediction, RowScore, Sample, Score, Turn
from lontar.scoring.statistics import Difference, Interval, Sure, beyond_chance, bootstrap, paired

scorers, aggregates, extractors = scorer, aggregate, extractor

__all__ = [
    "Aggregate",
    "Bounds",
    "Difference",
    "Extractor",
    "Interval",
    "Judgement",
    "Likelihood",
    "Prediction",
    "RowScore",
    "Sample",
    "Score",
    "Scorer",
    "Sure",
    "Turn",
    "aggregate",
    "aggregates",
    "beyond_chance",
    "bootstrap",
    "extractor",
    "extractors",
    "from_sums",
    "paired",
    "scorer",
    "scorers",
]

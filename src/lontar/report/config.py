"""Settings of the stages that make pages."""

from __future__ import annotations

from pydantic import Field

from lontar.core.config import Config, JsonObject


class ReportConfig(Config):
    """Settings of `report.build`."""

    title: str = ""
    """heading of the page; empty: what became of what, in the names of the steps"""
    recipe: str = ""
    """name or file of the recipe that made the run, for the commands under "Reproduce"; empty: only the one printed"""
    kept: tuple[str, ...] = ("en",)
    """languages that must not get worse; the first screen shows them apart"""
    first: tuple[str, ...] = ("my", "km", "lo", "th", "ta")
    """languages shown first, in this order; the others follow by code"""
    gate: JsonObject = Field(default_factory=dict)
    """gates to apply to the evaluations and show, as under `gate` of a recipe's step"""
    samples: int = Field(default=2, ge=0)
    """at most so many answers per task and language, failures first"""
    decisions: int = Field(default=60, ge=0)
    """at most so many documents of a corpus with the decision taken on each, dropped ones first"""
    boxes: int = Field(default=12, ge=0)
    """languages for which a sentence is shown token by token"""
    bootstraps: int = Field(default=10_000, ge=100)
    """resamples per interval; p-values are never below 2 / (n + 1), which many rows need small"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """share of resampled figures inside an interval; a difference counts when its corrected p is below the rest"""
    cost: bool = True
    """show time and memory: measurements of one machine, so two runs of one recipe differ in them"""


class CompareConfig(Config):
    """Settings of `report.compare`."""

    title: str = ""
    """heading of the page; empty: the names of the evaluations"""
    labels: tuple[str, ...] = ()
    """names of what is compared, in order; empty: the folders' names"""
    first: tuple[str, ...] = ("my", "km", "lo", "th", "ta")
    """languages shown first, in this order; the others follow by code"""
    items: int = Field(default=4, ge=0)
    """at most so many items per task on which two models disagree"""
    bootstraps: int = Field(default=10_000, ge=100)
    """resamples per interval"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """share of resampled figures inside an interval"""

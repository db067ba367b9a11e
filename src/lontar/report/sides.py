"""The sides of a comparison: evaluations under the names that the page uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.errors import ConfigError
from lontar.report.reading import answers, read_object

Key = tuple[str, str]
"""task and language"""


@dataclass(frozen=True)
class Model:
    """One side of a comparison: the model of an evaluation."""

    name: str
    evaluation: Evaluation
    rows: dict[Key, dict[str, Any]]
    """rows of `scores.json` by task and language"""

    @classmethod
    def of(cls, name: str, evaluation: Evaluation) -> Model:
        """Read an evaluation."""
        rows = read_object(evaluation.path / "scores.json").get("rows", [])
        return cls(name, evaluation, {(str(row["task"]), str(row["lang"])): row for row in rows})

    def answers(self, key: Key) -> list[dict[str, Any]]:
        """What it answered."""
        return answers(self.evaluation, "model", *key)


def opened(evaluations: Sequence[Evaluation], labels: Sequence[str]) -> list[Model]:
    """The models under their names.

    Raises:
        ConfigError: fewer than two, or labels that do not fit.
    """
    if len(evaluations) < 2:
        raise ConfigError("report.compare: give two evaluations or more", hint="--evaluations A --evaluations B")
    if labels and (len(labels) != len(evaluations) or len(set(labels)) != len(labels)):
        raise ConfigError(f"report.compare: {len(evaluations)} evaluations, but labels are {', '.join(labels)}")
    names = labels or _names(evaluations)
    return [Model.of(name, evaluation) for name, evaluation in zip(names, evaluations, strict=True)]


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    """Names of the folders; with that of the run where two are the same."""
    names = [evaluation.path.resolve().name for evaluation in evaluations]
    if len(set(names)) < len(names):
        names = [f"{e.path.resolve().parent.name}/{e.path.resolve().name}" for e in evaluations]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    return names

"""What a metric family gets and gives."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from lontar.core.config import JsonObject
from lontar.errors import DataError

T = TypeVar("T")
Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """Constants of the official repository that scoring needs, from the user's copy."""

    ifeval: Mapping[str, Any] = field(default_factory=dict)
    """constrained_options per language, postscript_markers, languages with word borders, and so on"""


@dataclass(frozen=True)
class Case:
    """A task in one language with the answers of a model."""

    task: str
    lang: str
    rows: Sequence[Row]
    """`id`, `label`, `responses` (one per turn), `metadata`, and what else the family needs"""
    answer_tag: str = ""
    """what precedes an answer; a regular expression, since the official code does not escape it"""
    judge_rows: Sequence[Row] = ()
    """answers or scores of judges"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """of the task: ties_allowed, use_chrf_metric, and so on"""
    facts: Facts = Facts()

    def responses(self) -> list[str]:
        """The first answer of every row; one that failed is empty."""
        return [str((row.get("responses") or [""])[0] or "") for row in self.rows]

    def unlabelled(self) -> list[str]:
        """What to say of rows without a label; the official code fails on them."""
        bare = (row for row in self.rows if row.get("label") is None or row["label"] == [])
        return [f"row {row.get('id')}: no label, counted as wrong" for row in bare]

    def phenomena(self) -> list[str]:
        """The linguistic phenomenon of every row; empty where it has none."""
        return [str(_metadata(row).get("linguistic_phenomenon") or "") for row in self.rows]

    def by_phenomenon(self, values: Sequence[T]) -> dict[str, list[T]]:
        """A value of every row, by the row's phenomenon in order of appearance."""
        found: dict[str, list[T]] = {}
        for name, value in zip(self.phenomena(), values, strict=True):
            found.setdefault(name, []).append(value)
        return found

    def unnamed(self) -> list[str]:
        """What to say of rows without a phenomenon; the official code fails on them."""
        named = zip(self.rows, self.phenomena(), strict=True)
        return [f"row {row.get('id')}: no linguistic phenomenon" for row, name in named if not name]


def _metadata(row: Row) -> Mapping[str, Any]:
    found = row.get("metadata")
    return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class Scored:
    """Metrics of the task, and what the official code adds to each row."""

    metrics: JsonObject
    rows: Sequence[JsonObject]
    problems: Sequence[str] = ()
    """where the official code would have failed, and what was done instead"""


Family: TypeAlias = Callable[[Case], Scored]
_FAMILIES: dict[str, Family] = {}
_MODULES = ("labels", "text", "translation", "likelihood", "ifeval", "rouge", "longproc", "math", "judges")


def family(*names: str) -> Callable[[Family], Family]:
    """Register a metric family under its names."""

    def decorate(function: Family) -> Family:
        for name in names:
            _FAMILIES[name] = function
        return function

    return decorate


def score(name: str, case: Case) -> Scored:
    """Score a case by the family of that name.

    Raises:
        DataError: there is no such family.
        MissingExtraError: it needs a reference library that is not installed.
    """
    for module in _MODULES:
        importlib.import_module(f"lontar.scoring.official.{module}")
    if name not in _FAMILIES:
        raise DataError(f"no metric family {name!r}", hint=f"there are {', '.join(sorted(_FAMILIES))}")
    return _FAMILIES[name](case)

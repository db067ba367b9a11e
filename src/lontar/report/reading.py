"""What a run consists of, read from artifacts: their names, their parents among each other, and small payload files.

Payload files that may be absent in an artifact of another version are read as empty, never guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lontar.core.artifact import Artifact, Evaluation
from lontar.core.manifest import Manifest
from lontar.core.shards import read_jsonl
from lontar.errors import LontarError

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class Step:
    """An artifact of the run under the name of its step."""

    name: str
    artifact: Artifact

    @property
    def manifest(self) -> Manifest:
        """The record of the artifact."""
        return self.artifact.manifest

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object of the payload; empty when there is none of that name."""
        return read_object(self.artifact.path / name)


@dataclass(frozen=True)
class Run:
    """The artifacts of a run in the order given, which is the order of its steps."""

    steps: tuple[Step, ...]
    first: tuple[str, ...] = ()
    """languages that come first wherever languages are listed"""

    @classmethod
    def of(cls, artifacts: Sequence[Artifact], first: Sequence[str] = ()) -> Run:
        """Name each artifact after its folder; equal names get a number."""
        steps: list[Step] = []
        taken: set[str] = set()
        for artifact in artifacts:
            name, number = artifact.path.name, 2
            while name in taken:
                name, number = f"{artifact.path.name}-{number}", number + 1
            taken.add(name)
            steps.append(Step(name, artifact))
        return cls(tuple(steps), tuple(first))

    def of_kind(self, kind: type[Artifact]) -> list[Step]:
        """Steps whose artifact is of a kind, in order."""
        return [step for step in self.steps if isinstance(step.artifact, kind)]

    def named(self, digest: str) -> Step | None:
        """The first step with this content."""
        return next((step for step in self.steps if step.manifest.digest == digest), None)

    def parent(self, step: Step, name: str) -> Step | None:
        """The step that was the input `name` of another one, when it is among those given."""
        parent = dict(step.manifest.parent_list()).get(name)
        if parent is None:
            return None
        by_seal = (other for other in self.steps if other.manifest.seal == parent.seal)
        return next(by_seal, self.named(parent.digest))

    def ordered(self, codes: Iterable[str]) -> list[str]:
        """Codes in the one order that all tables use: `first`, then by code."""
        rank = {code: place for place, code in enumerate(self.first)}
        return sorted(set(codes), key=lambda code: (rank.get(code, len(rank)), code))


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; empty when the file is missing or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file; none when it is missing or damaged."""
    if not path.is_file():
        return []
    try:
        return [dict(row) for _, row in read_jsonl(path)]
    except LontarError:
        return []


def answers(evaluation: Evaluation, side: str, task: str, lang: str) -> list[dict[str, Any]]:
    """What a side (`model`, `baseline`) of an evaluation answered to a task in a language."""
    return rows_of(evaluation.path / "samples" / side / f"{task}-{lang}.jsonl.zst")


def number_of(row: Mapping[str, Any], *path: str) -> float | None:
    """A number somewhere in nested objects; None when it is not there."""
    value: Any = row
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

"""What an evaluation asks: tasks in languages with their samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lontar.core.config import JsonObject
from lontar.eval.task import Task
from lontar.scoring import Sample


@dataclass(frozen=True)
class Part:
    """A task in one language: what every model is asked."""

    task: Task
    lang: str
    samples: tuple[Sample, ...]
    runs: int = 1
    tag: str = ""
    """where a base model's first phase ends; empty: there is one phase"""
    judged: bool = False
    """whether a judge is asked about each answer"""
    official: JsonObject = field(default_factory=dict)
    """what the official scorers need: entry of the task, `answer_tag`; empty for tasks of our own"""

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.task.name}-{self.lang}"

    @property
    def label(self) -> bool:
        """Whether the likelihood of the label is asked, after what the model writes before it."""
        return self.task.output == "label"


@dataclass(frozen=True)
class Skipped:
    """A task in a language that is not asked, and why."""

    task: str
    lang: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Everything that will be asked, and what will not."""

    parts: tuple[Part, ...]
    skipped: tuple[Skipped, ...] = ()
    suite: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """official names of the tasks of an official suite, by language"""

    @property
    def n(self) -> int:
        """Answers that are wanted."""
        return sum(len(part.samples) * part.runs for part in self.parts)

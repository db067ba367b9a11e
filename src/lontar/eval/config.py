"""Settings of `eval.run`. Suite, tasks and languages are looked up here: every mistake shows before anything runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from lontar.core.build import LOCATION
from lontar.core.config import Config
from lontar.errors import LontarError
from lontar.eval.task import LanguageCode, Task, find_suite, find_task


def _problem(kind: str, err: LontarError) -> PydanticCustomError:
    return PydanticCustomError(kind, "{text}", {"text": err.message + (f" ({err.hint})" if err.hint else "")})


def _known_task(name: str) -> str:
    try:
        find_task(name)
    except LontarError as err:
        raise _problem("task", err) from err
    return name


def _known_suite(name: str) -> str:
    try:
        for task in find_suite(name).tasks:
            find_task(task)
    except LontarError as err:
        raise _problem("suite", err) from err
    return name


class EvalConfig(Config):
    """Settings of `eval.run`."""

    suite: Annotated[str, AfterValidator(_known_suite)] = "smoke"
    """tasks that are run together; `tasks` takes its place"""
    tasks: tuple[Annotated[str, AfterValidator(_known_task)], ...] = ()
    """names or files of tasks, instead of a suite"""
    languages: tuple[LanguageCode, ...] = ()
    """languages to ask in; empty: all that have items"""
    limit: int | None = Field(default=None, ge=1)
    """at most so many samples per task and language, instead of the suite's limits"""
    backend: str = "auto"
    """auto: `hf` for a model folder, `openai` for an endpoint"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """share of resampled figures inside an interval"""
    bootstraps: int = Field(default=1000, ge=100)
    """resamples per interval"""
    max_failures: int = Field(default=0, ge=0, json_schema_extra=LOCATION)
    """requests per task and language that may fail; they are counted and shown, never scored"""
    concurrency: int = Field(default=8, ge=1, json_schema_extra=LOCATION)
    """most requests under way at an endpoint"""

    def chosen(self) -> list[tuple[Task, int | None]]:
        """Tasks to run with their limits, sorted by name."""
        entries: dict[str, int | None] = dict.fromkeys(self.tasks)
        entries = entries or {name: entry.limit for name, entry in find_suite(self.suite).tasks.items()}
        found = [(find_task(name), self.limit or limit) for name, limit in entries.items()]
        return sorted(found, key=lambda pair: pair[0].name)

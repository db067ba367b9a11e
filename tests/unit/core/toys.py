"""Stages for the tests. The file also works as a plug-in: tests that need a process of their own copy it to a home.

`trace` is a folder through which a test watches and steers them: finished pieces are noted in `made`; a file `stop-N`
makes piece N wait half-written, `fail-N` makes it fail, `raise-N` ends the stage there.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from pydantic import Field

from lontar.core import stage as stages
from lontar.core.artifact import Corpus, Model, Records, Report
from lontar.core.build import LOCATION
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.stage import stage
from lontar.errors import DataError


class PartsConfig(Config):
    """How many pieces."""

    n: int = 3
    """pieces"""
    text: str = "piece"
    """what stands in each"""
    knobs: dict[str, float] = Field(default_factory=dict)
    """nothing"""
    trace: str = Field("", json_schema_extra=LOCATION)
    """folder through which a test steers"""


def _asked(trace: str, what: str) -> bool:
    return bool(trace) and (Path(trace) / what).exists()


def note(trace: str, text: str) -> None:
    if trace:
        with (Path(trace) / "made").open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")


def write_piece(path: Path, i: int, text: str, trace: str) -> None:
    path.write_text(text[:1], encoding="utf-8")
    if _asked(trace, f"raise-{i}"):
        raise DataError(f"piece {i} cannot be made", hint="try another")
    if _asked(trace, f"stop-{i}"):
        (Path(trace) / "stopped").write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(60)
    path.write_text(f"{text} {i}\n", encoding="utf-8")
    note(trace, str(i))


@stage("toy.parts", out=Records, version=1)
def parts(job: Job, *, config: PartsConfig) -> None:
    """Make pieces one by one."""
    (job.dir / "begun.txt").write_text("half-done in an attempt that was killed", encoding="utf-8")
    job.add_license("CC-BY-4.0", "toys", config.n)
    with job.progress.task("pieces", total=config.n, unit="pieces") as task:
        for i in range(config.n):
            if _asked(config.trace, f"fail-{i}"):
                job.fail(str(i), "asked to")
                continue
            job.unit(f"pieces/{i}.txt", lambda path, i=i: write_piece(path, i, config.text, config.trace))
            task.advance()
    job.metric(pieces=config.n)
    (job.dir / "begun.txt").write_text("done", encoding="utf-8")


class MappedConfig(Config):
    """How many items."""

    n: int = 4
    trace: str = Field("", json_schema_extra=LOCATION)


def square(item: tuple[int, str]) -> int:
    i, trace = item
    if _asked(trace, f"raise-{i}"):
        raise DataError(f"item {i} is wrong", hint="try another")
    if _asked(trace, f"die-{i}"):
        os._exit(3)
    if _asked(trace, f"stop-{i}"):
        (Path(trace) / "worker").write_text(str(os.getpid()), encoding="utf-8")
        (Path(trace) / "stopped").write_text(str(os.getppid()), encoding="utf-8")
        time.sleep(60)
    return i * i


@stage("toy.mapped", out=Report, version=1)
def mapped(job: Job, *, config: MappedConfig) -> None:
    """Square numbers in the executor."""
    found = list(job.executor.map(square, [(i, config.trace) for i in range(config.n)]))
    (job.dir / "squares.txt").write_text(" ".join(map(str, found)), encoding="utf-8")


class JoinConfig(Config):
    """How to join."""

    sep: str = " "
    """between two"""


@stage("toy.join", out=Report, version=1)
def join(
    job: Job,
    first: Records | Corpus,
    rest: tuple[Records, ...] | None = None,
    model: Model | None = None,
    *,
    config: JoinConfig,
) -> None:
    """Join one artifact and several more."""
    names = [first.digest, *(item.digest for item in rest or ())] + ([model.digest] if model else [])
    (job.dir / "joined.txt").write_text(config.sep.join(names), encoding="utf-8")


@stage("toy.all", out=Report, version=1)
def join_all(job: Job, items: tuple[Records, ...]) -> None:
    """Join a list; no settings."""
    (job.dir / "joined.txt").write_text(" ".join(item.digest for item in items), encoding="utf-8")


@stage("toy.nothing", out=Report, version=1)
def nothing(job: Job) -> None:
    """Write nothing."""


@stage("toy.big", out=Report, version=1)
def big(job: Job) -> None:
    """Write 8 pieces of 16 kB."""
    for i in range(8):
        job.unit(f"{i}.bin", lambda path: path.write_bytes(os.urandom(1) * 16_384))
    (job.dir / "end.txt").write_text("end", encoding="utf-8")


@stage("toy.linked", out=Report, version=1)
def linked(job: Job) -> None:
    """Leave a symbolic link in the payload."""
    (job.dir / "a.txt").write_text("a", encoding="utf-8")
    (job.dir / "b.txt").symlink_to("a.txt")


# As a plug-in they are registered; in the tests' own process only while a test asks for them (fixture `toys`), so that
# no other test sees them among the real ones.
TOYS = {}
if __name__.startswith("tests."):
    TOYS = {name: stages._STAGES.pop(name) for name in list(stages._STAGES) if name.startswith("toy.")}

"""One side of an evaluation: a model opened, everything asked, rows on disk.

The rows of a task in a language are one piece of work (`job.unit`), and every answer is kept in a file of its own
until then: a killed run goes on where it was. Requests that failed are asked again by the same command.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lontar.backends import backend_options, open_backend
from lontar.backends.base import Closing
from lontar.backends.cache import Cache
from lontar.backends.drive import Driver, Failed, Policy
from lontar.core.artifact import Artifact, Endpoint
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.progress import Task as ProgressTask
from lontar.core.shards import write_json, write_lines
from lontar.errors import BackendError, ConfigError, DataError
from lontar.eval.asking import Answer, Answers, Asker, Judge, Manner
from lontar.eval.config import EvalConfig
from lontar.eval.parts import Part
from lontar.eval.rows import Row, read_rows, rows_file, seconds_file
from lontar.eval.scores import Rules
from lontar.eval.sea_helm.compat import Compat, OfficialFacts, official_scores
from lontar.eval.voice import Voice
from lontar.scoring import Sample

# So many requests in a row that find the server unavailable, each tried six times, mean that it is down.
DOWN_AFTER = 12


class ClosingJudge(Judge, Closing, Protocol):
    """A judge that holds a model."""


@dataclass
class Side:
    """What one model answered, by part."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    compat: dict[str, Compat] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """of each part that was asked in this attempt, from the end of the one before it"""


@dataclass(frozen=True)
class Answering:
    """What is the same for both sides."""

    job: Job
    parts: Sequence[Part]
    config: EvalConfig
    facts: OfficialFacts
    judge: Callable[[], ClosingJudge] | None = None
    """opens the judge"""

    def side(self, name: str, artifact: Artifact) -> Side:
        """Ask a model everything that is not answered yet; its rows and official scores."""
        side, keys = Side(), {part.name: rows_file(name, part.task.name, part.lang) for part in self.parts}
        known: dict[str, Answers] = {part.name: {} for part in self.parts}
        missing = []
        for part in self.parts:
            path = self.job.dir / keys[part.name]
            rows = list(read_rows(path)) if path.is_file() else []
            if rows and all(row.failed is None for row in rows):
                side.rows[part.name] = rows
                self._compat(side, part, rows)
                continue
            # What failed is asked again; what was answered is kept.
            known[part.name] = {(row.sample.id, row.run): row.prediction for row in rows if row.prediction is not None}
            path.unlink(missing_ok=True)
            missing.append(part)
        if missing:
            self._ask(name, artifact, missing, known, side, keys)
        for part in self.parts:
            for row in side.rows[part.name]:
                if row.failed is not None:
                    run = f"#{row.run}" if part.runs > 1 else ""
                    self.job.fail(f"{name}/{part.name}/{row.sample.id}{run}", row.failed)
        return side

    def _ask(
        self,
        name: str,
        artifact: Artifact,
        parts: list[Part],
        known: dict[str, Answers],
        side: Side,
        keys: dict[str, str],
    ) -> None:
        job, config, ended = self.job, self.config, time.monotonic()
        n = sum(len(part.samples) * part.runs - len(known[part.name]) for part in parts)

        def finish(part: Part, answers: Answers) -> None:
            nonlocal ended
            meter.settle()
            job.unit(keys[part.name], lambda path: self._write(side, part, answers, path))
            side.seconds[part.name], ended = round(time.monotonic() - ended, 3), time.monotonic()

        with job.progress.task(name, total=n, unit="samples") as task, asyncio.Runner() as runner:
            voice = voice_of(job, open_model(job, artifact, config.backend), artifact, config)
            meter, judge = _Meter(job, config, task, voice), None
            try:
                if self.judge is not None and any(part.judged for part in parts):
                    judge = self.judge()
                asker = Asker(voice, _manner(job, config), judge, meter.saw)
                runner.run(asker.ask(parts, known, finish))
            finally:
                meter.settle()
                if judge is not None:
                    runner.run(judge.aclose())
                if voice.cache is not None:
                    voice.cache.close()
                if isinstance(voice.backend, Closing):
                    runner.run(voice.backend.aclose())
        write_json(job.dir / seconds_file(name), {**side.seconds})

    def _write(self, side: Side, part: Part, answers: Answers, path: Path) -> None:
        rules = Rules.of(part.task, part.lang)
        rows = [
            rules.score(sample, answers[sample.id, run], run) for sample in part.samples for run in range(part.runs)
        ]
        self._compat(side, part, rows)
        write_lines(path, row_lines(rows))
        side.rows[part.name] = rows

    def _compat(self, side: Side, part: Part, rows: Sequence[Row]) -> None:
        entry = self.facts.entry(part.task.name, part.lang)
        if entry:
            side.compat[part.name] = official_scores(entry, part.lang, rows, self.facts)


def row_lines(rows: Sequence[Row]) -> Iterator[bytes]:
    """Rows as lines of their file; a sample that stands in several runs is turned into JSON once.

    Raises:
        DataError: a row has no form in UTF-8.
    """
    head = b""
    for i, row in enumerate(rows):
        again = i > 0 and rows[i - 1].sample is row.sample
        try:
            if again or (i + 1 < len(rows) and rows[i + 1].sample is row.sample):
                head = head if again else b'{"sample":' + _json(row.sample) + b","
                rest = _json(row, {"sample"})[1:]
                yield (head if len(rest) > 1 else head[:-1]) + rest + b"\n"
            else:
                yield _json(row) + b"\n"
        except ValueError as err:
            raise DataError(f"sample {row.sample.id!r}: a text has no form in UTF-8: {err}") from err


def _json(value: Row | Sample, without: set[str] | None = None) -> bytes:
    return value.model_dump_json(exclude=without, exclude_defaults=True).encode("utf-8")


class _Meter:
    """Progress with what was spent so far."""

    def __init__(self, job: Job, config: EvalConfig, task: ProgressTask, voice: Voice) -> None:
        self._job, self._config, self._task, self._voice = job, config, task, voice
        self._failed, self._shown = 0, 0.0
        self._paid = (0, 0)

    def saw(self, answer: Answer) -> None:
        """Count an answer."""
        self._task.advance()
        self._failed += isinstance(answer, Failed)
        if (now := time.monotonic()) - self._shown >= 1.0:
            self._shown = now
            usd = self._usd(self._voice.tokens_in, self._voice.tokens_out)
            self._task.note(failed=self._failed, **({"usd": round(usd, 4)} if usd else {}))

    def settle(self) -> None:
        """Add what was spent since the last time to the job's cost."""
        spent = (self._voice.tokens_in, self._voice.tokens_out)
        tokens_in, tokens_out = spent[0] - self._paid[0], spent[1] - self._paid[1]
        self._job.cost(tokens_in=tokens_in, tokens_out=tokens_out, usd=self._usd(tokens_in, tokens_out))
        self._paid = spent

    def _usd(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._config.price_in + tokens_out * self._config.price_out) / 1e6


def _manner(job: Job, config: EvalConfig) -> Manner:
    return Manner(job.seed, config.temperature, config.thinking_budget, config.max_tokens)


def voice_of(job: Job, backend: Any, artifact: Artifact, config: EvalConfig, *, name: str = "answers") -> Voice:
    """A back-end as an evaluation speaks with it."""
    policy = Policy(
        concurrency=config.concurrency,
        max_failures=config.max_failures,
        max_unavailable=DOWN_AFTER,
        timeout_s=config.timeout_s,
    )
    instant = getattr(backend, "instant", False)
    cache = None if instant else Cache(job.scratch / f"{name}.jsonl")
    return Voice(backend, Driver(policy), cache, timed=isinstance(artifact, Endpoint))


def open_model(job: Job, artifact: Artifact, backend: str) -> Any:
    """Open a model or an endpoint.

    Raises:
        BackendError: the back-end cannot; ConfigError: it is no endpoint.
    """
    remote = isinstance(artifact, Endpoint)
    name = backend if backend != "auto" else "openai" if remote else "hf"
    given = {"device": job.resources.device, "threads": job.resources.threads}
    options: dict[str, Any] = {k: v for k, v in given.items() if k in backend_options(name)}
    target: str | Path = artifact.path
    if remote:
        endpoint = _endpoint(artifact.path / "endpoint.json")
        target, options = str(endpoint["url"]), {**options, "model": str(endpoint["model"])}
    try:
        return open_backend(name, target, **{k: v for k, v in options.items() if k in backend_options(name)})
    except (DataError, OSError, ValueError) as err:
        raise BackendError(f"{artifact.path}: back-end {name!r} cannot open it: {err}") from err


def model_name(artifact: Artifact) -> str:
    """What a model is called: the name at its endpoint, or its folder."""
    if isinstance(artifact, Endpoint):
        return str(_endpoint(artifact.path / "endpoint.json")["model"])
    return artifact.path.resolve().name


def _endpoint(path: Path) -> JsonObject:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ConfigError(f"{path}: not an endpoint: {err}") from err
    if not isinstance(value, dict) or not isinstance(value.get("url"), str) or not isinstance(value.get("model"), str):
        raise ConfigError(f"{path}: an endpoint has the fields `url` and `model`, both text")
    return value

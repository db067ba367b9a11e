"""`eval.run`: ask a model, and a baseline, every task in every language; score both; compare them sample by sample.

A task in one language for one model is one piece of work (`job.unit`): a killed run goes on with the first piece that
is missing. Requests that failed are asked again by the same command; what was answered is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar import languages
from lontar.backends import backend_options, open_backend, plugin_digest
from lontar.backends.base import Closing
from lontar.backends.cache import Cache
from lontar.backends.drive import Failed, Policy
from lontar.core.artifact import Artifact, Corpus, Endpoint, Evaluation, Model
from lontar.core.config import JsonObject, JsonValue
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.progress import Task as ProgressTask
from lontar.core.registry import Registry
from lontar.core.shards import read_jsonl, write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import BackendError, ConfigError, DataError
from lontar.eval.config import EvalConfig
from lontar.eval.items import builder
from lontar.eval.predict import Asker
from lontar.eval.samples import available, make_samples, source_files
from lontar.eval.scores import Row, Rules, compare, row_of, total
from lontar.eval.task import Task
from lontar.scoring import Prediction, Sample, Sure, aggregate, extractor, scorer

LIBRARIES = ("icu4py", "numpy", "sacrebleu", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Part:
    """A task in one language: what every model is asked."""

    task: Task
    lang: str
    samples: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.task.name}-{self.lang}"


def run_uses(config: EvalConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What scores depend on besides the models: tasks, their items, language files, plug-in functions."""
    corpus: Corpus | None = inputs.get("corpus")
    uses: dict[str, str] = {}
    codes: set[str] = set()
    for task, _ in config.chosen():
        uses[f"task:{task.name}"] = task.digest
        asked = config.languages or available(task, corpus)
        uses |= {name: sha256_file(path) for name, path in source_files(task, corpus, asked).items()}
        uses |= _plugins(task)
        codes |= set(asked)
    backend = {} if config.backend == "auto" else plugin_digest(config.backend)
    return uses | languages.digests(sorted(codes)) | backend


def _plugins(task: Task) -> dict[str, str]:
    named: list[tuple[Registry[Any], JsonValue]] = [(builder, spec) for spec in task.build]
    named += [(extractor, task.extract), (scorer, task.scorer), (aggregate, task.aggregate)]
    entries = [(registry.noun, registry.use(spec).entry) for registry, spec in named]
    return {f"plugin:{noun}:{entry.name}": entry.source_digest for noun, entry in entries if not entry.builtin}


@stage("eval.run", out=Evaluation, version=3, libraries=LIBRARIES, uses=run_uses)
def run(
    job: Job,
    model: Model | Endpoint,
    baseline: Model | Endpoint | None = None,
    corpus: Corpus | None = None,
    *,
    config: EvalConfig,
) -> None:
    """Evaluate a model, and a baseline beside it, in every language; with intervals."""
    parts = plan(config, corpus)
    sides: dict[str, Artifact] = {"model": model}
    if baseline is not None:
        sides["baseline"] = baseline
    rows: dict[str, dict[str, list[Row]]] = {}
    for side, artifact in sides.items():
        paths = _answered(job, side, artifact, parts, config)
        rows[side] = {part.name: _read(path) for part, path in zip(parts, paths, strict=True)}
        _record_failures(job, side, rows[side])
    _write_scores(job, parts, rows, sides, config)


def plan(config: EvalConfig, corpus: Corpus | None) -> list[Part]:
    """Everything that will be asked.

    Raises:
        DataError: a language that was asked for has no items, or there are none at all.
    """
    parts = []
    for task, limit in config.chosen():
        known = available(task, corpus)
        for code in sorted(set(config.languages)) or known:
            samples = make_samples(task, code, corpus, limit) if code in known else []
            if samples:
                parts.append(Part(task, code, tuple(samples)))
            elif config.languages:
                raise _no_items(task, code, known)
    if not parts:
        raise DataError("there is nothing to evaluate on: no task has items in any language")
    return parts


def _no_items(task: Task, code: str, known: Sequence[str]) -> DataError:
    return DataError(
        f"task {task.name!r} has no items in {code!r}",
        hint=f"leave that language out; there are items in: {', '.join(known) or 'none'}",
    )


# --- asking


def _answered(job: Job, side: str, artifact: Artifact, parts: Sequence[Part], config: EvalConfig) -> list[Path]:
    """Files of answers, one per part; what is there already is kept."""
    keys = {part.name: f"samples/{side}/{part.name}.jsonl.zst" for part in parts}
    known = {part.name: _take_back(job.dir / keys[part.name]) for part in parts}
    if all((job.dir / key).exists() for key in keys.values()):
        return [job.dir / keys[part.name] for part in parts]
    n = sum(len(part.samples) for part in parts)
    with job.progress.task(f"{side}", total=n, unit="samples") as task, _asking(job, artifact, config) as asked:
        return [
            job.unit(keys[part.name], lambda path, p=part: asked(p, known[p.name], path, task))  # type: ignore[misc]
            for part in parts
        ]


def _take_back(path: Path) -> dict[str, Prediction]:
    """Answers of an earlier attempt with failed requests; its file is removed, so that those are asked again."""
    if not path.is_file():
        return {}
    rows = _read(path)
    if all(row.failed is None for row in rows):
        return {}
    path.unlink()
    return {row.sample.id: row.prediction for row in rows if row.prediction is not None}


@contextmanager
def _asking(job: Job, artifact: Artifact, config: EvalConfig) -> Iterator[Any]:
    """A function that asks one part and writes its rows; the back-end is open as long as the block lasts."""
    backend = _open(job, artifact, config)
    policy = Policy(concurrency=config.concurrency, max_failures=config.max_failures)
    cache = Cache(job.scratch / "answers.jsonl") if isinstance(artifact, Endpoint) else None
    asker = Asker(backend, policy, cache, job.seed)

    def asked(part: Part, known: dict[str, Prediction], path: Path, task: ProgressTask) -> None:
        task.note(task=part.task.name, lang=part.lang)
        missing = [sample for sample in part.samples if sample.id not in known]
        found = runner.run(asker.ask(part.task, missing, lambda sample: task.advance()))
        answers: dict[str, Prediction | Failed] = {**known, **{s.id: f for s, f in zip(missing, found, strict=True)}}
        rules = Rules.of(part.task, part.lang)
        rows = [rules.score(sample, answers[sample.id]) for sample in part.samples]
        write_jsonl(path, (row.model_dump(mode="json", exclude_defaults=True) for row in rows))
        used = [prediction for prediction in found if isinstance(prediction, Prediction)]
        job.cost(tokens_in=sum(p.tokens_in for p in used), tokens_out=sum(p.tokens_out for p in used))

    with asyncio.Runner() as runner:
        try:
            yield asked
        finally:
            if isinstance(backend, Closing):
                runner.run(backend.aclose())


def _open(job: Job, artifact: Artifact, config: EvalConfig) -> Any:
    remote = isinstance(artifact, Endpoint)
    name = config.backend if config.backend != "auto" else "openai" if remote else "hf"
    given = {"device": job.resources.device, "threads": job.resources.threads}
    options: dict[str, Any] = {k: v for k, v in given.items() if k in backend_options(name)}
    target: str | Path = artifact.path
    if remote:
        endpoint = _endpoint(artifact.path / "endpoint.json")
        target, options = str(endpoint["url"]), {**options, "model": str(endpoint["model"])}
    try:
        return open_backend(name, target, **options)
    except (DataError, OSError, ValueError) as err:
        raise BackendError(f"{artifact.path}: back-end {name!r} cannot open it: {err}") from err


def _endpoint(path: Path) -> JsonObject:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ConfigError(f"{path}: not an endpoint: {err}") from err
    if not isinstance(value, dict) or not isinstance(value.get("url"), str) or not isinstance(value.get("model"), str):
        raise ConfigError(f"{path}: an endpoint has the fields `url` and `model`, both text")
    return value


# --- scoring


def _read(path: Path) -> list[Row]:
    return [Row.model_validate(row) for _, row in read_jsonl(path)]


def _record_failures(job: Job, side: str, rows: dict[str, list[Row]]) -> None:
    for name, listed in sorted(rows.items()):
        for row in listed:
            if row.failed is not None:
                job.fail(f"{side}/{name}/{row.sample.id}", row.failed)


def _write_scores(
    job: Job,
    parts: Sequence[Part],
    rows: dict[str, dict[str, list[Row]]],
    sides: dict[str, Artifact],
    config: EvalConfig,
) -> None:
    sure = Sure(config.confidence, config.bootstraps, job.seed)
    written: list[JsonValue] = []
    metrics: dict[str, float] = {}
    for part in parts:
        ours, theirs = rows["model"][part.name], rows.get("baseline", {}).get(part.name)
        rules = Rules.of(part.task, part.lang)
        score = total(rules, ours, sure)
        base = None if theirs is None else total(rules, theirs, sure)
        difference = None if theirs is None else compare(rules, ours, theirs, sure)
        written.append(row_of(part.task, score, base, difference))
        figures = {"": score} | ({} if base is None else {"baseline.": base})
        for prefix, figure in figures.items():
            if figure.value is not None:
                metrics[f"{prefix}{part.task.name}.{part.lang}"] = figure.value
    models: JsonObject = {side: {"kind": a.kind, "digest": a.digest} for side, a in sides.items()}
    facts: JsonObject = {"confidence": config.confidence, "bootstraps": config.bootstraps, "models": models}
    write_json(job.dir / "scores.json", {**facts, "rows": written})
    job.metric(**metrics)

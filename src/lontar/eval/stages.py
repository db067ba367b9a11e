"""`eval.run`: ask a model, and a baseline, every task in every language; score both; compare them sample by sample.

A task in one language for one model is one piece of work (`job.unit`), and every answer of a remote model is kept as it
comes: a killed run goes on with what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lontar import languages
from lontar.backends import plugin_digest
from lontar.core.artifact import Artifact, Corpus, Endpoint, Evaluation, Model, TaskPack
from lontar.core.collector import rare_collections
from lontar.core.config import JsonObject, JsonValue
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.registry import Registry
from lontar.core.stage import stage
from lontar.eval.answering import Answering, model_name
from lontar.eval.config import LIBRARIES, EvalConfig
from lontar.eval.import_stages import import_  # noqa: F401 - stages of this family
from lontar.eval.items import builder
from lontar.eval.metricx_stages import metricx  # noqa: F401
from lontar.eval.parts import Plan
from lontar.eval.plan import make_plan
from lontar.eval.rescore_stages import RescoreConfig, rescore  # noqa: F401
from lontar.eval.result_stages import adopt_results, contamination  # noqa: F401
from lontar.eval.rows import BASELINE, MODEL
from lontar.eval.samples import available, source_files
from lontar.eval.sea_helm.compat import OfficialFacts
from lontar.eval.task import Task
from lontar.eval.writing import write_scores, write_tasks
from lontar.scoring import Sure, aggregate, extractor, scorer


def run_uses(config: EvalConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What scores depend on besides the models: tasks, their items, language files, plug-in functions."""
    corpus: Corpus | None = inputs.get("corpus")
    uses: dict[str, str] = {}
    codes: set[str] = set(config.languages)
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


@stage("eval.run", out=Evaluation, version=4, libraries=LIBRARIES, uses=run_uses)
def run(
    job: Job,
    model: Model | Endpoint,
    baseline: Model | Endpoint | None = None,
    corpus: Corpus | None = None,
    pack: TaskPack | None = None,
    judge: Model | Endpoint | None = None,
    *,
    config: EvalConfig,
) -> None:
    """Evaluate a model, and a baseline beside it, in every language; with intervals."""
    with rare_collections():
        _run(job, {MODEL: model} | ({BASELINE: baseline} if baseline is not None else {}), corpus, pack, judge, config)


def _run(
    job: Job,
    sides: Mapping[str, Artifact],
    corpus: Corpus | None,
    pack: TaskPack | None,
    judge: Artifact | None,
    config: EvalConfig,
) -> None:
    tasks = _opened(pack)
    plan = make_plan(config, corpus, tasks, judge=judge is not None)
    for one in plan.skipped:
        job.progress.say(f"not asked: {one.task}, {one.lang}: {one.why}")
    facts = _facts(plan, tasks, pack)
    opened = _judge(job, judge, tasks, config) if judge is not None else None
    answering = Answering(job, plan.parts, config, facts, opened)
    answered = {side: answering.side(side, artifact) for side, artifact in sides.items()}
    parts = {part.name: (part.task, part.lang) for part in plan.parts}
    write_tasks(job, parts, facts)
    models: JsonObject = {
        side: {"kind": a.kind, "digest": a.digest, "name": model_name(a)} for side, a in sides.items()
    }
    about: JsonObject = {"models": models, "runs": config.runs, "compat": config.compat}
    about["skipped"] = [{"task": one.task, "lang": one.lang, "why": one.why} for one in plan.skipped]
    sure = Sure(config.confidence, config.bootstraps, job.seed)
    write_scores(job, parts, answered, sure, about, facts)


def _opened(pack: TaskPack | None) -> Any:
    if pack is None:
        return None
    from lontar.eval.sea_helm.pack import Pack
    from lontar.eval.sea_helm.tasks import PackTasks

    return PackTasks(Pack.open(pack))


def _facts(plan: Plan, tasks: Any, pack: TaskPack | None) -> OfficialFacts:
    if tasks is None or pack is None:
        return OfficialFacts()
    entries: dict[str, dict[str, JsonObject]] = {}
    for part in plan.parts:
        if part.official:
            entries.setdefault(part.task.name, {})[part.lang] = part.official
    about: JsonObject = {"name": tasks.pack.name, "revision": tasks.pack.revision, "digest": pack.digest}
    return OfficialFacts(entries, tasks.pack.copy.facts.ifeval, plan.suite, about)


def _judge(job: Job, artifact: Artifact, tasks: Any, config: EvalConfig) -> Any:
    def opened() -> Any:
        from lontar.eval.judging import open_judge

        return open_judge(job, artifact, None if tasks is None else tasks.pack.copy, config)

    return opened

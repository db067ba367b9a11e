"""`eval.rescore`: score the answers of a finished evaluation again, without a model."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from lontar.backends.drive import Failed
from lontar.core.artifact import Evaluation
from lontar.core.collector import rare_collections
from lontar.core.config import Config, JsonObject
from lontar.core.job import Job
from lontar.core.shards import write_json, write_lines
from lontar.core.stage import stage
from lontar.errors import DataError, LontarError
from lontar.eval.answering import Side, row_lines
from lontar.eval.config import LIBRARIES
from lontar.eval.metricx_rows import (
    KEY,
    Kept,
    PartRatings,
    Ratings,
    add_figures,
    read_kept,
    still_true,
    write_ratings,
)
from lontar.eval.rows import read_rows, rows_file, sides_of
from lontar.eval.scores import Rules
from lontar.eval.sea_helm.compat import FILE, OfficialFacts, official_scores
from lontar.eval.task import Task, find_task
from lontar.eval.writing import SCORES, TASKS, write_scores, write_tasks
from lontar.scoring import Sure, aggregate
from lontar.scoring.families import rule_of


class RescoreConfig(Config):
    """Settings of `eval.rescore`."""

    compat: Literal["same", "none", "official"] = "same"
    """`none` or `official`: which scores count; `same`: as before"""
    rules: Literal["current", "stored"] = "current"
    """`current`: tasks as they are defined now, where they still are; `stored`: as they were"""


def rescore_uses(config: RescoreConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """The definitions of the tasks that are scored by."""
    evaluation: Evaluation = inputs["evaluation"]
    return {f"task:{task.name}:{lang}": task.digest for task, lang in tasks_of(evaluation, config.rules)}


@stage("eval.rescore", out=Evaluation, version=1, libraries=LIBRARIES, uses=rescore_uses)
def rescore(job: Job, evaluation: Evaluation, *, config: RescoreConfig) -> None:
    """Score the answers of an evaluation again, without a model."""
    with rare_collections():
        _rescore(job, evaluation, config)


def _rescore(job: Job, evaluation: Evaluation, config: RescoreConfig) -> None:
    before = json.loads((evaluation.path / SCORES).read_text(encoding="utf-8"))
    parts = {f"{task.name}-{lang}": (task, lang) for task, lang in tasks_of(evaluation, config.rules)}
    facts = stored_facts(evaluation)
    answered = {name: Side() for name in sides_of(evaluation)}
    again, ratings = _Again(job, evaluation, facts, read_kept(evaluation)), PartRatings()
    for name, side in answered.items():
        for part, (task, lang) in parts.items():
            if (kept := again.rescored(name, side, part, task, lang)) is not None:
                ratings[name, part] = kept
    write_tasks(job, parts, facts)
    sure = Sure(before.get("confidence", 0.95), before.get("bootstraps", 1000), evaluation.manifest.seed)
    about: JsonObject = {name: before[name] for name in ("models", "runs", "compat", "skipped", KEY) if name in before}
    if config.compat != "same":
        about["compat"] = config.compat
    about["rescored"] = {"from": evaluation.digest, "changes": []}
    write_scores(job, parts, answered, sure, about, facts)
    write_ratings(job, parts, answered, ratings)
    add_figures(job, SCORES, parts, answered, ratings, sure)
    _write_changes(job, before)


def tasks_of(evaluation: Evaluation, rules: str) -> list[tuple[Task, str]]:
    """Tasks and languages of an evaluation.

    Raises:
        DataError: it does not hold the definitions of its tasks.
    """
    path = evaluation.path / TASKS
    if not path.is_file():
        raise DataError(f"{path}: not there", hint="the evaluation was made by an older version: run it again")
    try:
        stored = [
            (Task.model_validate(part["task"]), str(part["lang"]))
            for part in json.loads(path.read_text(encoding="utf-8"))["parts"]
        ]
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(f"{path}: no definitions of tasks: {err}") from err
    found, facts = [], stored_facts(evaluation)
    for task, lang in stored:
        if rules == "current" and not task.source.pack:
            with suppress(LontarError):  # a task of a file of the user's stays as it was
                now = find_task(task.name)
                # Answers of another kind say nothing under it.
                task = now if now.output == task.output else task
        elif rules == "current":
            task = current_rule(task, lang, facts)
        found.append((task, lang))
    return found


def current_rule(task: Task, lang: str, facts: OfficialFacts) -> Task:
    """An official task with the extraction and scoring that its family has now."""
    family = str(facts.entry(task.name, lang).get("metric_family") or "")
    if not family:
        return task
    rule = rule_of(family)
    # What guessing scores depends on the labels, which are known where the task was made.
    known, (name, knobs) = aggregate.split(rule.aggregate)[0], aggregate.split(task.aggregate)
    current = {name: knobs} if known == name else rule.aggregate
    changed = {"extract": rule.extract, "scorer": rule.scorer, "aggregate": current}
    return Task.model_validate(task.model_dump(mode="json") | changed)


def stored_facts(evaluation: Evaluation) -> OfficialFacts:
    """What the official scorers need besides rows; empty where it holds no official task."""
    path = evaluation.path / FILE
    return OfficialFacts.of_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else OfficialFacts()


@dataclass(frozen=True)
class _Again:
    """What is the same for all parts."""

    job: Job
    evaluation: Evaluation
    facts: OfficialFacts
    kept: Kept
    """ratings of MetricX"""

    def rescored(self, name: str, side: Side, part: str, task: Task, lang: str) -> Ratings | None:
        """Score a part of a side again; returns the ratings that still hold."""
        rules, file = Rules.of(task, lang), rows_file(name, task.name, lang)
        before = list(read_rows(self.evaluation.path / file))
        runs, rows = max((row.run + 1 for row in before), default=1), []
        for row in before:
            answer = row.prediction if row.prediction is not None else Failed(row.failed or "no answer is stored")
            rows.append(rules.score(row.sample, answer, row.run))
            if row.failed is not None:
                self.job.fail(f"{name}/{part}/{row.sample.id}" + (f"#{row.run}" if runs > 1 else ""), row.failed)
        entry, found = self.facts.entry(task.name, lang), still_true(self.kept, (name, task.name, lang), before, rows)
        if entry:
            official = found.official if found is not None else None
            side.compat[part] = official_scores(entry, lang, rows, self.facts, official)
        self.job.unit(file, lambda path: write_lines(path, row_lines(rows)))
        side.rows[part] = rows
        return found


def _write_changes(job: Job, before: dict[str, Any]) -> None:
    """What is another score than before: `rescored.changes` of `scores.json`."""
    after = json.loads((job.dir / SCORES).read_text(encoding="utf-8"))
    old = {(row["task"], row["lang"]): row["value"] for row in before["rows"]}
    after["rescored"]["changes"] = [
        {"task": row["task"], "lang": row["lang"], "before": old.get((row["task"], row["lang"])), "after": row["value"]}
        for row in after["rows"]
        if row["value"] != old.get((row["task"], row["lang"]))
    ]
    for change in after["rescored"]["changes"]:
        job.progress.say(
            f"{change['task']}.{change['lang']}: {_figure(change['before'])} became {_figure(change['after'])}"
        )
    write_json(job.dir / SCORES, after)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"

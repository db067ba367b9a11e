"""Answers to official tasks as the official code scores them, run by run, its defects included.

What it needs besides the rows is in `official.json` of the evaluation, so that scoring again needs no task pack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lontar.core.config import JsonObject, JsonValue
from lontar.errors import LontarError
from lontar.eval.rows import Row
from lontar.scoring import Prediction
from lontar.scoring.official import Case, Scored, score
from lontar.scoring.official.aggregate import run_totals
from lontar.scoring.official.case import Facts
from lontar.scoring.official.extract import mean, number

FILE, METRICS = "official.json", "compat.json"
_METRICX = "MetricX was not run: chrF++ stands in its place"


@dataclass(frozen=True)
class Compat:
    """The official scores of a task in a language."""

    metric: str
    """key of the metric that counts"""
    runs: Sequence[JsonObject] = ()
    """all metrics, one mapping per run"""
    problems: Sequence[str] = ()
    """where the official code would have failed or could not be run"""

    @property
    def values(self) -> list[float | None]:
        """The metric that counts, per run."""
        return [number(run.get(self.metric)) for run in self.runs]

    @property
    def value(self) -> float | None:
        """Its mean over runs; None where a run has none."""
        known = [value for value in self.values if value is not None]
        return mean(known) if known and len(known) == len(self.runs) else None

    def json(self) -> JsonObject:
        """As in `scores.json`."""
        return {"metric": self.metric, "value": self.value, "runs": [*self.values], "problems": [*self.problems]}


@dataclass(frozen=True)
class OfficialFacts:
    """What the official scorers need besides rows: entries of the tasks by full name and language, constants, suite."""

    tasks: Mapping[str, Mapping[str, JsonObject]] = field(default_factory=dict)
    ifeval: Mapping[str, Any] = field(default_factory=dict)
    suite: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pack: JsonObject = field(default_factory=dict)
    """name, revision and digest"""

    def json(self) -> JsonObject:
        """As in `official.json`."""
        return {
            "tasks": {name: {**entries} for name, entries in self.tasks.items()},
            "ifeval": {**self.ifeval},
            "suite": {lang: [*listed] for lang, listed in self.suite.items()},
            "pack": self.pack,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> OfficialFacts:
        """From `official.json`."""
        return cls(
            tasks=value.get("tasks") or {},
            ifeval=value.get("ifeval") or {},
            suite=value.get("suite") or {},
            pack=value.get("pack") or {},
        )

    def entry(self, task: str, lang: str) -> JsonObject:
        """The entry of a task; empty for one that is not official."""
        return (self.tasks.get(task) or {}).get(lang) or {}


def official_scores(
    entry: Mapping[str, Any],
    lang: str,
    rows: Sequence[Row],
    facts: OfficialFacts,
    metricx: Sequence[float | None] | None = None,
) -> Compat:
    """Score all runs; `compat` of the rows is filled in.

    Args:
        entry: of the task, with `answer_tag`.
        lang: code of the language.
        rows: of all runs, in the order of the official rows within a run.
        facts: constants.
        metricx: raw MetricX scores of the rows, where it was run.
    """
    settings, metric, problems = dict(entry), str(entry["metric"]), list[str]()
    if entry.get("use_metricx_metric") and metricx is None:
        settings |= {"use_metricx_metric": False, "use_chrf_metric": True}
        metric, problems = "normalized_chrf_score", [_METRICX]
    if failed := sum(row.failed is not None for row in rows):
        problems = [*problems, f"{failed} requests failed: the official code counts them as wrong"]
    by_run: dict[int, list[Row]] = {}
    marks: dict[int, list[JsonObject]] = {}
    for row, raw in zip(rows, metricx or [None] * len(rows), strict=True):
        by_run.setdefault(row.run, []).append(row)
        marks.setdefault(row.run, []).append({"score": raw})
    done: list[JsonObject] = []
    for run, own in sorted(by_run.items()):
        case = Case(
            task=str(entry["task"]),
            lang=lang,
            rows=[_row(row) for row in own],
            answer_tag=str(entry.get("answer_tag") or ""),
            judge_rows=marks[run] if metricx is not None else [judged for row in own for judged in _judged(row)],
            settings=settings,
            facts=Facts(ifeval=facts.ifeval),
        )
        try:
            scored = score(str(entry["metric_family"]), case)
        except LontarError as err:
            return Compat(metric, (), [err.message])
        except Exception as err:  # noqa: BLE001 - a row that breaks an official scorer costs the compat figure, not the run
            return Compat(metric, (), [f"{type(err).__name__}: {err}"])
        _fill(own, scored)
        done.append(scored.metrics)
        problems += [text for text in scored.problems if text not in problems]
    return Compat(metric, done, problems)


def _fill(rows: Sequence[Row], scored: Scored) -> None:
    for row, found in zip(rows, scored.rows, strict=False):
        answer = found.get("cleaned_responses")
        compat: JsonObject = {"answer": answer, "scores": found.get("individual_scores")}
        # Rows are frozen for everybody else; they are made here.
        object.__setattr__(row, "compat", compat)


def _row(row: Row) -> JsonObject:
    official = row.sample.facts.get("row")
    made: JsonObject = dict(official) if isinstance(official, dict) else {"id": row.sample.id}
    found = row.prediction or Prediction()
    # A request that failed counts as an empty answer in the official code.
    texts: list[JsonValue] = [*found.texts] or [""] * max(1, len(row.sample.turns))
    made["responses"] = texts
    if found.likelihoods:
        made["cumulative_logprobs"] = found.likelihoods[0].logprob
    return made


def _judged(row: Row) -> list[JsonObject]:
    found = row.prediction.judgements if row.prediction else ()
    return [{"custom_ids": [one.id], "responses": [one.text]} for one in found]


def totals(parts: Mapping[tuple[str, str], tuple[Mapping[str, Any], Compat]], facts: OfficialFacts) -> JsonObject:
    """`compat.json`: metrics of every run with the official group means and totals.

    Args:
        parts: entry and official scores, by task and language.
        facts: the suite that was asked for, if any.
    """
    n = max((len(compat.runs) for _, compat in parts.values()), default=0)
    entries = {str(entry["task"]): {k: v for k, v in entry.items() if k != "answer_tag"} for entry, _ in parts.values()}
    runs, problems = list[JsonValue](), list[str]()
    plain = list[JsonValue]()
    for run in range(n):
        metrics: dict[str, dict[str, dict[str, JsonObject]]] = {}
        for (_, lang), (entry, compat) in sorted(parts.items()):
            if compat.runs:
                found = compat.runs[min(run, len(compat.runs) - 1)]
                metrics.setdefault(lang, {}).setdefault(str(entry["competency"]), {})[str(entry["task"])] = found
        made = run_totals(metrics, entries.values(), facts.suite or None)
        plain.append({lang: {**listed} for lang, listed in metrics.items()})  # type: ignore[dict-item]
        runs.append(made.metrics)
        problems += [text for text in made.problems if text not in problems]
    return {
        "runs": plain,
        "totals": runs,
        "tasks": [*entries.values()],
        "suite": {lang: [*listed] for lang, listed in facts.suite.items()} or None,
        "problems": [*problems],
    }

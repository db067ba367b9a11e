"""What an evaluation writes beside its rows: `scores.json`, definitions of tasks, official figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lontar.core.config import JsonObject, JsonValue
from lontar.core.job import Job
from lontar.core.shards import write_json
from lontar.eval.answering import Side
from lontar.eval.rows import BASELINE, MODEL, Row
from lontar.eval.scores import Rules, compare, official_score, row_of, total
from lontar.eval.sea_helm.compat import FILE, METRICS, Compat, OfficialFacts, totals
from lontar.eval.task import Task
from lontar.scoring import Score, Sure

TASKS, SCORES = "tasks.json", "scores.json"
# So many reasons for rows without an answer are counted in `scores.json`; the rows have them all.
REASONS = 20


def write_tasks(job: Job, parts: Mapping[str, tuple[Task, str]], facts: OfficialFacts) -> None:
    """The definitions that rows were scored by, so that they can be scored again anywhere."""
    listed: list[JsonValue] = [{"lang": lang, "task": task.model_dump(mode="json")} for task, lang in parts.values()]
    write_json(job.dir / TASKS, {"parts": listed})
    if facts.tasks:
        write_json(job.dir / FILE, facts.json())


def write_scores(
    job: Job,
    parts: Mapping[str, tuple[Task, str]],
    answered: Mapping[str, Side],
    sure: Sure,
    about: JsonObject,
    facts: OfficialFacts,
) -> None:
    """`scores.json` and, with official tasks, `compat.json`; metrics of the manifest.

    Args:
        job: where to.
        parts: task and language of each part, in order.
        answered: rows and official scores of each side.
        sure: how intervals are made.
        about: what else stands in `scores.json`.
        facts: of the official tasks.
    """
    written: list[JsonValue] = []
    metrics: dict[str, float] = {}
    official = about.get("compat") == "official"
    for name, (task, lang) in parts.items():
        rules = Rules.of(task, lang)
        found = {side: _figure(rules, one, name, sure, official=official) for side, one in answered.items()}
        base = found.get(BASELINE)
        theirs = answered[BASELINE].rows[name] if base is not None else None
        difference = None if theirs is None else compare(rules, answered[MODEL].rows[name], theirs, sure)
        row = row_of(task, found[MODEL][0], base[0] if base else None, difference)
        row |= found[MODEL][1]
        if base is not None and isinstance(row["baseline"], dict):
            row["baseline"] |= base[1]
        written.append(row)
        for prefix, side in (("", MODEL), ("baseline.", BASELINE)):
            if side in found and (value := found[side][0].value) is not None:
                metrics[f"{prefix}{task.name}.{lang}"] = value
    settings: JsonObject = {"confidence": sure.confidence, "bootstraps": sure.resamples}
    write_json(job.dir / SCORES, {**settings, **about, "rows": written})
    if answered[MODEL].compat:
        entries = {
            (parts[name][0].name, parts[name][1]): (facts.entry(parts[name][0].name, parts[name][1]), compat)
            for name, compat in answered[MODEL].compat.items()
        }
        write_json(job.dir / METRICS, totals(entries, facts))
    job.metric(**metrics)


def _figure(rules: Rules, side: Side, name: str, sure: Sure, *, official: bool) -> tuple[Score, JsonObject]:
    rows, compat = side.rows[name], side.compat.get(name)
    score = total(rules, rows, sure)
    if official and compat is not None:
        score = official_score(rules, rows, compat, sure, score)
    return score, _besides(rows, compat)


def _besides(rows: Sequence[Row], compat: Compat | None) -> JsonObject:
    """What stands beside a score: official figures, why there was no answer, what the answers took."""
    predictions = [row.prediction for row in rows if row.prediction is not None]
    out, chars = 0, 0
    for prediction in predictions:
        out += prediction.tokens_out
        chars += sum(map(len, prediction.texts)) + sum(map(len, prediction.thinking))
    reasons = Counter(row.score.reason for row in rows if row.score is not None and row.score.reason)
    seconds = sum(prediction.seconds for prediction in predictions)
    values: dict[int, list[float]] = {}
    for row in rows:
        if row.score is not None:
            values.setdefault(row.run, []).append(row.score.value or 0.0)
    return {
        "compat": None if compat is None else compat.json(),
        "reasons": {reason: n for reason, n in reasons.most_common(REASONS)},
        "tokens_thinking": sum(prediction.tokens_thinking for prediction in predictions),
        "seconds": round(seconds, 3) if seconds else None,
        "chars_per_token": round(chars / out, 3) if out and chars else None,
        "run_means": [sum(own) / len(own) for _, own in sorted(values.items())] if len(values) > 1 else [],
    }

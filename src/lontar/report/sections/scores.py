"""Scores with intervals, before against after, then the answers behind them: failures first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.pages.clusters import cut_short
from lontar.report.compared import PER_BYTE, Pair, judged, pairs_of
from lontar.report.reading import Run, Step, answers
from lontar.scoring import Sure

MOST_TEXT = 400
# A page that is mailed: about 100 kB of answers, one per task and language before two of any.
MOST_SAMPLES = 120


def compare(run: Run, sure: Sure) -> dict[str, list[Pair]]:
    """All rows of all evaluations by step, judged as one family."""
    steps = run.of_kind(Evaluation)
    found = {step.name: pairs_of(step.name, evaluation(step), step.json("scores.json"), sure) for step in steps}
    flat = judged([pair for pairs in found.values() for pair in pairs], sure.confidence)
    return {name: [pair for pair in flat if pair.source == name] for name in found}


def evaluation(step: Step) -> Evaluation:
    """The artifact of a step that is known to be an evaluation."""
    if not isinstance(step.artifact, Evaluation):  # pragma: no cover - callers ask for evaluations alone
        raise TypeError(f"{step.name} is a {step.artifact.kind}")
    return step.artifact


def build(run: Run, found: dict[str, list[Pair]], samples: int) -> dict[str, Any] | None:
    """Every evaluation of the run; None when there is none."""
    steps = run.of_kind(Evaluation)
    if not steps:
        return None
    family = sum(pair.p is not None for pairs in found.values() for pair in pairs)
    cells = sum(pair.unit != PER_BYTE for pairs in found.values() for pair in pairs)
    limit = min(samples, max(1, MOST_SAMPLES // max(1, cells)))
    return {"evaluations": [_evaluation(run, step, found[step.name], limit) for step in steps], "family": family}


def _evaluation(run: Run, step: Step, pairs: Sequence[Pair], samples: int) -> dict[str, Any]:
    sides = {side: run.parent(step, side) for side in ("model", "baseline")}
    tasks = []
    for task in sorted({pair.task for pair in pairs}):
        mine = {pair.lang: pair for pair in pairs if pair.task == task}
        codes = run.ordered(mine)
        first = mine[codes[0]]
        tasks.append(
            {
                "task": task,
                "unit": first.unit,
                "better": first.better,
                "chance": first.chance,
                "compared": any(pair.before is not None for pair in mine.values()),
                "rows": [mine[code].json() for code in codes],
                "not_above_chance": [code for code in codes if mine[code].above_chance is False],
                **outputs(evaluation(step), task, codes, samples),
            }
        )
    return {
        "step": step.name,
        "model": sides["model"].name if sides["model"] else "model",
        "baseline": sides["baseline"].name if sides["baseline"] else "baseline",
        "tasks": tasks,
    }


def outputs(evaluation: Evaluation, task: str, codes: Sequence[str], limit: int) -> dict[str, Any]:
    """Answers to a task: per language the worst `limit`; likelihoods of a text alone are no answers."""
    shown, total = [], 0
    for code in codes:
        rows = [row for row in answers(evaluation, "model", task, code) if _has_answer(row)]
        base = {str((row.get("sample") or {}).get("id")): row for row in answers(evaluation, "baseline", task, code)}
        total += len(rows)
        shown += [_output(row, base) for row in sorted(rows, key=_rank)[:limit]]
    return {"samples": shown, "n_samples": total}


def _has_answer(row: dict[str, Any]) -> bool:
    prediction, sample = row.get("prediction") or {}, row.get("sample") or {}
    return bool(row.get("failed") or prediction.get("texts") or sample.get("choices"))


def _rank(row: dict[str, Any]) -> tuple[int, float, str]:
    """Failed requests, then no answer, then the lowest values, then by id."""
    score, id_ = row.get("score"), str((row.get("sample") or {}).get("id"))
    if row.get("failed"):
        return 0, 0.0, id_
    if not score or score.get("value") is None:
        return 1, 0.0, id_
    return 2, float(score["value"]), id_


def _output(row: dict[str, Any], base: dict[str, dict[str, Any]]) -> dict[str, Any]:
    sample = row["sample"]
    other = base.get(str(sample.get("id")))
    return {
        "id": str(sample.get("id")),
        "lang": str(sample.get("lang")),
        "prompt": cut_short(asked(sample), MOST_TEXT),
        "reference": cut_short(next(iter(sample.get("references") or ()), ""), MOST_TEXT),
        "answer": answered(row),
        "baseline": answered(other) if other else None,
    }


def asked(sample: dict[str, Any]) -> str:
    """The last turn of what was asked; of a chat the user's words."""
    turns = sample.get("turns") or [""]
    if isinstance(turns[-1], str):
        return turns[-1]
    said = [str(message.get("content", "")) for message in turns[-1] if message.get("role") == "user"]
    return said[-1] if said else ""


def answered(row: dict[str, Any]) -> dict[str, Any]:
    """What was answered and what that is worth: `text`, `value`, and `note` where there is no value."""
    prediction, score = row.get("prediction") or {}, row.get("score") or {}
    value = score.get("value")
    note = str(row.get("failed") or score.get("reason") or "")
    return {"text": cut_short(_text(row.get("sample") or {}, prediction), MOST_TEXT), "value": value, "note": note}


def _text(sample: dict[str, Any], prediction: dict[str, Any]) -> str:
    choices, likely = sample.get("choices") or [], prediction.get("likelihoods") or []
    if choices and len(choices) == len(likely):
        best = max(range(len(likely)), key=lambda i: likely[i].get("logprob", 0.0))
        return str(choices[best])
    texts = prediction.get("texts") or [""]
    return str(texts[-1])

"""The first screen: what became of what, three numbers with intervals, the gate, and what is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lontar.core.artifact import Corpus, Evaluation, Model
from lontar.errors import LontarError
from lontar.models.weights import read_index
from lontar.pages.names import language_name
from lontar.pages.numbers import number
from lontar.report.changes import Change, Pairs, change
from lontar.report.compared import PER_BYTE, Pair, scored
from lontar.report.config import ReportConfig
from lontar.report.reading import Run, Step, answers
from lontar.report.sections import limits
from lontar.scoring import Sure

Found = dict[str, list[Pair]]


def build(run: Run, config: ReportConfig, found: Found, tokens: dict[str, Any] | None, sure: Sure) -> dict[str, Any]:
    """The first screen; parts for which there is no artifact are None."""
    quality = _quality(run, config, found, sure)
    made = {
        "model": _model(_after(run)),
        "base": _model(_before(run)),
        "corpora": [_corpus(step) for step in run.of_kind(Corpus)],
        "tokens": (tokens or {}).get("overall"),
        **quality,
        "gates": limits.gates_of(run, config),
        "gate_asked": bool(config.gate),
    }
    return {
        **made,
        "sentence": sentence(made),
        "limits": limits.limits(run, found, (made["model"] or {}).get("parameters")),
    }


# --- which model


def _evaluations(run: Run) -> list[Step]:
    return run.of_kind(Evaluation)


def _after(run: Run) -> Step | None:
    """The model that the run is about: the one evaluated first with a baseline, else the last one."""
    for step in _evaluations(run):
        if (model := run.parent(step, "model")) and dict(step.manifest.parent_list()).get("baseline"):
            return model
    models = run.of_kind(Model)
    return models[-1] if models else None


def _before(run: Run) -> Step | None:
    for step in _evaluations(run):
        if baseline := run.parent(step, "baseline"):
            return baseline
    models = run.of_kind(Model)
    return models[0] if len(models) > 1 else None


def _model(step: Step | None) -> dict[str, Any] | None:
    return None if step is None else {"step": step.name, "parameters": parameters(step), "stage": step.manifest.stage}


def parameters(step: Step) -> int | None:
    """Number of parameters, from the headers of the weight files; None where there are none of that format."""
    try:
        return sum(info.elements for info in read_index(step.artifact.path).values()) or None
    except (LontarError, OSError, ValueError):
        return None


def _corpus(step: Step) -> dict[str, Any]:
    metrics = step.manifest.metrics
    docs = sum(int(value) for name, value in metrics.items() if name.startswith("docs."))
    codes = {name.rsplit(".", 1)[1] for name in metrics if name.startswith("docs.")}
    return {"step": step.name, "docs": docs, "languages": len(codes), "license": step.manifest.license.spdx}


# --- three numbers


def _quality(run: Run, config: ReportConfig, found: Found, sure: Sure) -> dict[str, Any]:
    """Relative change of bits per byte: in the languages that were to improve, and in those that were to be kept."""
    for step in _evaluations(run):
        tasks = sorted({p.task for p in found[step.name] if p.unit == PER_BYTE and p.before is not None})
        if tasks:
            changes = [_changes(run, config, step, found, task, sure) for task in tasks]
            return {**changes[0], "also": [c for c in changes[1:] if c["quality"]]}
    return {"quality": None, "kept": None, "task": None, "also": []}


def _changes(run: Run, config: ReportConfig, step: Step, found: Found, task: str, sure: Sure) -> dict[str, Any]:
    pairs = _bits(step, [p for p in found[step.name] if p.task == task])
    learned = change({code: rows for code, rows in pairs.items() if code not in config.kept}, sure)
    kept = change({code: rows for code, rows in pairs.items() if code in config.kept}, sure)
    return {"task": task, "quality": _json(learned), "kept": _json(kept)}


def _json(found: Change | None) -> dict[str, Any] | None:
    return asdict(found) if found else None


def _bits(step: Step, pairs: Sequence[Pair]) -> Pairs:
    """Bits of every text before and after, by language; the bytes are the same on both sides."""
    made: Pairs = {}
    for pair in pairs:
        if not isinstance(step.artifact, Evaluation):
            continue
        after, before = (scored(answers(step.artifact, side, pair.task, pair.lang)) for side in ("model", "baseline"))
        rows = [
            (group, before[id_][0].statistics[0], score.statistics[0])
            for id_, (score, group) in after.items()
            if id_ in before and score.statistics and before[id_][0].statistics
        ]
        if rows:
            made[pair.lang] = rows
    return made


# --- words


def sentence(made: dict[str, Any]) -> str:
    """The verdict in one sentence; it claims only what an interval shows."""
    tokens, quality, kept = made["tokens"], made["quality"], made["kept"]
    parts = [text for text in (_said(tokens, "tokens for a sentence"), _said(quality, "bits for unseen text")) if text]
    languages = max((len(found["languages"]) for found in (tokens, quality) if found), default=0)
    if not parts:
        return "Nothing was compared with a baseline in this run, so it shows no improvement."
    where = "In one language" if languages == 1 else f"Across {languages} languages"
    whole = f"{where} the model {' and '.join(parts)}"
    return whole + (f"; {_kept(kept)}." if kept else ".")


def _said(found: dict[str, Any] | None, what: str) -> str:
    if not found:
        return ""
    side = shown(found)
    if side == 0:
        return f"shows no change in {what}"
    amount = number(abs(found["value"]), *_ends(found), percent=True)
    return f"needs {amount} {'fewer' if side < 0 else 'more'} {what}"


def _kept(found: dict[str, Any]) -> str:
    names = " and ".join(language_name(code).english for code in found["languages"])
    side = shown(found)
    if side == 0:
        return f"{names} shows no change"
    amount = number(abs(found["value"]), *_ends(found), percent=True)
    return f"{names} got {'better' if side < 0 else 'worse'} by {amount}"


def _ends(found: dict[str, Any]) -> tuple[float | None, float | None]:
    if found["low"] is None or found["high"] is None:
        return None, None
    return found["low"], found["high"]


def shown(found: dict[str, Any]) -> int:
    """-1 or 1 where the interval says that it fell or rose; 0 where it holds 0, or where there is none."""
    low, high = found.get("low"), found.get("high")
    if low is None or high is None or low <= 0 <= high:
        return 0
    return -1 if high < 0 else 1


def headline(run: Run, config: ReportConfig) -> str:
    """The heading of the page."""
    if config.title:
        return config.title
    before, after = _before(run), _after(run)
    if before and after and before.name != after.name:
        return f"From {before.name} to {after.name}"
    return f"Report on {(after or run.steps[-1]).name}"

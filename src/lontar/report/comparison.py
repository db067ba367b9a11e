"""Evaluations side by side: rank ranges per task, every row's paired difference, and the items that disagree.

The first evaluation is what the others are compared with. Ranks and differences are two families of tests, each
corrected for its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.errors import DataError
from lontar.pages.numbers import fixed
from lontar.report import ranks
from lontar.report.compared import Figure, Pair, Verdict, aggregate_of, difference, judged, plain, scored
from lontar.report.config import CompareConfig
from lontar.report.disagreements import disagreements
from lontar.report.plots import heat
from lontar.report.reading import Run, number_of
from lontar.report.sides import Key, Model, opened
from lontar.scoring import Sure


def context(evaluations: Sequence[Evaluation], config: CompareConfig, seed: int = 0) -> dict[str, Any]:
    """Everything on the page.

    Raises:
        ConfigError: there is nothing to compare with, or there are not as many labels as evaluations.
        DataError: two evaluations share no task in any language.
    """
    models = opened(evaluations, config.labels)
    sure = Sure(config.confidence, config.bootstraps, seed)
    order = Run((), config.first)
    keys = _shared(models)
    pairs = judged([_pair(models[0], other, key, sure) for other in models[1:] for key in keys], config.confidence)
    tasks = sorted({task for task, _ in keys})
    boards = [_board(models, task, order.ordered(lang for t, lang in keys if t == task), sure) for task in tasks]
    figures = {
        "models": [model.name for model in models],
        "boards": ranks.ranked(boards, config.confidence),
        "differences": _by_model(pairs, models, order),
        "heat": _heat(models, keys, order),
        "disagreements": disagreements(models[0], models[1], keys, config.items),
    }
    names = [model.name for model in models]
    title = config.title or f"{', '.join(names[:-1])} and {names[-1]}"
    return {
        "title": title,
        "eyebrow": "Comparison of evaluations",
        "confidence": f"{config.confidence:.0%}",
        "alpha": fixed(1 - config.confidence, 2),
        "sections": [
            {"id": id_, "short": short} for id_, short in _CONTENTS if id_ != "items" or figures["disagreements"]
        ],
        "family": sum(pair.p is not None for pair in pairs),
        "tally": _tally(pairs, models),
        "sources": [{"name": m.name, "digest": m.evaluation.manifest.digest} for m in models],
        "figures": {"title": title, **figures},
        **figures,
        "heat_table": figures["heat"],
    }


_CONTENTS = (
    ("ranks", "Ranks"),
    ("differences", "Differences"),
    ("heat", "By language"),
    ("items", "Disagreements"),
    ("method", "Method"),
)


def _shared(models: Sequence[Model]) -> list[Key]:
    keys = set.intersection(*(set(model.rows) for model in models))
    versions = {key: {model.rows[key].get("version") for model in models} for key in keys}
    found = sorted(key for key in keys if len(versions[key]) == 1)
    if not found:
        raise DataError(
            f"{' and '.join(model.name for model in models)}: no task in any language is in all of them",
            hint="evaluate the models with the same suite, in the same version",
        )
    return found


# --- row by row


def _pair(first: Model, other: Model, key: Key, sure: Sure) -> Pair:
    """The other model against the first, on the items that both answered."""
    made = plain(other.name, other.rows[key])
    rows, base = other.answers(key), first.answers(key)
    _same_items(first, other, key, rows, base)
    figure, p = difference(rows, base, aggregate_of(rows, other.rows[key]), sure)
    return replace(made, before=Figure.read(first.rows[key]), difference=figure, p=p)


def _same_items(first: Model, other: Model, key: Key, rows: Sequence[Any], base: Sequence[Any]) -> None:
    """Items of one id must ask the same, or a difference would be one of the questions."""
    expected = {str(row["sample"].get("id")): row["sample"].get("references") for row in base}
    for row in rows:
        id_ = str(row["sample"].get("id"))
        if id_ in expected and expected[id_] != row["sample"].get("references"):
            raise DataError(f"{key[0]}, {key[1]}: item {id_!r} is not the same in {first.name} and {other.name}")


def _by_model(pairs: Sequence[Pair], models: Sequence[Model], order: Run) -> list[dict[str, Any]]:
    found = []
    for model in models[1:]:
        mine = [pair for pair in pairs if pair.source == model.name]
        for task in sorted({pair.task for pair in mine}):
            rows = {pair.lang: pair for pair in mine if pair.task == task}
            codes = order.ordered(rows)
            first = rows[codes[0]]
            made = {"model": model.name, "against": models[0].name, "task": task, "unit": first.unit}
            found.append({**made, "better": first.better, "rows": [rows[code].json() for code in codes]})
    return found


_VERDICTS: tuple[Verdict, ...] = ("better", "worse", "not decided")


def _tally(pairs: Sequence[Pair], models: Sequence[Model]) -> list[dict[str, Any]]:
    found = []
    for model in models[1:]:
        verdicts = [pair.verdict for pair in pairs if pair.source == model.name]
        counts = {name.replace(" ", "_"): verdicts.count(name) for name in _VERDICTS}
        found.append({"model": model.name, "against": models[0].name, "rows": len(verdicts), **counts})
    return found


def _board(models: Sequence[Model], task: str, codes: Sequence[str], sure: Sure) -> dict[str, Any]:
    """A task's mean over languages per model, and the duel of every pair of models; ranked later, all tasks at once."""
    row = models[0].rows[task, codes[0]]
    function = aggregate_of(models[0].answers((task, codes[0])), row)
    sides = [{code: scored(model.answers((task, code))) for code in codes} for model in models]
    found = ranks.standing(function, sides, sure)
    if found is None:  # means of what the evaluations say, without an interval: nobody is shown to beat anybody
        means = [_mean([number_of(model.rows[task, code], "value") for code in codes]) for model in models]
        found = ranks.Standing([Figure(mean) for mean in means], [], 0)
    return {
        "task": task,
        "unit": str(row.get("unit", "")),
        "better": str(row.get("better", "higher")),
        "chance": number_of(row, "chance"),
        "languages": list(codes),
        "n": found.n,
        "names": [model.name for model in models],
        "figures": [asdict(figure) for figure in found.figures],
        "duels": found.duels,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


# --- by language


def _heat(models: Sequence[Model], keys: Sequence[Key], order: Run) -> dict[str, Any]:
    """Task and model down, language across; one color scale per task, darker is better."""
    codes = order.ordered(lang for _, lang in keys)
    rows = []
    for task in sorted({task for task, _ in keys}):
        found = {m.name: [number_of(m.rows.get((task, code), {}), "value") for code in codes] for m in models}
        known = [value for values in found.values() for value in values if value is not None]
        row = next(models[0].rows[key] for key in keys if key[0] == task)
        for name, values in found.items():
            cells = [_cell(value, known, str(row.get("better"))) for value in values]
            rows.append({"task": task, "unit": str(row.get("unit", "")), "model": name, "cells": cells})
    return {"languages": codes, "rows": rows}


def _cell(value: float | None, known: Sequence[float], better: str) -> dict[str, Any]:
    low, high = min(known, default=0.0), max(known, default=1.0)
    level = heat(value, low, high)
    return {"value": value, "level": 10 - level if level and better == "lower" else level}

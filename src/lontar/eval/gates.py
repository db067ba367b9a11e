"""Gates on an evaluation: bars that a step of a recipe must reach before the run goes on.

A gate returns what is wrong in words. "Worse" is what the paired interval shows, never a difference inside the noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from lontar.core.artifact import Evaluation
from lontar.core.recipe import gates


def scores_of(evaluation: Evaluation) -> dict[str, Any]:
    """The content of `scores.json`."""
    found: dict[str, Any] = json.loads((evaluation.path / "scores.json").read_text(encoding="utf-8"))
    return found


@gates("no_regression")
def no_regression(
    evaluation: Evaluation,
    /,
    *,
    languages: tuple[str, ...] = (),
    tasks: tuple[str, ...] = ("bits_per_byte",),
    margin: float = 0.0,
) -> list[str]:
    """No language gets worse than the baseline by more than `margin`, as far as the paired interval shows."""
    rows = list(_selected(scores_of(evaluation), tasks, languages))
    problems = _missing(rows, tasks, languages)
    for row in rows:
        difference, name = row["difference"], f"{row['task']}.{row['lang']}"
        if difference is None:
            problems.append(f"{name}: there is no baseline to compare with")
        elif _worse_by(row) > margin:
            ends = f"{difference['low']:+.4g} to {difference['high']:+.4g}"
            problems.append(
                f"{name}: {row['baseline']['value']:.4g} became {row['value']:.4g} {row['unit']} "
                f"(difference {ends}; allowed {margin:g})".replace("  ", " ")
            )
    return problems


def _worse_by(row: dict[str, Any]) -> float:
    """How much worse the model is at least; the end of the interval that is kinder to it. 0 without an interval."""
    low, high = row["difference"]["low"], row["difference"]["high"]
    if low is None or high is None:
        return 0.0
    return float(-high if row["better"] == "higher" else low)


@gates("at_least")
def at_least(
    evaluation: Evaluation, /, *, bars: dict[str, float], use: Literal["value", "sure"] = "value"
) -> list[str]:
    """Scores reach their bars: `task` or `task.lang` to a figure; `sure` asks it of the interval's worse end."""
    rows = scores_of(evaluation)["rows"]
    problems = []
    for name, bar in sorted(bars.items()):
        task, _, lang = name.partition(".")
        chosen = [row for row in rows if row["task"] == task and lang in ("", row["lang"])]
        problems += [] if chosen else [f"{name}: not evaluated"]
        problems += [text for row in chosen if (text := _below(row, bar, use))]
    return problems


def _below(row: dict[str, Any], bar: float, use: str) -> str | None:
    higher = row["better"] == "higher"
    value = row["value"] if use == "value" else row["low" if higher else "high"]
    name = f"{row['task']}.{row['lang']}"
    if value is None:
        return f"{name}: no figure to compare with {bar:g}"
    reached = value >= bar if higher else value <= bar
    return None if reached else f"{name}: {value:.4g} {'is below' if higher else 'is above'} {bar:g}"


def _selected(scores: dict[str, Any], tasks: tuple[str, ...], codes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for row in scores["rows"]:
        if row["task"] in tasks and (not codes or row["lang"] in codes):
            yield row


def _missing(rows: list[dict[str, Any]], tasks: tuple[str, ...], codes: tuple[str, ...]) -> list[str]:
    there = {(row["task"], row["lang"]) for row in rows}
    if codes:
        return [f"{task}.{code}: not evaluated" for task in tasks for code in codes if (task, code) not in there]
    return [f"{task}: not evaluated" for task in tasks if task not in {name for name, _ in there}]

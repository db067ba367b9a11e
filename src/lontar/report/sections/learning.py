"""What training changed: bits per byte of held-out text per language, raw, over the steps where they were recorded."""

from __future__ import annotations

from typing import Any

from lontar.core.artifact import Model
from lontar.report.reading import Run, Step, number_of


def build(run: Run) -> dict[str, Any] | None:
    """Every model that was trained in the run; None when there is none."""
    trained = [step for step in run.of_kind(Model) if _own(step)]
    found = [_model(run, step) for step in trained]
    return {"models": found} if found else None


def _own(step: Step) -> bool:
    """Whether this step trained: a resized or exported model may carry the record of its parent along."""
    return step.manifest.stage.startswith("train.") and bool(step.json("training.json"))


def _model(run: Run, step: Step) -> dict[str, Any]:
    training = step.json("training.json")
    stored = training.get("languages", {})
    found = training.get("series")
    series: dict[str, Any] = found if isinstance(found, dict) else {}
    return {
        "step": step.name,
        "stage": step.manifest.stage,
        "steps": number_of(training, "steps"),
        "tokens": number_of(dict(step.manifest.metrics), "train.tokens"),
        "loss": number_of(training, "loss"),
        "rows": [_language(code, stored[code], series) for code in run.ordered(stored)],
        "losses": losses(training),
    }


def _language(code: str, row: dict[str, Any], series: dict[str, Any]) -> dict[str, Any]:
    before, after = (number_of(row, f"bits_per_byte_{when}") for when in ("before", "after"))
    values = series.get("bits_per_byte", {}).get(code, [])
    return {
        "lang": code,
        "tokens": number_of(row, "tokens"),
        "epochs": number_of(row, "epochs"),
        "heldout_bytes": number_of(row, "heldout_bytes"),
        "before": before,
        "after": after,
        "series": points(series.get("steps", []), values),
    }


def points(steps: Any, values: Any) -> list[tuple[float, float]]:
    """Pairs of numbers; what is no number is left out."""
    if not isinstance(steps, list) or not isinstance(values, list):
        return []
    pairs = zip(steps, values, strict=False)
    return [(float(x), float(y)) for x, y in pairs if _number(x) and _number(y)]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def losses(training: dict[str, Any]) -> list[tuple[float, float]]:
    """Training loss over the steps, where it was recorded: `series.loss`, or a list of losses."""
    series = training.get("series")
    if isinstance(series, dict) and isinstance(series.get("loss"), list):
        found = series["loss"]
        steps = series.get("loss_steps", series.get("steps"))
        return points(steps if steps and len(steps) == len(found) else list(range(1, len(found) + 1)), found)
    listed = training.get("losses", training.get("loss"))
    return points(list(range(1, len(listed) + 1)), listed) if isinstance(listed, list) else []

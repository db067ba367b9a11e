"""What got worse: rows, then single items; and what could not be decided."""

from __future__ import annotations

from typing import Any

from lontar.pages.clusters import cut_short
from lontar.report.compared import Pair
from lontar.report.reading import Run, Step, answers, number_of
from lontar.report.sections.scores import evaluation

ITEMS_PER_ROW, MOST_ITEMS, EXCERPT = 1, 8, 160


def build(run: Run, found: dict[str, list[Pair]], tokens: dict[str, Any] | None) -> dict[str, Any] | None:
    """None when nothing was compared."""
    pairs = [pair for listed in found.values() for pair in listed if pair.difference is not None]
    if not pairs and not tokens:
        return None
    lost = [pair for pair in pairs if _loss(pair) > 0]
    longer = [row for row in (tokens or {}).get("rows", []) if (row.get("change") or 0) > 0]
    return {
        "compared": len(pairs),
        "worse": [pair.json() for pair in pairs if pair.verdict == "worse"],
        "undecided": sum(pair.verdict == "not decided" for pair in pairs),
        "leaning": [pair.json() for pair in lost if pair.verdict != "worse"],
        "longer": longer,
        "items": _items(run, found),
    }


def _loss(pair: Pair) -> float:
    """How much worse the model is; negative when it is better."""
    value = (pair.difference.value if pair.difference else None) or 0.0
    return -value if pair.better == "higher" else value


def _items(run: Run, found: dict[str, list[Pair]]) -> list[dict[str, Any]]:
    """Single items that the model lost most on, in units of what its row can lose."""
    listed: list[dict[str, Any]] = []
    for name, pairs in found.items():
        step = next(step for step in run.steps if step.name == name)
        for pair in pairs:
            if pair.before is not None:
                listed += sorted(_lost(step, pair), key=lambda item: -item["loss"])[:ITEMS_PER_ROW]
    ranked = sorted(listed, key=lambda item: (-item["share"], item["task"], item["lang"]))
    return ranked[:MOST_ITEMS]


def _lost(step: Step, pair: Pair) -> list[dict[str, Any]]:
    rows = answers(evaluation(step), "model", pair.task, pair.lang)
    base = {str(row["sample"].get("id")): row for row in answers(evaluation(step), "baseline", pair.task, pair.lang)}
    made = []
    for row in rows:
        other = base.get(str(row["sample"].get("id")))
        after, before = (number_of(r or {}, "score", "value") for r in (row, other))
        if other is None or other.get("score") is None or row.get("score") is None:
            continue
        loss = ((before or 0.0) - (after or 0.0)) * (1 if pair.better == "higher" else -1)
        if loss > 0:
            text = next(iter(row["sample"].get("references") or ()), "")
            made.append(
                {
                    "task": pair.task,
                    "lang": pair.lang,
                    "id": str(row["sample"].get("id")),
                    "text": cut_short(str(text), EXCERPT),
                    "before": before,
                    "after": after,
                    "loss": loss,
                    "share": loss / max(abs(before or 0.0), 1e-9) if pair.unit != "share" else loss,
                }
            )
    return made

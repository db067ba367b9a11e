"""Items on which two models differ most, each side's gains in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lontar.pages.clusters import cut_short
from lontar.report.reading import number_of
from lontar.report.sections.scores import answered, asked
from lontar.report.sides import Key, Model

EXCERPT = 300


def disagreements(first: Model, second: Model, keys: Sequence[Key], limit: int) -> list[dict[str, Any]]:
    """Per task the items on which two models differ most, each side's best in turn."""
    found = []
    for task in sorted({task for task, _ in keys}):
        items = [item for key in keys if key[0] == task for item in _differing(first, second, key)]
        up = sorted((i for i in items if i["gain"] > 0), key=lambda i: (-i["gain"], i["lang"], i["id"]))
        down = sorted((i for i in items if i["gain"] < 0), key=lambda i: (i["gain"], i["lang"], i["id"]))
        half = (limit + 1) // 2
        chosen = up[:half] + down[: limit - min(half, len(up))]
        if chosen:
            found.append({"task": task, "unit": chosen[0]["unit"], "n": len(items), "up": len(up), "items": chosen})
    return found


def _differing(first: Model, second: Model, key: Key) -> list[dict[str, Any]]:
    row = first.rows[key]
    sign = 1 if row.get("better", "higher") == "higher" else -1
    theirs = {str(r["sample"].get("id")): r for r in first.answers(key) if r.get("score")}
    made = []
    for ours in second.answers(key):
        id_ = str(ours["sample"].get("id"))
        if id_ not in theirs or not ours.get("score"):
            continue
        before, after = (number_of(r, "score", "value") or 0.0 for r in (theirs[id_], ours))
        if after != before:
            made.append(
                {
                    "lang": key[1],
                    "id": id_,
                    "unit": str(row.get("unit", "")),
                    "gain": sign * (after - before),
                    "prompt": cut_short(asked(ours["sample"]), EXCERPT),
                    "reference": cut_short(next(iter(ours["sample"].get("references") or ()), ""), EXCERPT),
                    "first": answered(theirs[id_]),
                    "second": answered(ours),
                }
            )
    return made

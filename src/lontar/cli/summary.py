"""What a run measured, language by language: the table a reader looks at first.

It reads the metrics that stages record under `<measure>.<before|after>.<lang>` (a stage of someone else's that uses the
same names appears in it) and, where there is an evaluation, its comparison with the base.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from lontar.cli.render import table
from lontar.core.artifact import Artifact, Evaluation

MEASURES = {"tokens_per_sentence": "tokens/sentence", "bits_per_byte": "bits/byte"}


Figures = dict[str, dict[str, dict[str, float]]]
"""measure -> language -> when -> value"""


def language_table(artifacts: Sequence[Artifact]) -> list[Table]:
    """One table of everything measured per language before and after, and one per evaluation."""
    found = {measure: by_lang for measure in MEASURES if (by_lang := _recorded(artifacts, measure))}
    evaluations = [artifact for artifact in artifacts if isinstance(artifact, Evaluation)]
    # Against the base itself, not the model as it was when training began; later comparisons are of other things.
    first = next((compared for e in evaluations if (compared := _against_the_base(e))), {})
    if first:
        found["bits_per_byte"] = found.get("bits_per_byte", {}) | first
    tables = [_before_after(found)] if any(found.values()) else []
    return tables + [score_table(evaluation) for evaluation in evaluations]


def _recorded(artifacts: Sequence[Artifact], measure: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for artifact in artifacts:
        for name, value in artifact.manifest.metrics.items():
            head, _, rest = name.partition(".")
            when, _, lang = rest.partition(".")
            if head == measure and when in ("before", "after") and lang:
                found[lang][when] = value
    return dict(found)


# Tasks that measure bits per byte; of the first that an evaluation has, the table shows the figures.
PREDICTED = ("bits_per_byte", "paragraphs")


def _against_the_base(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    rows = json.loads((evaluation.path / "scores.json").read_text(encoding="utf-8"))["rows"]
    there = {row["task"] for row in rows}
    chosen = next((task for task in PREDICTED if task in there), None)
    return {
        row["lang"]: {"before": row["baseline"]["value"], "after": row["value"]}
        for row in rows
        if row["task"] == chosen and row["baseline"] and row["value"] is not None
    }


def _before_after(found: Figures) -> Table:
    columns = ["language"]
    for measure in found:
        columns += [MEASURES[measure], "after", "change"]
    rows = []
    for lang in sorted({lang for by_lang in found.values() for lang in by_lang}):
        row: list[object] = [_named(lang)]
        for by_lang in found.values():
            row += _change(by_lang.get(lang, {}))
        rows.append(row)
    return table("before and after", columns, rows, right=range(1, len(columns)))


def _change(values: dict[str, float]) -> Iterable[object]:
    before, after = values.get("before"), values.get("after")
    change = f"{100 * (after / before - 1):+.0f} %" if before and after is not None else None
    return (None if before is None else f"{before:.3f}", None if after is None else f"{after:.3f}", change)


def _named(code: str) -> str:
    from lontar import languages
    from lontar.errors import ConfigError

    try:
        language = languages.get(code)
    except ConfigError:
        return code
    return f"{code} {language.endonym}"


def score_table(evaluation: Evaluation) -> Table:
    """Every score with its interval."""
    from lontar.eval.render import score_rows

    columns, rows = score_rows(evaluation)
    return table(f"scores in {evaluation.path}", columns, rows, right=range(2, len(columns) - 1))


def cost_table(evaluation: Evaluation) -> Table:
    """What the answers took."""
    from lontar.eval.render import cost_rows

    columns, rows = cost_rows(evaluation)
    return table("per answer", columns, rows, right=range(1, len(columns)))


@dataclass(frozen=True, slots=True)
class Short:
    """A task over all its languages."""

    task: str
    said: str
    """in how many languages what is shown"""
    span: str
    """least and largest value, with the unit"""
    others: tuple[str, ...]
    """languages of which it is not shown"""


def in_short(evaluation: Evaluation) -> list[Short]:
    """What an evaluation shows, a line per task: above chance where there is that figure, else better than the base."""
    rows = json.loads((evaluation.path / "scores.json").read_text(encoding="utf-8"))["rows"]
    return [
        _short(task, [row for row in rows if row["task"] == task]) for task in sorted({row["task"] for row in rows})
    ]


def _short(task: str, rows: Sequence[dict[str, Any]]) -> Short:
    chance = rows[0]["chance"]
    shown = {row["lang"]: row["verdict"] == "better" if chance is None else bool(row["above_chance"]) for row in rows}
    values = [row["value"] for row in rows if row["value"] is not None]
    what = "better" if chance is None else f"above chance ({chance:.3g})"
    span = f"{min(values):.2f} to {max(values):.2f} {rows[0]['unit']}" if values else "no figure"
    others = tuple(lang for lang, good in sorted(shown.items()) if not good)
    return Short(task, f"{what} in {sum(shown.values())} of {len(shown)} languages", span, others)

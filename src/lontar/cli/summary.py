"""What a run measured, language by language: the table a reader looks at first.

It reads the metrics that stages record under `<measure>.<before|after>.<lang>` (a stage of someone else's that uses the
same names appears in it) and, where there is an evaluation, its comparison with the base.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

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
    for evaluation in evaluations:  # against the base itself, not against the model as it was when training began
        found["bits_per_byte"] = found.get("bits_per_byte", {}) | _against_the_base(evaluation)
    tables = [_before_after(found)] if any(found.values()) else []
    return tables + [_scores(evaluation) for evaluation in evaluations]


def _recorded(artifacts: Sequence[Artifact], measure: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for artifact in artifacts:
        for name, value in artifact.manifest.metrics.items():
            head, _, rest = name.partition(".")
            when, _, lang = rest.partition(".")
            if head == measure and when in ("before", "after") and lang:
                found[lang][when] = value
    return dict(found)


def _against_the_base(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    rows = json.loads((evaluation.path / "scores.json").read_text(encoding="utf-8"))["rows"]
    return {
        row["lang"]: {"before": row["baseline"]["value"], "after": row["value"]}
        for row in rows
        if row["task"] == "bits_per_byte" and row["baseline"] and row["value"] is not None
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


def _scores(evaluation: Evaluation) -> Table:
    from lontar.eval.render import score_rows

    columns, rows = score_rows(evaluation)
    return table(f"scores in {evaluation.path}", columns, rows, right=range(2, len(columns) - 1))

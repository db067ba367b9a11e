"""What a run measured, language by language: the table a reader looks at first.

It reads the metrics that stages record under `<measure>.<before|after>.<lang>` and the scores of an evaluation; a
stage of someone else's that uses the same names appears in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rich.table import Table

from lontar.cli.render import table
from lontar.core.artifact import Artifact, Evaluation

MEASURES = {"tokens_per_sentence": "tokens/sentence", "bits_per_byte": "bits/byte before training"}


def language_table(artifacts: Sequence[Artifact]) -> list[Table]:
    """One table of everything measured per language before and after, and one per evaluation."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for artifact in artifacts:
        for name, value in artifact.manifest.metrics.items():
            measure, _, rest = name.partition(".")
            when, _, lang = rest.partition(".")
            if measure in MEASURES and when in ("before", "after") and lang:
                found[measure][lang][when] = value
    tables = [_before_after(found)] if found else []
    return tables + [_scores(a) for a in artifacts if isinstance(a, Evaluation)]


def _before_after(found: dict[str, dict[str, dict[str, float]]]) -> Table:
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

"""Translation: the arithmetic of MetricX scores, and chrF++."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import LINE, extracted, mean, norm, number

# MetricX gives 0 to the best and 25 to the worst translation.
WORST, BEST = 25.0, 0.0
METRICX = "normalized_metricx_wmt24_scores"


def chrf_metrics(predictions: Sequence[str], references: Sequence[str]) -> JsonObject:
    """chrF++ of the corpus, under both of its official names.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    chrf: Any = need("sacrebleu.metrics", extra="scoring").CHRF(word_order=2)
    value = float(chrf.corpus_score(list(predictions), [list(references)]).score) if references else 0.0
    return {"chrf_score": value, "normalized_chrf_score": value}


@family("translation", "metricx", "chrf")
def translation(case: Case) -> Scored:
    """MetricX scores of `judge_rows`, and chrF++ of the corpus where the settings ask for it."""
    predictions = [extracted(response, case.answer_tag, LINE) for response in case.responses()]
    rows: list[JsonObject] = [{"cleaned_responses": text} for text in predictions]
    metrics: JsonObject = {}
    problems = case.unlabelled()
    if case.settings.get("use_chrf_metric"):
        metrics |= chrf_metrics(predictions, [str(row.get("label") or "") for row in case.rows])
    if case.settings.get("use_metricx_metric", True):
        given = [number(row.get("score")) for row in case.judge_rows[: len(rows)]]
        given += [None] * (len(rows) - len(given))
        problems += [
            f"row {row.get('id')}: no score, counted as the worst"
            for row, one in zip(case.rows, given, strict=True)
            if one is None
        ]
        raw = [WORST if one is None else one for one in given]
        scores = [100 * norm(one, WORST, BEST) for one in raw]
        metrics |= {"metricx_wmt24_scores": mean(raw), METRICX: mean(scores)}
        for row, one in zip(rows, scores, strict=True):
            row["individual_scores"] = {METRICX: one}
    metrics["null_count"] = predictions.count("")
    return Scored(metrics, rows, problems)

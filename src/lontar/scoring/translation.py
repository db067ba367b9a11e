"""chrF++ (Popović 2017) through sacrebleu: the n-gram counts are its, row by row; the corpus figure comes from sums.

Sums of per-row counts are what makes an interval of a corpus figure possible: resampling rows is adding other rows.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from lontar.core.extras import need
from lontar.languages import Language
from lontar.scoring.registries import Matrix, aggregate, from_sums, scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.text import normalize

CHAR_ORDER, WORD_ORDER, BETA = 6, 2, 2
ORDER = CHAR_ORDER + WORD_ORDER
_FORM = ("control", "zwsp", "nfc")


@functools.cache
def _metric() -> Any:
    return need("sacrebleu.metrics", extra="scoring").CHRF(char_order=CHAR_ORDER, word_order=WORD_ORDER, beta=BETA)


def chrf_statistics(hypothesis: str, references: tuple[str, ...]) -> tuple[float, ...]:
    """Counts of n-grams `[ORDER, (hypothesis, reference, match)]`, flat, against the best reference.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    # sacrebleu has no public way to these counts; tests/golden compares the result with its public corpus score.
    metric = _metric()
    counts = metric._compute_segment_statistics(hypothesis, metric._extract_reference_info(references))
    return tuple(float(count) for count in counts)


@scorer("chrf")
def chrf(sample: Sample, prediction: Prediction, lang: Language, /, *, canonical: bool = False) -> RowScore:
    """chrF++ of the answer against its references, 0 to 100; aggregate with `corpus_chrf`.

    With `canonical` both sides are composed (NFC) and without zero-width spaces first, so that the same text typed in
    another way is no mistranslation; without, the figure is sacrebleu's.
    """
    if not sample.references:
        return RowScore(value=None, reason="no reference to compare with")
    texts = (prediction.answer or "", *sample.references)
    hypothesis, *references = (normalize(text, _FORM) for text in texts) if canonical else texts
    statistics = chrf_statistics(hypothesis, tuple(references))
    if prediction.answer is None:
        return RowScore(value=None, statistics=statistics, reason=prediction.reason or "no answer")
    return RowScore(value=float(f_score(np.array(statistics))), statistics=statistics)


@aggregate("corpus_chrf")
@from_sums()
def corpus_chrf(sums: Matrix, /) -> Matrix:
    """chrF++ of a corpus, 0 to 100, from the n-gram counts of its rows; equals sacrebleu's corpus score."""
    return f_score(sums) if sums.shape[-1] == 3 * ORDER else np.full(sums.shape[:-1], np.nan)


def f_score(sums: Matrix) -> Matrix:
    """F-beta of the mean precision and mean recall over the orders that both sides have `[..., 3 * ORDER] -> [...]`.

    In the order of sacrebleu's own arithmetic, so that the last bit agrees.
    """
    precision, recall, orders = (np.zeros(sums.shape[:-1]) for _ in range(3))
    for i in range(ORDER):
        hyp, ref, match = (sums[..., 3 * i + j] for j in range(3))
        both = (hyp > 0) & (ref > 0)
        precision = precision + np.where(both, match / np.where(both, hyp, 1), 0.0)
        recall = recall + np.where(both, match / np.where(both, ref, 1), 0.0)
        orders = orders + both
    precision, recall = precision / np.maximum(orders, 1), recall / np.maximum(orders, 1)
    factor = BETA**2
    some = (precision + recall) > 0
    below = np.where(some, (factor * precision) + recall, 1.0)
    return np.where(some, 100 * ((1 + factor) * precision * recall / below), 0.0)

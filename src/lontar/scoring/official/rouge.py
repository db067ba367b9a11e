"""ROUGE-L of summaries, with tokens for scripts without spaces and a bootstrap median as the corpus value.

The tokenizers decide the score: newmm keeps spaces as tokens in Thai, Burmese is counted in syllable-like units,
and everything else goes through OpenNMT's aggressive mode.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import LINE, extracted
from lontar.scoring.official.translation import chrf_metrics

SEED, RESAMPLES = 4156, 1000

_DEPENDENT = "[\u102b-\u1032\u1036-\u1038\u103a-\u103e]*"
_UNIT = re.compile(f".{_DEPENDENT}", re.DOTALL)
_ASAT, _VIRAMA, _SHORT = "\u103a", "\u1039", 4
_IDEOGRAPH = re.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f])"
)


@family("rougeL")
def rouge_l(case: Case) -> Scored:
    """LCS precision, recall and F1 of every summary; the median of bootstrap means over the corpus, times 100.

    And chrF++ of the corpus, where the settings ask for it; ROUGE-L, unless they do without.

    Raises:
        MissingExtraError: the tokenizer of the language or the library of chrF++ is not installed.
    """
    summaries = [extracted(response, case.answer_tag, LINE) for response in case.responses()]
    labels = [str(row.get("label") or "") for row in case.rows]
    metrics: JsonObject = {"null_count": summaries.count("")}
    rows: list[JsonObject] = [{"cleaned_responses": found} for found in summaries]
    if case.settings.get("use_rougeL_metric", True):
        scores = [
            overlap(tokens(label, case.lang), tokens(found, case.lang))
            for label, found in zip(labels, summaries, strict=True)
        ]
        precision, recall, f1 = (100 * value for value in bootstrap_medians(scores))
        metrics |= {"rougel_precision": precision, "rougel_recall": recall}
        metrics |= {"rougel_f1": f1, "normalized_rougel_f1": f1}
        for row, score in zip(rows, scores, strict=True):
            row["individual_scores"] = {"normalized_rougel_f1": 100 * score[2]}
    if case.settings.get("use_chrf_metric"):
        metrics |= chrf_metrics(summaries, labels)
    return Scored(metrics, rows, case.unlabelled())


def tokens(text: str, lang: str | None) -> list[str]:
    """Tokens of a text in lower case and without punctuation.

    Args:
        text: any text.
        lang: `th` or `thai`, `my` or `burmese`; any other is split by the rules for spaced scripts.

    Raises:
        MissingExtraError: the tokenizer of the language is not installed.
    """
    words = " ".join(_words(text.lower()))
    if not words:
        return []
    if lang in ("th", "thai"):
        return [str(t) for t in need("pythainlp.tokenize", extra="seahelm").word_tokenize(words, engine="newmm")]
    if lang in ("my", "burmese"):
        return syllables(words)
    found, _ = _aggressive().tokenize(words)
    return _IDEOGRAPH.sub(r" \1 ", " ".join(found)).split()


def syllables(text: str) -> list[str]:
    """Burmese in units of a consonant with what depends on it, its final and its stacked consonants."""
    text = "".join(text.replace("\u200c", " ").replace("\u1037\u103a", "\u103a\u1037").split())
    return _stacked(_closed(_UNIT.findall(text)))


def _closed(units: Sequence[str]) -> list[str]:
    """A final consonant closes the unit directly before it; where that one is a final too, it is left alone there."""
    finals = [i > 0 and _ASAT in unit and len(unit) < _SHORT for i, unit in enumerate(units)]
    places = zip(units, finals, [*units, ""][1:], [*finals, False][1:], strict=True)
    found = (("" if moved else unit) + (after if closes else "") for unit, moved, after, closes in places)
    return [unit for unit in found if unit]


def _stacked(units: Sequence[str]) -> list[str]:
    """A virama that is a unit of its own joins the one before it and the one after it."""
    found: list[str] = []
    rest = iter(units)
    for unit in rest:
        following = next(rest, "") if unit == _VIRAMA and found else ""
        if following:
            found[-1] += unit + following
        else:
            found.append(unit)
    return found


def overlap(reference: Sequence[str], prediction: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the longest common subsequence, 0 to 1; 0 where a side is empty."""
    common = common_length(reference, prediction)
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return precision, recall, 2 * precision * recall / (precision + recall)


def common_length(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence; bits of an integer stand for a row of the usual table."""
    places = dict[str, int]()
    for i, token in enumerate(left):
        places[token] = places.get(token, 0) | 1 << i
    full = (1 << len(left)) - 1
    row = full
    for token in right:
        hit = row & places.get(token, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(left) - row.bit_count()


def bootstrap_medians(scores: Sequence[tuple[float, ...]]) -> list[float]:
    """The median over 1000 resamples of the mean of every column; zeros where there are no scores."""
    if not scores:
        return [0.0, 0.0, 0.0]
    table = np.asarray(scores, dtype=np.float64)
    rng = np.random.RandomState(SEED)  # the legacy generator: others give other numbers
    means = [table[rng.choice(len(table), size=len(table))].mean(axis=0) for _ in range(RESAMPLES)]
    return [float(x) for x in np.median(means, axis=0)]


def _words(text: str) -> list[str]:
    kept = "".join(_cleaned(char) for char in text)
    return "".join(" " if _is_punctuation(char) else char for char in kept).split()


def _cleaned(char: str) -> str:
    if char in "\t\n\r":
        return " "
    category = unicodedata.category(char)
    if char == "\ufffd" or category.startswith("C"):  # NUL is one of them
        return ""
    return " " if category == "Zs" else char


def _is_punctuation(char: str) -> bool:
    if char.isascii():
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char).startswith("P")


@functools.cache
def _aggressive() -> Any:
    return need("pyonmttok", extra="seahelm").Tokenizer("aggressive", joiner_annotate=False)

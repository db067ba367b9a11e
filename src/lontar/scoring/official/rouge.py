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

from lontar.core.extras import need
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import LINE, extracted

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

    Raises:
        MissingExtraError: the tokenizer of the language is not installed.
    """
    summaries = [extracted(response, case.answer_tag, LINE) for response in case.responses()]
    labels = [str(row.get("label") or "") for row in case.rows]
    scores = [
        overlap(tokens(label, case.lang), tokens(found, case.lang))
        for label, found in zip(labels, summaries, strict=True)
    ]
    precision, recall, f1 = bootstrap_medians(scores)
    return Scored(
        metrics={
            "null_count": summaries.count(""),
            "rougel_precision": 100 * precision,
            "rougel_recall": 100 * recall,
            "rougel_f1": 100 * f1,
            "normalized_rougel_f1": 100 * f1,
        },
        rows=[
            {"cleaned_responses": found, "individual_scores": {"normalized_rougel_f1": 100 * score[2]}}
            for found, score in zip(summaries, scores, strict=True)
        ],
        problems=case.unlabelled(),
    )


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
    merged: list[str] = []
    for unit in _UNIT.findall(text):
        if merged and _ASAT in unit and len(unit) < _SHORT:  # a final consonant closes the syllable before it
            merged[-1] += unit
        else:
            merged.append(unit)
    glued: list[str] = []
    for unit in merged:
        if glued and (unit.startswith(_VIRAMA) or glued[-1].endswith(_VIRAMA)):
            glued[-1] += unit
        else:
            glued.append(unit)
    return glued


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

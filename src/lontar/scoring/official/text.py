"""Question answering by overlap, exact match, and what is fetched from a long context."""

from __future__ import annotations

import logging
import re
import string
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import LINE, NO_EXPRESSION, extracted, scored_rows

NO_ANSWER = "None"
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@family("qa_f1")
def qa_f1(case: Case) -> Scored:
    """Overlap of words with the best reference; in Thai and Chinese with the first, both segmented."""
    predictions = [extracted(response, case.answer_tag, LINE) for response in case.responses()]
    references = [listed(row.get("label")) for row in case.rows]
    words = segmenter(case.lang)
    f1s, exact, found = list[float](), 0, 0
    for prediction, golds in zip(predictions, references, strict=True):
        if not golds:
            f1s.append(0.0)
            continue
        own, golds_of = (words(prediction), [words(golds[0])]) if words else (prediction, golds)
        f1s.append(max(overlap(_plain(own), _plain(gold)) for gold in golds_of))
        exact += any(_plain(own) == _plain(gold) for gold in golds_of)
        found += golds[0].lower().strip(".") in prediction.lower().strip(".")
    n = max(1, len(f1s))
    f1 = 100 * sum(f1s) / n
    metrics: JsonObject = {
        "exact_match": 100 * exact / n,
        "f1": f1,
        "normalized_f1": f1,
        "found_in_prediction": 100 * found / n,
        "null_count": predictions.count(""),
    }
    empty = [f"row {row.get('id')}: an empty label, counted as wrong" for row in case.rows if row.get("label") == ""]
    return Scored(metrics, scored_rows(predictions, "normalized_f1", f1s), case.unlabelled() + empty)


def listed(label: Any) -> list[str]:
    """References of a row; those of a text are its letters, as they are to the official code."""
    if label is None:
        return []
    return [str(one) for one in label] if isinstance(label, list | tuple | str) else [str(label)]


def segmenter(lang: str) -> Callable[[str], str] | None:
    """What puts spaces between the words of a language, where the official code does.

    Raises:
        MissingExtraError: its library is not installed.
    """
    if lang == "th":
        cut = need("pythainlp.tokenize", extra="seahelm").word_tokenize
        return lambda text: " ".join(cut(text, engine="newmm"))
    if lang == "zh":
        jieba = need("jieba", extra="seahelm")
        jieba.setLogLevel(logging.WARNING)  # it tells everybody that it reads its dictionary
        return lambda text: " ".join(jieba.cut(text))
    return None


def _plain(text: str) -> str:
    return " ".join(text.lower().translate(_PUNCTUATION).split())


def overlap(prediction: str, reference: str) -> float:
    """F1 of two bags of words."""
    own, gold = prediction.split(), reference.split()
    both = (Counter(own) & Counter(gold)).total()
    return 2 * both / (len(own) + len(gold)) if both else 0.0


@family("exact_match")
def exact_match(case: Case) -> Scored:
    """The text after the tag, compared as it is."""
    predictions = [extracted(response, case.answer_tag, r"[\s\*]*(.*)") for response in case.responses()]
    labels = [row.get("label") for row in case.rows]
    right = [label is not None and text == str(label) for text, label in zip(predictions, labels, strict=True)]
    share = 100 * sum(right) / max(1, len(right))
    metrics: JsonObject = {"exact_match": share, "normalized_exact_match": share}
    scores = [100.0 * hit for hit in right]
    return Scored(metrics, scored_rows(predictions, "normalized_exact_match", scores), case.unlabelled())


@family("niah")
def niah(case: Case) -> Scored:
    """Needles found in a haystack: the share of the references among the items of the answer."""
    return _fetched(case, lambda reference: reference)


@family("cwe")
def cwe(case: Case) -> Scored:
    """The most common words; references are stripped and in lower case, as the items of the answer are."""
    return _fetched(case, lambda reference: reference.strip().lower())


def _fetched(case: Case, form: Callable[[str], str]) -> Scored:
    cleaned = [between_tags(response, case.answer_tag) for response in case.responses()]
    references = [[form(one) for one in listed(row.get("label"))] for row in case.rows]
    shares = [_share(text, own) for text, own in zip(cleaned, references, strict=True)]
    n = max(1, len(shares))
    strict = 100 * sum(share == 1 for share in shares) / n
    metrics: JsonObject = {
        "strict_accuracy": strict,
        "accuracy": 100 * sum(shares) / n,
        "normalized_strict_accuracy": strict,
    }
    rows: list[JsonObject] = [
        {
            "cleaned_responses": text,
            "individual_scores": {"normalized_strict_accuracy": int(share == 1), "normalized_accuracy": share},
        }
        for text, share in zip(cleaned, shares, strict=True)
    ]
    return Scored(metrics, rows, case.unlabelled())


def between_tags(response: str, answer_tag: str) -> str:
    """What stands between the tag and the last `</`, or `NO_ANSWER`."""
    # not one expression: its time grows with the square of a text that repeats the tag
    try:
        tag = re.search(rf"(?<={answer_tag})", response)
    except NO_EXPRESSION:  # or of no fixed length, as what is looked for behind a place has to be
        tag = None
    end = response.rfind("</", tag.end()) if tag else -1
    return response[tag.end() : end].strip() if tag and end >= 0 else NO_ANSWER


def _share(text: str, references: Collection[str]) -> float:
    items = {item.strip().lower() for item in text.split(",")}
    wanted = {*references}
    return len(items & wanted) / len(wanted) if wanted else 0.0

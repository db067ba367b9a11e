"""Label choice, minimal pairs and pragmatics."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from lontar.core.config import JsonObject, JsonValue
from lontar.scoring.official.case import Case, Row, Scored, family
from lontar.scoring.official.extract import extracted, macro_f1, norm, recall

NULL = "null"
# What is stripped from both ends of an extracted label.
_ENDS = string.punctuation + " \n"


@family("label_choice", "label_choice+difficulty")
def label_choice(case: Case) -> Scored:
    """Balanced accuracy, normalized by chance, over the labels that the evaluated rows have.

    Which of two labels is found where one begins the other is chance in the official code (the order of a set). Here
    it is the first by the alphabet.
    """
    references = [str(row["label"]) for row in case.rows]
    predictions = choices(case, references, "+", re.IGNORECASE)
    right = [reference == prediction for reference, prediction in zip(references, predictions, strict=True)]
    accuracy, nulls, n = recall(references, predictions), predictions.count(NULL), len(references)
    metrics: JsonObject = {
        "accuracy": 100 * accuracy,
        "macro_f1": 100 * macro_f1(references, predictions, {*references, *predictions}),
        "null_weighted_f1": 100 * macro_f1(references, predictions, {*references}) * (1 - nulls / n) if n else 0.0,
        "normalized_accuracy": 100 * norm(accuracy, 1 / max(1, len({*references})), 1),
        "null_count": nulls,
    }
    for name in ("difficulty", "field"):
        values = [(row.get("metadata") or {}).get(name) for row in case.rows]
        if case.task.startswith("supergpqa") and any(value is not None for value in values):
            metrics[name] = _parts(values, references, predictions)
    return Scored(metrics, _rows(predictions, "normalized_accuracy", right))


def _parts(values: Sequence[object], references: Sequence[str], predictions: Sequence[str]) -> JsonObject:
    found: JsonObject = {}
    for value in dict.fromkeys(values):
        own = [i for i, each in enumerate(values) if each == value]
        gold, guess = [references[i] for i in own], [predictions[i] for i in own]
        found[str(value)] = {"accuracy": recall(gold, guess), "macro_f1": macro_f1(gold, guess, {*gold, *guess})}
    return found


@family("minimal_pairs")
def minimal_pairs(case: Case) -> Scored:
    """Plain accuracy per linguistic phenomenon, and its unweighted mean normalized by chance."""
    references = [str(row["label"]) for row in case.rows]
    predictions = choices(case, references, "*")
    right = [reference == prediction for reference, prediction in zip(references, predictions, strict=True)]
    parts = {name: 100 * sum(hits) / len(hits) for name, hits in _by_phenomenon(case.rows, right).items()}
    accuracy = sum(parts.values()) / len(parts) if parts else 0.0
    chance = 100 / max(1, len({*references}))
    metrics: JsonObject = {
        "accuracy": accuracy,
        "subcategories": {**parts},
        "normalized_accuracy": 100 * norm(accuracy, chance, 100),
    }
    return Scored(metrics, _rows(predictions, "normalized_accuracy", right))


@family("pragmatics")
def pragmatics(case: Case) -> Scored:
    """Right answers and all answers per phenomenon; what they are worth is decided when a run is summed up."""
    references = [str(row["label"]) for row in case.rows]
    predictions = choices(case, references, "*")
    right = [reference == prediction for reference, prediction in zip(references, predictions, strict=True)]
    parts: dict[str, JsonValue] = {
        name: [sum(hits), len(hits)] for name, hits in _by_phenomenon(case.rows, right).items()
    }
    return Scored({"subcategories": {**parts}}, _rows(predictions, "normalized_accuracy", right))


def choices(case: Case, labels: Iterable[str], repeated: str, flags: int = 0) -> list[str]:
    """The label that each answer names, or `NULL`."""
    known = sorted({*labels})
    by_form = {label.lower(): label for label in known}
    pattern = rf"[\s\*]*({'|'.join(known)}){repeated}"
    found = []
    for response in case.responses():
        form = " ".join(extracted(response, case.answer_tag, pattern, flags).lower().strip(_ENDS).split())
        found.append(by_form.get(form, NULL))
    return found


def _by_phenomenon(rows: Sequence[Row], right: Sequence[bool]) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for row, hit in zip(rows, right, strict=True):
        found.setdefault(str(row["metadata"]["linguistic_phenomenon"]), []).append(hit)
    return found


def _rows(cleaned: Sequence[str], name: str, right: Sequence[bool]) -> list[JsonObject]:
    return [
        {"cleaned_responses": text, "individual_scores": {name: int(hit)}}
        for text, hit in zip(cleaned, right, strict=True)
    ]

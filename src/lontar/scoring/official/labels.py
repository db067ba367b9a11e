"""Label choice, minimal pairs and pragmatics."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence

from lontar.core.config import JsonObject, JsonValue
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import extracted, macro_f1, norm, recall, scored_rows

NULL = "null"
# What is stripped from both ends of an extracted label.
_ENDS = string.punctuation + " \n"


@family("label_choice", "label_choice+difficulty")
def label_choice(case: Case) -> Scored:
    """Balanced accuracy, normalized by chance, over the labels that the evaluated rows have.

    Which of two labels is found where one begins the other is chance in the official code (the order of a set). Here
    it is the first by the alphabet.
    """
    golds = _golds(case)
    guesses = choices(case, [gold for gold in golds if gold], "+", re.IGNORECASE)
    right = [gold == guess for gold, guess in zip(golds, guesses, strict=True)]
    # A row without a label is wrong for itself, and no class of its own.
    kept = [i for i, gold in enumerate(golds) if gold]
    references, predictions = [golds[i] for i in kept], [guesses[i] for i in kept]
    accuracy, nulls, n = recall(references, predictions), predictions.count(NULL), len(references)
    metrics: JsonObject = {
        "accuracy": 100 * accuracy,
        "macro_f1": 100 * macro_f1(references, predictions, {*references, *predictions}),
        "null_weighted_f1": 100 * macro_f1(references, predictions, {*references}) * (1 - nulls / n) if n else 0.0,
        "normalized_accuracy": 100 * norm(accuracy, 1 / max(1, len(_forms(references))), 1),
        "null_count": nulls,
    }
    problems = _unlabelled(case, golds)
    if case.task.startswith("supergpqa"):
        bare = (row for row in case.rows if not isinstance(row.get("metadata"), Mapping))
        problems += [f"row {row.get('id')}: no metadata; the official code fails there" for row in bare]
        for name in ("difficulty", "field"):
            values = [(case.rows[i].get("metadata") or {}).get(name, "unknown") for i in kept]
            metrics[name] = _parts(values, references, predictions)
    return Scored(metrics, _rows(guesses, right), problems)


def _parts(values: Sequence[object], references: Sequence[str], predictions: Sequence[str]) -> JsonObject:
    found: JsonObject = {}
    places = dict[str, list[int]]()
    for i, value in enumerate(values):
        if value is not None:  # a null is no part, while what is missing is one
            places.setdefault(str(value), []).append(i)
    for value, own in places.items():
        gold, guess = [references[i] for i in own], [predictions[i] for i in own]
        found[value] = {"accuracy": recall(gold, guess), "macro_f1": macro_f1(gold, guess, {*gold, *guess})}
    return found


@family("minimal_pairs")
def minimal_pairs(case: Case) -> Scored:
    """Plain accuracy per linguistic phenomenon, and its unweighted mean normalized by chance."""
    rows, hits_of, problems = _by_phenomenon(case, _forms(_golds(case)))
    parts = {name: 100 * sum(hits) / len(hits) for name, hits in hits_of.items()}
    accuracy = sum(parts.values()) / len(parts) if parts else 0.0
    chance = 100 / max(1, len(_forms(_golds(case))))
    metrics: JsonObject = {
        "accuracy": accuracy,
        "subcategories": {**parts},
        "normalized_accuracy": 100 * norm(accuracy, chance, 100),
    }
    return Scored(metrics, rows, problems)


@family("pragmatics")
def pragmatics(case: Case) -> Scored:
    """Right answers and all answers per phenomenon; what they are worth is decided when a run is summed up."""
    rows, hits_of, problems = _by_phenomenon(case, {})
    parts: dict[str, JsonValue] = {name: [sum(hits), len(hits)] for name, hits in hits_of.items()}
    return Scored({"subcategories": parts}, rows, problems)


def choices(case: Case, labels: Iterable[str], repeated: str, flags: int = 0) -> list[str]:
    """The label that each answer names, or `NULL`."""
    known = sorted({*labels})
    by_form = _forms(known)
    pattern = rf"[\s\*]*({'|'.join(known)}){repeated}"
    found = []
    for response in case.responses():
        form = " ".join(extracted(response, case.answer_tag, pattern, flags).lower().strip(_ENDS).split())
        found.append(by_form.get(form, NULL))
    return found


def _forms(labels: Iterable[str]) -> dict[str, str]:
    """Labels by their lower case, in which chance counts them; of several with the same, the last by the alphabet."""
    return {label.lower(): label for label in sorted({*labels} - {""})}


def _golds(case: Case) -> list[str]:
    """The label of every row; empty where it has none."""
    labels = (row.get("label") for row in case.rows)
    return ["" if label is None or label == [] else str(label) for label in labels]


def _unlabelled(case: Case, golds: Sequence[str]) -> list[str]:
    bare = (row for row, gold in zip(case.rows, golds, strict=True) if not gold)
    return [f"row {row.get('id')}: no label, counted as wrong" for row in bare]


def _by_phenomenon(case: Case, forms: Mapping[str, str]) -> tuple[list[JsonObject], dict[str, list[bool]], list[str]]:
    """Rows with their scores, which answers are right by phenomenon, and what is wrong with rows and labels.

    Args:
        case: the task.
        forms: what labels are taken for, by their lower case; others stand for themselves.
    """
    golds = _golds(case)
    guesses = choices(case, [gold for gold in golds if gold], "*")
    right = [forms.get(gold.lower(), gold) == guess for gold, guess in zip(golds, guesses, strict=True)]
    found = case.by_phenomenon(right)
    return _rows(guesses, right), found, [*_unlabelled(case, golds), *case.unnamed()]


def _rows(cleaned: Sequence[str], right: Sequence[bool]) -> list[JsonObject]:
    return scored_rows(cleaned, "normalized_accuracy", [int(hit) for hit in right])

"""Finding the answer as the official code does, and small arithmetic shared by families."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from lontar.core.config import JsonObject

# What an expression that cannot be compiled raises: a nesting too deep and a number too large are no `re.error`.
NO_EXPRESSION = (re.error, OverflowError, RecursionError)
# One line after the tag: a dot ends at a line feed.
LINE = r"[\s\r\n`*]*(.*)"


def extracted(response: str, answer_tag: str, pattern: str, flags: int = 0) -> str:
    """Group 1 of the first match of tag and pattern, stripped; the whole response where it took no part in a match.

    The whole response, too, where tag and pattern are no regular expression.

    Args:
        response: what the model wrote.
        answer_tag: put into the expression as it is.
        pattern: what follows the tag, with one group.
        flags: of `re`.
    """
    try:
        found = re.search(answer_tag + pattern, response, flags)
    except NO_EXPRESSION:
        found = None
    return (response if found is None or found.group(1) is None else found.group(1)).strip()


def norm(x: float, low: float, high: float) -> float:
    """(x - low) / (high - low), at least 0 and not capped above; 0 where both ends are the same."""
    return 0.0 if high == low else max((x - low) / (high - low), 0.0)


def recall(references: list[str], predictions: list[str]) -> float:
    """Balanced accuracy: the mean recall over classes that the references have."""
    right, total = dict[str, int](), dict[str, int]()
    for reference, prediction in zip(references, predictions, strict=True):
        total[reference] = total.get(reference, 0) + 1
        right[reference] = right.get(reference, 0) + (reference == prediction)
    return sum(right[name] / n for name, n in total.items()) / len(total) if total else 0.0


def macro_f1(references: list[str], predictions: list[str], classes: Collection[str]) -> float:
    """The mean F1 over classes; one without references and predictions counts 0."""
    both = Counter(r for r, p in zip(references, predictions, strict=True) if r == p)
    sizes = Counter(references) + Counter(predictions)
    scores = [2 * both[name] / sizes[name] if sizes[name] else 0.0 for name in sorted(classes)]
    return sum(scores) / len(scores) if scores else 0.0


def mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def number(value: object) -> float | None:
    """A finite number, a truth value being 0 or 1."""
    if not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def scored_rows(cleaned: Sequence[str], name: str, scores: Sequence[float]) -> list[JsonObject]:
    """Rows with the answer that was found and one score."""
    return [
        {"cleaned_responses": text, "individual_scores": {name: score}}
        for text, score in zip(cleaned, scores, strict=True)
    ]

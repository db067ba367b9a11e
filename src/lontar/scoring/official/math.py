"""Math answers compared by math-verify, which finds the expression in the whole response."""

from __future__ import annotations

import logging
import threading

from lontar.core.extras import need
from lontar.scoring.official.case import Case, Scored, family

SECONDS = 5


@family("math_verify")
def math_verify(case: Case) -> Scored:
    """The share of responses equal to their label, times 100; what cannot be parsed is wrong.

    Raises:
        MissingExtraError: math-verify is not installed.
    """
    responses = [response.strip() for response in case.responses()]
    scores = [
        float(row.get("label") is not None and is_equal(str(row["label"]), response))
        for row, response in zip(case.rows, responses, strict=True)
    ]
    mean = 100 * sum(scores) / len(scores) if scores else 0.0
    return Scored(
        metrics={"math_verify_score": mean, "normalized_math_verify_score": mean},
        rows=[
            {"cleaned_responses": response, "individual_scores": {"normalized_math_verify_score": score}}
            for response, score in zip(responses, scores, strict=True)
        ],
        problems=case.unlabelled(),
    )


def is_equal(label: str, response: str) -> bool:
    """Whether the response gives what the label says; 5 seconds are allowed for each of the three steps.

    Raises:
        MissingExtraError: math-verify is not installed.
    """
    library = need("math_verify", extra="seahelm")
    # It writes the whole answer to its log when time is up.
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # its time limit is a signal, which only the main thread can set
    limit = SECONDS if threading.current_thread() is threading.main_thread() else None
    try:
        gold = library.parse(label, parsing_timeout=limit)
        found = library.parse(response, parsing_timeout=limit)
        return bool(library.verify(gold, found, timeout_seconds=limit))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return False  # SymPy fails in many ways on text that is not mathematics

"""LongProc: long procedures that are compared with a reference step by step.

The official code pairs steps strictly and fails on a whole task when an answer ends early or goes on after the
last step; here such an answer is scored on the steps that both have, and `problems` says so.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lontar.core.config import JsonObject
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import mean, norm

_NUMBER = r"([+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?)"
_STEP = re.compile(rf"\s*{_NUMBER}\s*([-+*/])\s*{_NUMBER}\s*=\s*{_NUMBER}\s*")
_OPERATIONS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
_STEPS = 3
_BRANCH = "|-"
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_BELIEF_WORDS = re.compile(r"\b(?:thinks?|believes?|knows?|locations?)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DAYS = re.compile(r"\bDays?\s+[0-9]+\s*-\s*([0-9]{1,6})\b", re.IGNORECASE)
_FLIGHT = re.compile(r"\bDay\s+([0-9]{1,6})\b.*?\bfrom\s+(.+?)\s+to\s+(.+?)\s*\.?\s*$", re.IGNORECASE)
_LINE = 400  # characters of a plan's line that are read: the search for cities tries many pairs
_MISSING = "na"


@dataclass(frozen=True)
class Judged:
    """One answer: what was found, whether it is right, how much of it is, and whether the official code stops."""

    cleaned: Any
    right: bool
    partial: float
    found: bool = True
    uneven: bool = False


@family("longproc_countdown")
def countdown(case: Case) -> Scored:
    """Share of solved number games; the partial score is the search followed before the first other step."""
    return _scored(case, _countdown)


@family("longproc_path_traversal")
def path_traversal(case: Case) -> Scored:
    """Share of exact routes; the partial score is the lines up to the first wrong one, that one included."""
    return _scored(case, _path)


@family("longproc_tom")
def tom(case: Case) -> Scored:
    """Share of belief lists that are all right; the partial score is the beliefs before the first wrong one."""
    return _scored(case, _beliefs, extraction=False)


@family("longproc_travel")
def travel(case: Case) -> Scored:
    """Share of plans with the right cities and stays; the partial score is the lines of the procedure followed."""
    return _scored(case, _travel)


@family("longproc_html_to_tsv")
def html_to_tsv(case: Case) -> Scored:
    """Mean precision, recall and F1 over sets of rows, times 100; a table that cannot be read counts 0."""
    cleaned, scores, errors = list[str | None](), list[tuple[float, float, float]](), dict[str, int]()
    for row, response in zip(case.rows, case.responses(), strict=True):
        table = _between(response, "```tsv", "```", greedy=False)
        score, error = table_scores(str(row.get("label") or ""), table)
        if error:
            errors[error] = errors.get(error, 0) + 1
        cleaned.append(table)
        scores.append(score)
    precision, recall, f1 = (100 * mean(score[i] for score in scores) for i in range(3))
    return Scored(
        metrics={
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "normalized_f1": 100 * norm(f1, 0, 100),
            "parsing_errors": dict[str, Any](errors),
        },
        rows=[
            {"cleaned_responses": table, "individual_scores": {"normalized_f1": score[2]}}
            for table, score in zip(cleaned, scores, strict=True)
        ],
        problems=case.unlabelled(),
    )


def is_solution(text: str, numbers: Sequence[Any], target: Any) -> bool:
    """Whether three lines `a op b = c` are true, use up the numbers and end at the target.

    Arithmetic is exact and read from the text; nothing is evaluated as code.
    """
    lines = text.strip().split("\n")
    if len(lines) != _STEPS:
        return False
    pool = [n for n in map(_number, numbers) if n is not None]
    result = None
    for line in lines:
        result = _consume(line, pool)
        if result is None:
            return False
    return result is not None and result == _number(target)


def stays(plan: str) -> tuple[list[str], list[int]]:
    """Cities and days in them, from the flights of a plan and the last day of its last range.

    A day of flight counts in both cities. Without flights there is nothing.
    """
    flights, last = [], 0
    for line in plan.split("\n"):
        plain = line.replace("*", "")[:_LINE]
        if days := _DAYS.search(plain):
            last = int(days[1])
        if flight := _FLIGHT.search(plain):
            flights.append((int(flight[1]), flight[2], flight[3]))
    if not flights:
        return [], []
    cities = [flights[0][1], *(arrived for _, _, arrived in flights)]
    days_at = [1, *(day for day, _, _ in flights), last]
    return cities, [end - start + 1 for start, end in itertools.pairwise(days_at)]


def table_scores(reference: str, table: str | None) -> tuple[tuple[float, float, float], str]:
    """Precision, recall and F1, 0 to 1, of the rows of a table as a set; then the official name of the error, if any.

    A row with too few cells is filled up, one with too many is wrong, a line without a tab is no row.
    """
    if table is None:
        return (0.0, 0.0, 0.0), "AttributeError"
    header, right = _table(reference)
    other, found = _table(table)
    if header != other:
        return (0.0, 0.0, 0.0), "ValueError"
    both = len(right & found)
    if not both:
        return (0.0, 0.0, 0.0), ""
    precision, recall = both / len(found), both / len(right)
    return (precision, recall, 2 * precision * recall / (precision + recall)), ""


def _scored(case: Case, judge: Callable[[str, Any], Judged], *, extraction: bool = True) -> Scored:
    judged = [judge(response, row.get("label")) for row, response in zip(case.rows, case.responses(), strict=True)]
    accuracy = 100 * mean(j.right for j in judged)
    metrics: JsonObject = {
        "accuracy": accuracy,
        "partial_accuracy": 100 * mean(j.partial for j in judged),
        "normalized_accuracy": 100 * norm(accuracy / 100, 0, 1),
    }
    if extraction:
        metrics["extraction_rate"] = 100 * mean(j.found for j in judged)
    uneven = [str(row.get("id")) for row, j in zip(case.rows, judged, strict=True) if j.uneven]
    return Scored(
        metrics=metrics,
        rows=[
            {
                "cleaned_responses": j.cleaned,
                "individual_scores": {"normalized_partial_accuracy_score": j.partial},
            }
            for j in judged
        ],
        problems=[
            *case.unlabelled(),
            f"{case.task}: answers {', '.join(uneven)} have more or fewer steps than their references, where the "
            "official code fails with ValueError; they are scored on the steps that both have",
        ]
        if uneven
        else case.unlabelled(),
    )


def _countdown(response: str, label: Any) -> Judged:
    facts = _fields(label)
    solution = _between(response, "<Solution>", "</Solution>")
    cleaned = {"search_procedure": response, "solution": solution}
    numbers = facts.get("nums")
    if solution is not None and is_solution(
        solution, numbers if isinstance(numbers, list | tuple) else (), facts.get("target")
    ):
        return Judged(cleaned, right=True, partial=1.0)
    right = [line for line in str(facts.get("search_procedure") or "").split("\n") if _BRANCH in line]
    found = [line for line in response.split("\n") if _BRANCH in line]
    # an answer without any search is a mismatch at the first step, not an uneven one
    partial, uneven = _followed(right, found or [""])
    return Judged(cleaned, right=False, partial=partial, found=solution is not None, uneven=uneven)


def _path(response: str, label: Any) -> Judged:
    route, right = _between(response, "<Route>", "</Route>"), str(label or "").strip()
    if route is None:
        return Judged(None, right=False, partial=0.0, found=False)
    lines = right.split("\n")
    pairs = list(zip(lines, route.split("\n"), strict=False))
    same = _same(pairs)
    return Judged(route, right=bool(right) and route == right, partial=min(same + 1, len(pairs)) / len(lines))


def _beliefs(response: str, label: Any) -> Judged:
    right, found = ([_belief(line) for line in _bullets(text)] for text in (str(label or ""), response))
    if right and right == found:
        return Judged(response, right=True, partial=1.0)
    same = _same(zip(right, found, strict=False))
    uneven = same == min(len(right), len(found)) and len(right) != len(found)
    return Judged(response, right=False, partial=same / len(right) if right else 0.0, uneven=uneven)


def _travel(response: str, label: Any) -> Judged:
    facts, plan = _fields(label), _between(response, "<Plan>", "</Plan>")
    cleaned = {"original": response, "plan": plan}
    cities, days = (str(facts.get(f"ground_truth_{name}") or "").split("**") for name in ("cities", "durations"))
    if plan is not None:
        visited, stayed = stays(plan)
        if visited == cities and [str(n) for n in stayed] == days:
            return Judged(cleaned, right=True, partial=1.0)
    procedure = str(facts.get("solving_procedure") or "").strip().split("\n")
    partial, uneven = _followed(procedure, response.strip().split("\n"))
    return Judged(cleaned, right=False, partial=partial, found=plan is not None, uneven=uneven)


def _followed(right: Sequence[str], found: Sequence[str]) -> tuple[float, bool]:
    """The place of the first other step over the number of steps, and whether a side ended before there was one.

    Without another step the place is that of the last: the answer is known to be wrong, so it is never 1.
    """
    same = _same((a.strip(), b.strip()) for a, b in zip(right, found, strict=False))
    uneven = len(right) != len(found) and same == min(len(right), len(found))
    return (min(same, len(right) - 1) / len(right) if right else 0.0), uneven


def _same(pairs: Iterable[tuple[str, str]]) -> int:
    count = 0
    for a, b in pairs:
        if a != b:
            break
        count += 1
    return count


def _consume(line: str, pool: list[Fraction]) -> Fraction | None:
    """Take both operands of a true step from the pool and put its result there; None for any other line."""
    step = _STEP.fullmatch(line)
    if not step:
        return None
    a, b, result = Fraction(step[1]), Fraction(step[3]), Fraction(step[4])
    for operand in (a, b):
        if operand not in pool:
            return None
        pool.remove(operand)
    if (step[2] == "/" and b == 0) or _OPERATIONS[step[2]](a, b) != result:
        return None
    pool.append(result)
    return result


def _number(value: Any) -> Fraction | None:
    try:
        return Fraction(value if isinstance(value, int | float) else str(value))
    except (ValueError, OverflowError, ZeroDivisionError):
        return None


def _between(text: str, start: str, end: str, *, greedy: bool = True) -> str | None:
    """What stands between the first start and the last end, or the next one; None where there is no such pair."""
    # not a regular expression: its time grows with the square of a text that repeats the start
    first = text.find(start)
    if first < 0:
        return None
    first += len(start)
    last = text.rfind(end, first) if greedy else text.find(end, first)
    return text[first:last].strip() if last >= 0 else None


def _bullets(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip().startswith("-")]


def _belief(line: str) -> str:
    return " ".join(_BELIEF_WORDS.sub(" ", _plain(line)).split())


def _plain(text: str) -> str:
    """Lower case without punctuation and articles."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _table(text: str) -> tuple[tuple[str, ...], set[tuple[str, ...]]]:
    lines = [line for line in text.strip("\r\n ").split("\n") if line.strip()]
    header = tuple(_plain(cell) for cell in lines[0].split("\t")) if lines else ()
    rows = set()
    for line in lines[1:]:
        cells = [_plain(cell) for cell in line.split("\t")]
        if len(cells) == 1 < len(header):
            continue
        missing = len(header) - len(cells)
        rows.add(tuple(cells + [_MISSING] * missing) if missing >= 0 else (_MISSING,) * len(header))
    return header, rows


def _fields(label: Any) -> Mapping[str, Any]:
    return label if isinstance(label, Mapping) else {}

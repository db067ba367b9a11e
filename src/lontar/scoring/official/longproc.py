"""LongProc: long procedures that are compared with a reference step by step.

The official code fails on a whole task when an answer ends early, goes on after the last step or has a line that it
cannot run; here such an answer is scored on what can be read of it, and `problems` says so.
"""

from __future__ import annotations

import ast
import csv
import itertools
import operator
import re
import string
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lontar.core.config import JsonObject
from lontar.scoring.official.case import Case, Scored, family
from lontar.scoring.official.extract import mean, norm

_Number: TypeAlias = Any  # int or float, and complex where a power makes it so
_SIGNS: Mapping[type, Callable[[_Number], _Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_OPERATIONS: Mapping[type, Callable[[_Number, _Number], _Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_STEPS = 3
_EQUATION = 1000  # characters of an equation that is read
_POWER = 10_000  # bits of the largest power that is worked out
_SEARCH = ("<Search Procedure>", "</Search Procedure>")
_SOLVING = "<Solving Procedure>"
_PICK, _TRY, _DROP = "Pick two numbers", "|- Try", "drop this branch"
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_BELIEF_WORDS = re.compile(
    r"\b(?:a|an|the|on|in|at|of|is|are|step|location|belief|thinks?|believes?|knows?)\b",
)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BELIEF_PUNCTUATION = str.maketrans("", "", string.punctuation + "\N{RIGHT SINGLE QUOTATION MARK}")
_TRIP_DAYS = re.compile(r"European cities for (\d++) days")
_RANGE_END = re.compile(r"(?<=\d)-(\d++)")
_DAY = re.compile(r"Day (\d++)")
_CITIES = re.compile(r"(?=from (\w++) to (\w++))")  # a look-ahead, as the last pair may begin inside another
_ANNOUNCEMENT = re.compile(r"Output the plan (?:\w+ ){3}format:")  # a line that is no step
_DIGITS = 1000  # of a day; the official code fails from 4301 on
_MISSING = "N/A"

_UNEVEN = (
    "have more or fewer steps than their references, where the official code fails with ValueError; "
    "they are scored on the steps that both have"
)
_UNKNOWN = (
    "differ at a line of the reference that is neither a choice nor a try, where the official code fails with "
    "ValueError; they are scored up to that line"
)
_PROGRAM = (
    "have an equation that is no arithmetic, which the official code runs as a program and may stop at; "
    "they count as not solved"
)
_TOO_LONG = f"have an equation of more than {_EQUATION} characters, which is not read; they count as not solved"


@dataclass(frozen=True)
class Judged:
    """One answer: what was found, whether it is right, how much of it is, and where the official code stops."""

    cleaned: Any
    right: bool
    partial: float
    found: bool = True
    problem: str = ""
    """the end of a sentence that begins with "answers 1, 2" """


@dataclass(frozen=True)
class Table:
    """Cells of a table after normalization; columns are counted, since their names are not compared."""

    columns: int
    rows: Sequence[tuple[str, ...]]


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
    """Mean precision, recall and F1 over rows of tables, times 100; a table that cannot be read counts 0."""
    cleaned, scores, errors = list[str | None](), list[tuple[float, float, float]](), dict[str, int]()
    for row, response in zip(case.rows, case.responses(), strict=True):
        table = _between(response, "```tsv", "```")
        score, error = table_scores(row.get("label"), table)
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
    """Whether three lines `a op b = c` of whole numbers are true, use up the numbers and end at the target."""
    return check_solution(text, numbers, target)[0]


def check_solution(text: str, numbers: Sequence[Any], target: Any) -> tuple[bool, str]:
    """Whether three lines `a op b = c` are true, use up the numbers and end at the target; why the official code stops.

    Equations are parsed and arithmetic is worked out; nothing is evaluated as code. As in the official code operands
    and results are whole numbers, and a negative operand is read next to a plus sign only.
    """
    if text.count("\n") != _STEPS - 1:
        return False, ""
    pool = list(numbers)
    for line in text.split("\n"):
        step, problem = _equation(line.strip())
        if step is None:
            return False, problem
        a, b, result = step
        for operand in (a, b):
            if operand not in pool:
                return False, ""
            pool.remove(operand)
        pool.append(result)
    return bool(pool[0] == target), ""


def stays(plan: str) -> tuple[list[str], list[int]]:
    """Cities and days in them, from the flights of a plan and the last day of its last range.

    A day of flight counts in both cities. A plan that says how long the trip is ends with the range that ends there.
    Without flights or ranges there is nothing.

    Raises:
        ValueError: a day has too many digits.
    """
    flights, last, total = list[tuple[int, str, str]](), None, None
    for line in plan.split("\n"):
        if found := _TRIP_DAYS.search(line):
            total = _day(found[1])
        if found := _RANGE_END.search(line):
            last = _day(found[1])
            if last == total:
                break
        if flight := _flight(line):
            flights.append(flight)
    if not flights or last is None:
        return [], []
    cities = [flights[0][1], *(arrived for _, _, arrived in flights)]
    days_at = [1, *(day for day, _, _ in flights), last]
    return cities, [end - start + 1 for start, end in itertools.pairwise(days_at)]


def table_scores(reference: Any, table: str | None) -> tuple[tuple[float, float, float], str]:
    """Precision, recall and F1, 0 to 1, of the rows of a table; then the official name of the error, if any.

    A row that has another number of cells than the header is wrong, and dropped where it is the last.
    """
    none = (0.0, 0.0, 0.0)
    if table is None or not isinstance(reference, str):
        return none, "AttributeError"
    right, found = _table(reference), _table(table)
    if isinstance(right, str) or isinstance(found, str):
        return none, _table_error(right, found)
    if not found.rows:
        return none, "ZeroDivisionError"
    if right.columns != found.columns:
        return none, "ValueError"
    if not right.rows:
        return none, "ZeroDivisionError"
    precision, recall = _share(found.rows, right.rows), _share(right.rows, found.rows)
    both = precision + recall
    return (precision, recall, 2 * precision * recall / both if both else 0.0), ""


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
    return Scored(
        metrics=metrics,
        rows=[
            {
                "cleaned_responses": j.cleaned,
                "individual_scores": {"normalized_partial_accuracy_score": j.partial},
            }
            for j in judged
        ],
        problems=[*case.unlabelled(), *_problems(case, judged)],
    )


def _problems(case: Case, judged: Sequence[Judged]) -> list[str]:
    """One sentence per kind of problem, with the answers that have it."""
    found: dict[str, list[str]] = {}
    for row, j in zip(case.rows, judged, strict=True):
        if j.problem and row.get("label") not in (None, []):
            found.setdefault(j.problem, []).append(str(row.get("id")))
    return [f"{case.task}: answers {', '.join(ids)} {problem}" for problem, ids in found.items()]


def _countdown(response: str, label: Any) -> Judged:
    facts = _fields(label)
    solution = _between(response, "<Solution>", "</Solution>")
    cleaned = {"search_procedure": response, "solution": solution}
    problem = ""
    if solution is not None:
        numbers = facts.get("nums")
        if isinstance(numbers, list | tuple) and "target" in facts:
            right, problem = check_solution(solution, numbers, facts["target"])
            if right:
                return Judged(cleaned, right=True, partial=1.0)
        else:
            problem = _label_without("nums and target")
    partial, other = _search_followed(response, facts.get("search_procedure"))
    return Judged(cleaned, right=False, partial=partial, found=solution is not None, problem=problem or other)


def _path(response: str, label: Any) -> Judged:
    route = _between(response, "<Route>", "</Route>")
    if route is None:
        return Judged(None, right=False, partial=0.0, found=False)
    if not isinstance(label, str):
        return Judged(route, right=False, partial=0.0, problem=_label_without("text"))
    right = label.strip()
    if route == right:
        return Judged(route, right=True, partial=1.0)
    lines = right.split("\n")
    pairs = list(zip(lines, route.split("\n"), strict=False))
    return Judged(route, right=False, partial=min(_same(pairs, str.__eq__) + 1, len(pairs)) / len(lines))


def _beliefs(response: str, label: Any) -> Judged:
    cleaned = response.strip()
    if not isinstance(label, str):
        return Judged(cleaned, right=False, partial=0.0, problem=_label_without("text"))
    right, found = _beliefs_of(label.strip()), _beliefs_of(cleaned)
    if right == found:
        return Judged(cleaned, right=True, partial=1.0)
    same = _same(zip(right, found, strict=False), str.__eq__)
    uneven = same == min(len(right), len(found))
    return Judged(cleaned, right=False, partial=same / len(right) if right else 0.0, problem=_UNEVEN if uneven else "")


def _travel(response: str, label: Any) -> Judged:
    facts, plan = _fields(label), _between(response, "<Plan>", "</Plan>")
    cleaned = {"original": response, "plan": plan}
    right, problem = (False, "") if plan is None else _is_trip(plan, facts)
    if right:
        return Judged(cleaned, right=True, partial=1.0)
    partial, other = _solving_followed(response, facts.get("solving_procedure"))
    return Judged(cleaned, right=False, partial=partial, found=plan is not None, problem=problem or other)


def _is_trip(plan: str, facts: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a plan begins with the stays of the label, and why the official code stops; more stays are fine."""
    cities, durations = (
        [part for part in str(facts.get(f"ground_truth_{name}") or "").split("**") if part]
        for name in ("cities", "durations")
    )
    try:
        days = [_day(part) for part in durations]
    except ValueError:
        return False, _label_without("durations in days")
    if not cities or len(days) < len(cities):
        return False, _label_without("cities and a duration for each")
    try:
        visited, stayed = stays(plan)
    except ValueError:
        return False, f"have a day of more than {_DIGITS} digits, which is not read; they count as not solved"
    n = len(cities)
    return (visited[:n], stayed[:n]) == (cities, days[:n]), ""


def _search_followed(response: str, procedure: Any) -> tuple[float, str]:
    """The part of the search that was followed, and why the official code stops."""
    first, *right = _section(str(procedure or ""), *_SEARCH).strip().split("\n")
    start, *found = _section(response, *_SEARCH).strip().split("\n")
    missing = "" if isinstance(procedure, str) and _SEARCH[0] in procedure else _label_without(_SEARCH[0])
    if start != first:
        return 0.0, missing
    if not right:
        return 0.0, missing or _label_without("steps")
    same = _same(zip(right, found, strict=False), _same_action)
    return _place(same, right), missing or _search_stop(same, right, found)


def _search_stop(same: int, right: Sequence[str], found: Sequence[str]) -> str:
    if same == min(len(right), len(found)):
        return _UNEVEN if len(right) != len(found) else ""
    return "" if _PICK in right[same] or _TRY in right[same] else _UNKNOWN


def _same_action(right: str, found: str) -> bool:
    """Whether lines are equal, or try the same numbers and both or neither give up there."""
    if right == found:
        return True
    if _PICK in right or _TRY not in right:
        return False
    return right.partition("=")[0] == found.partition("=")[0] and (_DROP in right) == (_DROP in found)


def _solving_followed(response: str, procedure: Any) -> tuple[float, str]:
    """The part of the lines that was written, maybe with more text in them, and why the official code stops."""
    missing = "" if isinstance(procedure, str) and _SOLVING in procedure else _label_without(_SOLVING)
    right, found = (_solving_lines(text) for text in (str(procedure or ""), response))
    if not right:
        return 0.0, missing
    same = _same(zip(right, found, strict=False), lambda line, other: _plain(line) in _plain(other))
    uneven = same == min(len(right), len(found)) and len(right) != len(found)
    return _place(same, right), missing or (_UNEVEN if uneven else "")


def _solving_lines(text: str) -> list[str]:
    text = _ANNOUNCEMENT.sub("", text)
    if _SOLVING in text:
        text = _SOLVING + _section(text, _SOLVING)
    return [line for line in text.split("\n") if line.strip()]


def _place(same: int, right: Sequence[str]) -> float:
    """The place of the first other step over the number of steps.

    Without another step the place is that of the last: the answer is known to be wrong, so it is never 1.
    """
    return min(same, len(right) - 1) / len(right)


def _same(pairs: Iterable[tuple[str, str]], same: Callable[[str, str], bool]) -> int:
    """How many pairs there are before the first that is not the same."""
    return sum(1 for _ in itertools.takewhile(lambda pair: same(*pair), pairs))


def _equation(line: str) -> tuple[tuple[int, int, int] | None, str]:
    """Operands and result of a true equation, or None; and why the official code stops, where it does."""
    left, _, right = line.partition("=")
    if line.count("=") != 1:
        return None, ""
    if len(line) > _EQUATION:
        return None, _TOO_LONG
    value, problem = _arithmetic(left)
    # the official code splits at the first kind of sign that is there, so -1 is an operand of a sum only
    sign = next((sign for sign in "+-*/" if sign in left), None)
    if value is None or sign is None or left.count(sign) != 1:
        return None, problem
    try:
        a, b, result = (int(part) for part in (*left.split(sign), right))
    except ValueError:
        return None, ""
    return ((a, b, result) if value == result else None), ""


def _arithmetic(text: str) -> tuple[_Number | None, str]:
    """The value of an expression of numbers; None for text that is none, with why the official code stops."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.lstrip(" \t"), mode="eval")
        return _value(tree.body), ""
    except (SyntaxError, ValueError):
        return None, ""
    except ArithmeticError as err:
        name = type(err).__name__
        return None, f"have an equation where the official code fails with {name}; they count as not solved"
    except (TypeError, MemoryError, RecursionError):
        return None, _PROGRAM


def _value(node: ast.expr) -> _Number:
    """The value of a parsed expression.

    Raises:
        TypeError: it is not made of numbers, or has a power too large to work out.
        ArithmeticError: a division by zero or the like.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
        return _SIGNS[type(node.op)](_value(node.operand))
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATIONS:
        raise TypeError("not arithmetic")
    a, b = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow) and isinstance(a, int) and isinstance(b, int) and a.bit_length() * b > _POWER:
        raise TypeError("too large")
    return _OPERATIONS[type(node.op)](a, b)


def _flight(line: str) -> tuple[int, str, str] | None:
    """Day and cities: the last pair of a line, and the last day before it."""
    cities = _last(_CITIES.finditer(line))
    day = _last(_DAY.finditer(line, 0, cities.start())) if cities else None
    return (_day(day[1]), cities[1], cities[2]) if cities and day else None


def _last(found: Iterable[re.Match[str]]) -> re.Match[str] | None:
    return next(iter(deque(found, maxlen=1)), None)


def _day(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError("too many digits")
    return int(text)


def _between(text: str, start: str, end: str) -> str | None:
    """What stands between the first start and the last end; None where there is no such pair."""
    # not a regular expression: its time grows with the square of a text that repeats the start
    first = text.find(start)
    if first < 0:
        return None
    first += len(start)
    last = text.rfind(end, first)
    return text[first:last].strip() if last >= 0 else None


def _section(text: str, start: str, end: str = "") -> str:
    """What stands after the first start, before the next start and before the end, as far as they are there."""
    _, found, rest = text.partition(start)
    if found:
        text = rest.partition(start)[0]
    return text.partition(end)[0] if end else text


def _beliefs_of(text: str) -> list[str]:
    """Beliefs of the list, those without a word left out."""
    beliefs = (_belief(line[1:]) for line in text.split("\n") if line.startswith("-"))
    return [belief for belief in beliefs if belief]


def _belief(line: str) -> str:
    return " ".join(_BELIEF_WORDS.sub(" ", line.lower().translate(_BELIEF_PUNCTUATION)).split())


def _plain(text: str) -> str:
    """Lower case without punctuation and articles."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _table(text: str) -> Table | str:
    """A table, or the official name of the error where it cannot be read.

    A last line that is no row is a remark; a row of another length in between is one of missing cells.
    """
    try:
        header, *lines = csv.reader(text.strip().split("\n"), delimiter="\t")
    except csv.Error:
        return "UnboundLocalError"
    if not lines:
        return "AttributeError"
    if len(lines[-1]) != len(header):
        lines.pop()
    if lines and len(set(header)) != len(header):
        return "AttributeError"
    missing = (_cell(_MISSING),) * len(header)
    rows = [tuple(map(_cell, line)) if len(line) == len(header) else missing for line in lines]
    return Table(len(header), rows)


def _cell(text: str) -> str:
    return _plain(text).replace(" ", "")


def _table_error(right: Table | str, found: Table | str) -> str:
    """Of two tables with an error the official code meets this one: first those of reading, then those of use."""
    errors = [table for table in (right, found) if isinstance(table, str)]
    if "UnboundLocalError" in errors:
        return "UnboundLocalError"
    return "ZeroDivisionError" if isinstance(found, Table) and not found.rows else "AttributeError"


def _share(rows: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> float:
    known = set(others)
    return mean(row in known for row in rows)


def _label_without(what: str) -> str:
    return f"have a label without {what}, where the official code fails; they are scored on what is there"


def _fields(label: Any) -> Mapping[str, Any]:
    return label if isinstance(label, Mapping) else {}

"""Families whose marks come from another model: parsing of judges' answers, and what is made of them.

Judges are not run here. Their answers come as `judge_rows`, found by `custom_ids`; an answer that is null or that was
never given is no reason to fail.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lontar.core.config import JsonObject
from lontar.scoring.official.case import Case, Row, Scored, family
from lontar.scoring.official.extract import LINE, extracted, mean, number

_CLASS = re.compile(r"<classification>\s*(\w+)\s*</classification>")
_FLAT_OBJECT = re.compile(r"\{[^{}]*\}")
_BOXED = re.compile(r"\\boxed\{", re.IGNORECASE)
_BRACE = re.compile(r"[{}\n]")

DEGREES = {"CLASS_UNMET": 0.0, "CLASS_SLIGHTLY_MET": 0.25, "CLASS_MODERATELY_MET": 0.5}
DEGREES |= {"CLASS_MAJORLY_MET": 0.75, "CLASS_EXACTLY_MET": 1.0}
MET = {"CLASS_UNMET": 0.0, "CLASS_MET": 1.0}
SEVERITIES = {"high": 10.0, "medium": 5.0, "low": 1.0, "generic": 1.0}
OTHER_SEVERITY = 1.0
GENERIC = "generic"
TURNS = 2
"""of an MT-Bench conversation; one without criteria counts 0"""
VERDICTS = {"A_wins": "[[A]]", "B_wins": "[[B]]", "Tie": "[[C]]"}
ORDERS = ("baseline-before", "baseline-after")
POINTS = {"WIN": 1.0, "TIE": 0.5}
UNKNOWN = "unknown"
"""category of a row that has none"""
ANYTHING = 2
"""at this level inside a box braces need not match"""
SHOWN = 3
"""so many ids are named that the official code cannot take apart"""


def _id(row: Row) -> str:
    return str(row["id"] if "id" in row else row.get("question_id", ""))


def _given(case: Case) -> list[tuple[str, str | None]]:
    """The judges' answers with their custom ids; a list of turns gives its first."""
    given = list[tuple[str, str | None]]()
    for row in case.judge_rows:
        name, text = row.get("custom_ids"), row.get("responses")
        name = name[0] if isinstance(name, list) and name else name
        text = text[0] if isinstance(text, list) and text else text
        given.append((str(name), text if isinstance(text, str) else None))
    return given


def _judged(given: Iterable[tuple[str, str | None]]) -> dict[str, list[tuple[str, str | None]]]:
    """What follows the row's id in a custom id, as (`criteria<i>`, answer), sorted as strings.

    The official code sorts this way too: criteria10 comes before criteria2.
    """
    grouped = dict[str, list[tuple[str, str | None]]]()
    for name, text in given:
        owner, found, index = name.rpartition("_criteria")
        if found:
            grouped.setdefault(owner, []).append((f"criteria{index}", text))
    return {owner: sorted(found, key=lambda item: item[0]) for owner, found in grouped.items()}


def _untaken(given: Iterable[tuple[str, str | None]], parts: int) -> list[str]:
    """Ids that do not have so many parts between underscores: the official code fails on the whole task."""
    odd = [name for name, _ in given if name.count("_") != parts - 1]
    more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
    named = ", ".join(f"{name:.80}" for name in odd[:SHOWN])
    return [f"custom ids are not of {parts} parts between underscores: {named}{more}"] if odd else []


def _uncategorized(case: Case) -> list[str]:
    rows = (row for row in case.rows if "category" not in (row.get("metadata") or {}))
    return [f"row {_id(row)}: no category" for row in rows]


def _category(row: Row, key: str = "category", default: str = "") -> str:
    return str((row.get("metadata") or {}).get(key, default))


def _by_category(pairs: Iterable[tuple[str, float]], scale: float = 1.0) -> dict[str, Any]:
    groups = dict[str, list[float]]()
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return {name: scale * mean(values) for name, values in groups.items()}


def _degree(text: str | None, *, last: bool) -> str | None:
    found = _CLASS.findall(text or "")
    return str(found[-1 if last else 0]) if found else None


def _reflection(text: str) -> str | None:
    # not a regular expression: its time grows with the square of a text that repeats the start
    _, opened, rest = text.partition("<reflection>")
    inside, closed, _ = rest.partition("</reflection>")
    return inside.strip() if opened and closed else None


def _unjudged(case: Case, judged: Iterable[str]) -> list[str]:
    known = set(judged)
    return [f"row {_id(row)}: no judgement, counted 0" for row in case.rows if _id(row) not in known]


@family("judge_criteria")
def criteria(case: Case) -> Scored:
    """Each criterion is met to one of five degrees; a row is the mean over its criteria.

    `average_criteria_score` is on 0-100, `categories` are on 0-1.
    """
    given = _given(case)
    judged = _judged(given)
    rows, values = list[JsonObject](), list[float]()
    for row in case.rows:
        texts = [text for _, text in judged.get(_id(row), [])]
        scores = [DEGREES.get(_degree(text, last=False) or "", 0.0) for text in texts]
        values.append(mean(scores))
        rows.append(
            {
                "scores": [*scores],
                "reflection": [_reflection(text or "") for text in texts],
                "final_scores": values[-1],
                "individual_scores": {"average_criteria_score": values[-1]},
            }
        )
    problems = _untaken(given, 2) + _unjudged(case, judged) + _uncategorized(case)
    return Scored(_criteria_metrics(case, values), rows, problems)


def _criteria_metrics(case: Case, values: Sequence[float], scale: float = 1.0) -> JsonObject:
    names = [_category(row) for row in case.rows]
    categories = _by_category(zip(names, values, strict=True), scale)
    return {"categories": categories, "average_criteria_score": 100 * mean(values)}


@family("judge_mtbench")
def mtbench(case: Case) -> Scored:
    """The mean of two turns, each the mean over its criteria; the last verdict of a judge counts."""
    given = _given(case)
    judged = _judged(given)
    rows, values = list[JsonObject](), list[float]()
    for row in case.rows:
        turns = [[text for _, text in judged.get(f"{_id(row)}_turn{turn}", [])] for turn in range(TURNS)]
        scores = [[DEGREES.get(_degree(text, last=True) or "", 0.0) for text in texts] for texts in turns]
        means = [mean(turn) for turn in scores]
        values.append(mean(means))
        rows.append(
            {
                "scores": [[*turn] for turn in scores],
                "turn_scores": [*means],
                "final_scores": values[-1],
                "individual_scores": {"average_criteria_score": values[-1]},
            }
        )
    owners = [name.rpartition("_turn")[0] for name in judged]
    problems = _untaken(given, 3) + _unjudged(case, owners) + _uncategorized(case)
    return Scored(_criteria_metrics(case, values), rows, problems)


@family("judge_lindsea")
def lindsea(case: Case) -> Scored:
    """The weighted share of criteria met, times that of generic criteria; `categories` are on 0-100.

    Judgements are paired with criteria in the order of their ids as strings, as the official code does: from eleven
    criteria on they are mixed up.
    """
    given = _given(case)
    judged, problems = _judged(given), _untaken(given, 2)
    rows, values = list[JsonObject](), list[float]()
    for row in case.rows:
        classes = [_degree(text, last=True) for _, text in judged.get(_id(row), [])]
        severities = [str(item.get("severity") or "").lower() for item in row.get("criteria") or ()]
        if len(classes) != len(severities):
            problems.append(
                f"row {_id(row)}: {len(classes)} judgements for {len(severities)} criteria, the rest is out"
            )
        if not all(severities):
            problems.append(f"row {_id(row)}: a criterion has no severity, counted as {OTHER_SEVERITY:g}")
        pairs = list(zip(severities, classes, strict=False))
        generic = _weighted(pair for pair in pairs if pair[0] == GENERIC)
        specific = _weighted(pair for pair in pairs if pair[0] != GENERIC)
        values.append(generic * specific)
        rows.append(
            {
                "classifications": [*classes],
                "generic_score": generic,
                "criteria_score": specific,
                "overall_score": values[-1],
                "individual_scores": {
                    "average_criteria_score": values[-1],
                    "generic_score": generic,
                    "criteria_score": specific,
                },
            }
        )
    return Scored(_criteria_metrics(case, values, 100), rows, problems + _uncategorized(case))


def _weighted(pairs: Iterable[tuple[str, str | None]]) -> float:
    """The weighted share of criteria met; 0 where there are none."""
    got = total = 0.0
    for severity, verdict in pairs:
        weight = SEVERITIES.get(severity, OTHER_SEVERITY)
        got, total = got + weight * MET.get(verdict or "", 0.0), total + weight
    return got / total if total else 0.0


@family("judge_pairwise")
def pairwise(case: Case) -> Scored:
    """Each turn against a baseline, judged in both orders; a turn that no order was judged of does not count.

    `win_rate` and `categories` are on 0-1, `weighted_win_rate` (the mean over categories) is on 0-100.
    """
    ties = bool(case.settings.get("ties_allowed", True))
    given = _given(case)
    answers, turns, problems = dict(given), _turns(given), _untaken(given, 3) + _uncategorized(case)
    problems += [f"{name}: judged {n} times, the last counts" for name, n in _repeated(given).items()]
    problems += [f"{name}: a judgement without a text, counted as an error" for name, text in given if text is None]
    labels = case.settings.get("judgement_labels") or {}
    if ties and labels and "Tie" not in labels:
        problems.append(f"judgement_labels have no Tie, {VERDICTS['Tie']} is taken")
    labels = {**VERDICTS, **labels}
    rows, pairs = list[JsonObject](), list[tuple[str, float]]()
    for row in case.rows:
        owner = _question(row)
        verdicts = dict[str, list[str]]()
        for order in ORDERS:
            names = [f"{owner}_{turn}_{order}" for turn in turns.get(owner, ())]
            problems += [f"{name}: no judgement, counted as an error" for name in names if name not in answers]
            verdicts[order] = [_verdict(answers.get(name), order, labels, ties=ties) for name in names]
        final = [_agreed(a, b, ties=ties) for a, b in zip(*(verdicts[order] for order in ORDERS), strict=True)]
        if len(final) < max(1, len(row.get("responses") or ())):
            problems.append(f"row {owner}: {len(final)} of its turns were judged, the others are left out")
        points = [POINTS.get(verdict, 0.0) for verdict in final]
        pairs += [(_category(row), value) for value in points]
        scored: JsonObject = {order: [*verdicts[order]] for order in ORDERS}
        scored |= {"final_judgement": [*final], "individual_scores": {"weighted_win_rate": [*points]}}
        rows.append(scored)
    categories = _by_category(pairs)
    metrics: JsonObject = {
        "categories": categories,
        "win_rate": mean(value for _, value in pairs),
        "weighted_win_rate": 100 * mean(categories.values()),
    }
    return Scored(metrics, rows, problems)


def _question(row: Row) -> str:
    """What pairwise judgements name the row by."""
    return str(row["question_id"]) if "question_id" in row else _id(row)


def _turns(given: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    """`turn<t>` of every question, as they come."""
    turns = dict[str, dict[str, None]]()
    for name, _ in given:
        rest, _, order = name.rpartition("_")
        owner, found, turn = rest.rpartition("_")
        if found and order in ORDERS:
            turns.setdefault(owner, {})[turn] = None
    return {owner: list(found) for owner, found in turns.items()}


def _repeated(given: Iterable[tuple[str, str | None]]) -> dict[str, int]:
    return {name: n for name, n in Counter(name for name, _ in given).items() if n > 1}


def _verdict(text: str | None, order: str, labels: Mapping[str, str], *, ties: bool) -> str:
    """WIN, LOSE or TIE for the model, ERROR where no label or more than one is there."""
    names = ("A_wins", "B_wins", "Tie") if ties else ("A_wins", "B_wins")
    found = [name for name in names if labels[name] in (text or "")]
    if len(found) != 1:
        return "ERROR"
    if found[0] == "Tie":
        return "TIE"
    # The model comes first, so is A, when the baseline comes after it.
    return "WIN" if (found[0] == "A_wins") == (order == "baseline-after") else "LOSE"


def _agreed(first: str, second: str, *, ties: bool) -> str:
    if first == second:
        return first
    return "TIE" if ties else "ERROR"


@family("judge_correct")
def correct(case: Case) -> Scored:
    """CORRECT against INCORRECT as whole words; `accuracy_score` is on 0-100 over rows that have a judgement."""
    return _binary(case, "CORRECT", "INCORRECT")


@family("judge_correct_boxed")
def correct_boxed(case: Case) -> Scored:
    r"""As `correct`, for answers in the last `\boxed{}`."""
    return _binary(case, "CORRECT", "INCORRECT", clean=True)


@family("judge_truefalse")
def truefalse(case: Case) -> Scored:
    r"""TRUE against FALSE, for answers in the last `\boxed{}`, with the accuracy by `metadata.type`."""
    return _binary(case, "TRUE", "FALSE", clean=True, category="type")


def _binary(case: Case, yes: str, no: str, *, clean: bool = False, category: str | None = None) -> Scored:
    texts, problems = _by_place(case)
    rows, scores = list[JsonObject](), list[float | None]()
    for text, response in zip(texts, case.responses(), strict=True):
        right = text is not None and _has_word(text, yes) and not _has_word(text, no)
        value = None if text is None else float(right)
        cleaned: JsonObject = {"cleaned_responses": boxed(response)} if clean else {}
        scores.append(value)
        rows.append(cleaned | {"score": value, "individual_scores": {"accuracy_score": value}})
    kept = [value for value in scores if value is not None]
    if case.rows and not kept:
        # The official mean over nothing is not a number, which no JSON report can hold.
        problems.append("no row has a judgement: accuracy_score is given as 0")
    metrics: JsonObject = {"accuracy_score": 100 * mean(kept)}
    if category:
        names = [_category(row, category, UNKNOWN) for row in case.rows]
        found = _by_category([(n, v) for n, v in zip(names, scores, strict=True) if v is not None], 100)
        metrics["categories"] = {name: found.get(name) for name in dict.fromkeys(names)}
        problems += [f"category {n}: no row has a judgement" for n in dict.fromkeys(names) if n not in found]
    return Scored(metrics, rows, problems)


def _by_place(case: Case) -> tuple[list[str | None], list[str]]:
    """The judgement of every row: the one in its place, as the official code does, whatever ids say.

    Where there are not as many as rows, ids decide: after a judgement that is missing, places would all be wrong.
    """
    given = _given(case)
    if len(given) == len(case.rows):
        return [text for _, text in given], []
    answers = dict(given)
    problems = [f"there are {len(given)} judgements for {len(case.rows)} rows, they are paired by their ids"]
    problems += [f"row {_id(row)}: no judgement, left out" for row in case.rows if _id(row) not in answers]
    return [answers.get(_id(row)) for row in case.rows], problems


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", text) is not None


def boxed(response: str) -> str:
    r"""What the last closed `\boxed{}` holds, stripped; the response as it is where there is none.

    One inside another does not count. From the third level of braces on, the official expression takes any text of the
    line, as much as it can, so two answers with deep braces come as one; that is kept.
    """
    braces = list(_BRACE.finditer(response))
    starts = [found.start() for found in braces]
    tried = [bytearray(len(braces) + 1) for _ in range(3)]
    last, after = response, 0
    while found := _BOXED.search(response, after):
        after = found.end()
        closed = _closed(braces, bisect_left(starts, after), tried)
        if closed is not None:
            last, after = response[after : starts[closed]].strip(), starts[closed] + 1
    return last


def _closed(braces: Sequence[re.Match[str]], first: int, tried: Sequence[bytearray]) -> int | None:
    """Index of the brace that closes a box, whose first brace inside has the index `first`; None if nothing does.

    Args:
        braces: all braces and line feeds.
        first: where to begin.
        tried: a mark for each level and index that was tried; what was tried before leads nowhere.
    """
    ways = [(0, first)]
    while ways:
        level, i = ways.pop()
        while i < len(braces) and not tried[level][i]:
            tried[level][i] = 1
            sign = braces[i].group()
            i += 1
            if level == ANYTHING:
                if sign == "\n":
                    break
                if sign == "}":
                    ways.append((ANYTHING - 1, i))  # to be taken only where going on fails
            elif sign == "{":
                level += 1
            elif sign == "}":
                level -= 1
                if level < 0:
                    return i - 1
    return None


@family("judge_healthbench")
def healthbench(case: Case) -> Scored:
    """Points of the criteria that are met over all points to be won, at least 0.

    Judgements are paired with criteria in the order of their ids as strings, as the official code does: from eleven
    criteria on they are mixed up. `average_criteria_score` and `categories` (by the first of `metadata.example_tags`)
    are on 0-100.
    """
    given = _given(case)
    judged, problems = _judged(given), _untaken(given, 2)
    rows, values, tagged = list[JsonObject](), list[float](), list[tuple[str, float]]()
    for row in case.rows:
        worth = [_points(item.get("points")) for item in row.get("criteria") or ()]
        told = ["points that are no number are counted as 0"] if None in worth else []
        scores, odd = _won([points or 0 for points in worth], judged.get(_id(row), []))
        possible = sum(points for points in worth if points and points > 0)
        told += [*odd, *([] if possible else ["no points to be won, counted 0"])]
        values.append(max(0.0, sum(scores)) / possible if possible else 0.0)
        tags = (row.get("metadata") or {}).get("example_tags")
        if tags:
            tagged.append((str(tags[0]), values[-1]))
        else:
            told.append("no example_tags, so in no category")
        problems += [f"row {_id(row)}: {text}" for text in told]
        rows.append(
            {
                "scores": [*scores],
                "final_scores": values[-1],
                "individual_scores": {"average_criteria_score": values[-1]},
            }
        )
    metrics: JsonObject = {"categories": _by_category(tagged, 100), "average_criteria_score": 100 * mean(values)}
    return Scored(metrics, rows, problems)


def _points(value: object) -> int | None:
    """A whole number, cut at the point; None where the official code fails."""
    try:
        found = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(found) if number(found) is not None else None


def _won(worth: Sequence[int], judged: Sequence[tuple[str, str | None]]) -> tuple[list[float], list[str]]:
    """Points won by each criterion, and what is odd; where judgements are too few or too many, ids pair them."""
    problems, texts = list[str](), [text for _, text in judged]
    if len(texts) != len(worth):
        problems.append(f"{len(texts)} judgements for {len(worth)} criteria, they are paired by their ids")
        known = dict(judged)
        texts = [known.get(f"criteria{i}") for i in range(len(worth))]
    scores = list[float]()
    for points, text in zip(worth, texts, strict=True):
        met, odd = _met(text)
        problems += [f"{odd}, counted as not met"] if odd else []
        scores.append(met * points)
    return scores, problems


def _met(text: str | None) -> tuple[float, str]:
    """How far the criterion is met, and what is odd about the judgement.

    The official code multiplies `criteria_met` by the points whatever it is, so a string there fails the whole task.
    """
    found = _FLAT_OBJECT.findall(text or "")
    value = (_loaded(found[-1]) if found else {}).get("criteria_met")
    met = number(value)
    return (0.0, f"criteria_met is {value!r:.40}") if met is None and value is not None else (met or 0.0, "")


def _loaded(text: str) -> dict[str, Any]:
    # Some judges give JSON as it would stand in a string; of the quotes, those of this key only are put right.
    for attempt in (text, text.replace(r"\"criteria_met\"", '"criteria_met"')):
        try:
            value = json.loads(attempt)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else {}
    return {}


@family("refclip")
def refclip(case: Case) -> Scored:
    """The harmonic mean of image-text and text-text scores given by a model; judge rows are in the order of the rows.

    `clipscore` and `refclipscore` are on 0-1, what is normalized and the rows' scores on 0-100.
    """
    rows, images, means, problems = list[JsonObject](), list[float](), list[float](), list[str]()
    for index, response in enumerate(case.responses()):
        score = case.judge_rows[index].get("score") if index < len(case.judge_rows) else None
        score = score if isinstance(score, Mapping) else {}
        image, text = (number(score.get(f"per_instance_{kind}")) for kind in ("image_text", "text_text"))
        if image is None or text is None:
            problems.append(f"row {_id(case.rows[index])}: no score, counted 0")
        image, text = image or 0.0, text or 0.0
        images.append(image)
        means.append(2 * image * text / (image + text) if image + text else 0.0)
        cleaned = extracted(response, case.answer_tag, LINE)
        rows.append({"cleaned_responses": cleaned, "individual_scores": {"refclipscore": 100 * means[-1]}})
    metrics: JsonObject = {"clipscore": mean(images), "refclipscore": mean(means)}
    metrics |= {"normalized_clipscore": 100 * mean(images), "normalized_refclipscore": 100 * mean(means)}
    metrics["null_count"] = sum(not row["cleaned_responses"] for row in rows)
    return Scored(metrics, rows, problems)

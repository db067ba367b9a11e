"""Scores from what judges write, and how far judges can be trusted.

A judgement that never came, or that cannot be read, is no zero: it says nothing of the answer. A row is scored over the
judgements that can be read if they are at least half; otherwise it has no value. Either way its reason says how many
are missing. Statistics begin with `(value, 1)`, or `(0, 0)` where there is no value, so that `judged_percent` can leave
such rows out where `mean` counts them as wrong.

Where the official marks are one-sided by accident, these are not: criteria are paired with judgements by their number,
a turn or a group of criteria that a row lacks does not count as failed, and the last verdict of a judge counts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from lontar.core.records import Message
from lontar.errors import ConfigError
from lontar.languages import Language
from lontar.scoring.means import divided
from lontar.scoring.official.extract import mean, number
from lontar.scoring.official.judges import DEGREES, GENERIC, MET, ORDERS, OTHER_SEVERITY, SEVERITIES, VERDICTS
from lontar.scoring.official.questions import Question
from lontar.scoring.registries import Matrix, aggregate, from_sums, scorer
from lontar.scoring.results import Judgement, Prediction, RowScore, Sample
from lontar.scoring.tagged import without_thinking
from lontar.text import ascii_digits

Parse: TypeAlias = Callable[[str], float | None]
Labels: TypeAlias = Mapping[str, float]

_NUMBERED = re.compile(r"(?:_turn([0-9]{1,6}))?_criteria([0-9]{1,6})\Z")
_ORDERED = re.compile(rf"_turn([0-9]{{1,6}})_({'|'.join(ORDERS)})\Z")

# --- reading what a judge wrote --------------------------------------------------------------------------------------

_NAMES = "classification|score|rating|verdict|label|answer|choice|grade|judgement|judgment|result"
_TAGGED = re.compile(rf"<\s*(?:{_NAMES})\s*>([^<]{{0,100}})", re.IGNORECASE)
_KEYED = re.compile(rf'"(?:{_NAMES})"\s*:\s*"?([^",}}\n]{{1,100}})', re.IGNORECASE)
_OF_TOTAL = re.compile(r"(?:/| out of )\s*[0-9]+\s*\Z", re.IGNORECASE)
_GAP = re.compile(r"[\s_-]+")
_NOT = re.compile(r"(?:\b(?:not|never|isn.t|is no)|n['’]t)\s+\Z", re.IGNORECASE)
_MARKUP = " \t\r\n\f\v`*_#<>~\"'“”‘’.,:;!()[]{}|\x00"
_LINE = 1000
"""characters at the end of a judge's text in which its verdict is looked for"""
_PREFIX = "class_"


def visible(text: str) -> str:
    """What a judge says after thinking; nothing where its thinking never ended."""
    return without_thinking(text) or ""


def parse_choice(text: str, labels: Labels) -> float | None:
    """Points of the label that a judge chose; None where it chose none, or more than one.

    Looked for in the last tag such as `<classification>`, then in the last field such as `"score":` of JSON, then in
    the last line. Case, spaces, markdown and digits of other scripts do not matter, nor does "/5" after a number.

    Args:
        text: of the judge.
        labels: points by label.
    """
    said = visible(text)
    names = _names(labels)
    for pattern in (_TAGGED, _KEYED):
        if found := _last(pattern, said):
            return _points(found, names)
    line = _last_line(said)
    whole = _points(line, names)
    if whole is None:
        whole = _points(line.rpartition(":")[2], names)
    return _sole(line, labels) if whole is None else whole


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    last = None
    for last in pattern.finditer(text):  # noqa: B007  a list of all could be as long as the text
        pass
    return last.group(1) if last else None


def _names(labels: Labels) -> dict[str, float]:
    """Points by plain label, and by what follows the common beginning of classes."""
    full = {_plain(label): float(points) for label, points in labels.items()}
    return {name.removeprefix(_PREFIX): points for name, points in full.items()} | full


def _plain(text: str) -> str:
    return _GAP.sub("_", ascii_digits(text).strip(_MARKUP).casefold())


def _points(text: str, names: Mapping[str, float]) -> float | None:
    plain = _plain(text)
    if plain in names or not plain:
        return names.get(plain)
    amount = _amount(_OF_TOTAL.sub("", ascii_digits(text).strip(_MARKUP)))
    return next((points for name, points in names.items() if amount is not None and _amount(name) == amount), None)


def _amount(text: str) -> float | None:
    try:
        return number(float(text))
    except ValueError:
        return None


def _last_line(text: str) -> str:
    tail = text[-_LINE:].splitlines()
    return next((line for line in reversed(tail) if line.strip(_MARKUP)), "")


def _sole(line: str, labels: Labels) -> float | None:
    """Points of the only label that stands in a line as a word of its own and is not denied."""
    line = _OF_TOTAL.sub("", ascii_digits(line).strip(_MARKUP))
    forms = {_plain(label): float(points) for label, points in labels.items()}
    words = [r"[\s_-]+".join(map(re.escape, name.split("_"))) for name in sorted(forms, key=len, reverse=True) if name]
    if not words:
        return None
    found = list(re.finditer(rf"(?<![\w.-])(?:{'|'.join(words)})(?!\w|\.\d|/)", line, re.IGNORECASE))
    if len({_plain(one.group()) for one in found}) != 1 or any(_NOT.search(line[: one.start()]) for one in found):
        return None
    return forms.get(_plain(found[0].group()))


_CORRECT = re.compile(r"\b(not\s{1,9}|in)?correct\b", re.IGNORECASE)


def _correctness(text: str) -> float | None:
    """1 for "correct", 0 for "incorrect"; where both are said, the last line decides if it says one."""
    said = visible(text)
    for part in (said, _last_line(said)):
        found = {float(not one.group(1)) for one in _CORRECT.finditer(part)}
        if len(found) == 1:
            return found.pop()
    return None


_MET = re.compile(r"criteria_met\W{0,12}?(true|false|yes|no|[01](?!\.\d))\b", re.IGNORECASE)


def _met(text: str) -> float | None:
    found = _last(_MET, visible(text))
    return None if found is None else float(found.lower() in ("true", "yes", "1"))


def _verdict(text: str, labels: Mapping[str, str], *, ties: bool) -> str | None:
    """Which of `A_wins`, `B_wins` and `Tie`; of several, the one that is the last line."""
    said = visible(text)
    patterns = {
        name: re.compile(r"\s*".join(map(re.escape, "".join(label.split()))), re.IGNORECASE)
        for name, label in labels.items()
        if (ties or name != "Tie") and label.strip()
    }
    found = [name for name, pattern in patterns.items() if pattern.search(said)]
    if len(found) > 1:
        line = _last_line(said).strip(" \t\r\n\f\v`*\"'.")
        found = [name for name in found if patterns[name].fullmatch(line)]
    return found[0] if len(found) == 1 else None


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a judge made of one criterion."""

    points: float | None
    answered: bool


def _mark(text: str | None, parse: Parse) -> _Mark:
    return _Mark(None if text is None else parse(text), text is not None)


def _read(marks: Iterable[_Mark]) -> list[float]:
    return [mark.points for mark in marks if mark.points is not None]


def _enough(marks: Sequence[_Mark]) -> bool:
    """Whether at least half can be read; of none, there is nothing to miss."""
    return 2 * len(_read(marks)) >= len(marks)


def _missing(marks: Sequence[_Mark], noun: str, what: str = "classification") -> str | None:
    silent = sum(not mark.answered for mark in marks)
    odd = sum(mark.answered and mark.points is None for mark in marks)
    if not silent + odd:
        return None
    parts = [f"{n} {how}" for n, how in ((silent, "not answered"), (odd, "unreadable")) if n]
    return f"judge gave no {what} for {silent + odd} of {len(marks)} {noun}: {', '.join(parts)}"


def _scored(value: float | None, reason: str | None) -> RowScore:
    return RowScore(value=value, statistics=(0.0, 0.0) if value is None else (value, 1.0), reason=reason)


def _nothing(noun: str = "criteria") -> RowScore:
    return _scored(None, f"no {noun} to judge the answer by")


def _criteria(sample: Sample) -> list[Mapping[str, Any]]:
    """The row's criteria; what is none is empty."""
    row = sample.facts.get("row")
    found = row.get("criteria") if isinstance(row, Mapping) else None
    listed = found if isinstance(found, list | tuple) else ()
    return [one if isinstance(one, Mapping) else {} for one in listed]


def _numbered(prediction: Prediction) -> dict[int, tuple[int, str | None]]:
    """Turn and text of each judgement by the number of its criterion; all judgements are of one row."""
    found = dict[int, tuple[int, str | None]]()
    for one in prediction.judgements:
        if match := _NUMBERED.search(one.id):
            found[int(match.group(2))] = int(match.group(1) or 0), one.text
    return dict(sorted(found.items()))


def _marks(sample: Sample, prediction: Prediction, parse: Parse) -> dict[int, _Mark]:
    """By number: of all criteria of the row, or of all judgements where the row lists no criteria."""
    given = _numbered(prediction)
    return {i: _mark(given.get(i, (0, None))[1], parse) for i in range(len(_criteria(sample))) or given}


def _by_label(labels: Labels) -> Parse:
    return lambda text: parse_choice(text, labels)


def _grouped(marks: Mapping[int, _Mark], group: Callable[[int], Hashable]) -> list[list[_Mark]]:
    found = dict[Hashable, list[_Mark]]()
    for i, mark in marks.items():
        found.setdefault(group(i), []).append(mark)
    return list(found.values())


@scorer("judged_criteria")
def judged_criteria(
    sample: Sample, prediction: Prediction, lang: Language, /, *, labels: Mapping[str, float] = DEGREES
) -> RowScore:
    """Mean degree to which the criteria are met, 0 to 1."""
    marks = list(_marks(sample, prediction, _by_label(labels)).values())
    if not marks:
        return _nothing()
    return _scored(mean(_read(marks)) if _enough(marks) else None, _missing(marks, "criteria"))


@scorer("judged_turns")
def judged_turns(
    sample: Sample, prediction: Prediction, lang: Language, /, *, labels: Mapping[str, float] = DEGREES
) -> RowScore:
    """Mean over turns of the mean degree to which a turn's criteria are met, 0 to 1; turns without criteria are out."""
    marks, given, criteria = _marks(sample, prediction, _by_label(labels)), _numbered(prediction), _criteria(sample)
    if not marks:
        return _nothing()

    def turn(i: int) -> Hashable:
        said = criteria[i].get("turn") if i < len(criteria) else None
        return said if isinstance(said, int) else given.get(i, (0, None))[0]

    turns = _grouped(marks, turn)
    value = mean(mean(_read(one)) for one in turns) if all(map(_enough, turns)) else None
    return _scored(value, _missing(list(marks.values()), "criteria"))


@scorer("judged_syntax")
def judged_syntax(
    sample: Sample, prediction: Prediction, lang: Language, /, *, labels: Mapping[str, float] = MET
) -> RowScore:
    """Weighted share of criteria met, times that of generic criteria, 0 to 1; a group that is empty is left out."""
    marks, criteria = _marks(sample, prediction, _by_label(labels)), _criteria(sample)
    if not criteria:
        return _nothing()
    severities = [str(one.get("severity") or "").lower() for one in criteria]
    groups = _grouped(marks, lambda i: severities[i] == GENERIC)
    value = None
    if all(map(_enough, groups)):
        generic = [i for i, severity in enumerate(severities) if severity == GENERIC]
        specific = [i for i, severity in enumerate(severities) if severity != GENERIC]
        value = math.prod(_share(marks, members, severities) for members in (generic, specific))
    return _scored(value, _missing(list(marks.values()), "criteria"))


def _share(marks: Mapping[int, _Mark], members: Sequence[int], severities: Sequence[str]) -> float:
    """The weighted share of what can be read; 1 where there are no members."""
    weighed = [(SEVERITIES.get(severities[i], OTHER_SEVERITY), marks[i].points) for i in members]
    read = [(weight, points) for weight, points in weighed if points is not None]
    total = sum(weight for weight, _ in read)
    return sum(weight * points for weight, points in read) / total if total else 1.0


@scorer("judged_pairwise")
def judged_pairwise(
    sample: Sample,
    prediction: Prediction,
    lang: Language,
    /,
    *,
    ties: bool = True,
    labels: Mapping[str, str] = VERDICTS,
) -> RowScore:
    """Share of turns won against a baseline, a tie being half, 0 to 1; each turn is judged in both orders.

    A turn counts where both orders can be read; if they disagree it is a tie. Statistics are the points, the turns,
    the turns on which the two orders agree, and the turns that were judged in both.
    """
    turns = dict[int, dict[str, str | None]]()
    for one in prediction.judgements:
        if match := _ORDERED.search(one.id):
            turns.setdefault(int(match.group(1)), {})[match.group(2)] = one.text
    for turn in range(1, len(prediction.texts) + 1):
        turns.setdefault(turn, {})
    if not turns:
        return _nothing("turns")
    pairs = [
        [_won(texts.get(order), order, labels, ties=ties) for order in ORDERS] for _, texts in sorted(turns.items())
    ]
    marks = [mark for pair in pairs for mark in pair]
    both = [(a.points, b.points) for a, b in pairs if a.points is not None and b.points is not None]
    agreed = [a == b for a, b in both]
    points = [a if a == b else 0.5 for a, b in both]
    judged = 2 * len(both) >= len(pairs)
    counts = (float(sum(points)), float(len(points))) if judged else (0.0, 0.0)
    return RowScore(
        value=mean(points) if judged else None,
        statistics=(*counts, float(sum(agreed)), float(len(agreed))),
        reason=_missing(marks, "comparisons", "verdict"),
    )


def _won(text: str | None, order: str, labels: Mapping[str, str], *, ties: bool) -> _Mark:
    # The model comes first, so is A, when the baseline comes after it.
    win, loss = ("A_wins", "B_wins") if order == "baseline-after" else ("B_wins", "A_wins")
    worth = {win: 1.0, loss: 0.0, "Tie": 0.5}
    return _mark(text, lambda said: worth.get(_verdict(said, labels, ties=ties) or ""))


@scorer("judged_correct")
def judged_correct(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """1 where the judge calls the answer correct, 0 where incorrect."""
    mark = _mark(prediction.judgements[-1].text if prediction.judgements else None, _correctness)
    return _scored(mark.points, _missing([mark], "answers", "verdict"))


@scorer("judged_points")
def judged_points(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """Points of the criteria met over all points to be won, at least 0; some criteria take points away."""
    marks = _marks(sample, prediction, _met)
    worth = [number(one.get("points")) or 0.0 for one in _criteria(sample)]
    if not worth:
        return _nothing()
    reason = _missing(list(marks.values()), "criteria")
    if not _enough(list(marks.values())):
        return _scored(None, reason)
    read = [(points, marks[i].points or 0.0) for i, points in enumerate(worth) if marks[i].points is not None]
    top = max((abs(points) for points, _ in read), default=0.0)
    # Shares of the largest, because sums of points near the largest number have no end.
    possible = sum(points / top for points, _ in read if points > 0) if top else 0.0
    if not possible:
        return _scored(None, reason or "no points to be won")
    got = sum(points / top * met for points, met in read)
    return _scored(min(1.0, max(0.0, got) / possible), reason)


# What a judge is mostly asked, where a task names no labels of its own.
YES_NO: dict[str, float] = {"yes": 1.0, "no": 0.0}


@scorer("judged_scale")
def judged_scale(
    sample: Sample, prediction: Prediction, lang: Language, /, *, labels: Mapping[str, float] = YES_NO
) -> RowScore:
    """Mean points of the labels that a judge chose, one judgement per criterion or one for the whole answer.

    Args:
        sample: what was asked.
        prediction: with judgements.
        lang: its language.
        labels: points by label, from 0 to 1 for the score to be a share.
    """
    marks = [_mark(one.text, _by_label(labels)) for one in _latest(prediction.judgements)]
    if not marks:
        return _scored(None, "judge gave no judgement")
    return _scored(mean(_read(marks)) if _enough(marks) else None, _missing(marks, "judgements"))


def _latest(judgements: Iterable[Judgement]) -> list[Judgement]:
    return list({one.id: one for one in judgements}.values())


@aggregate("judged_percent")
@from_sums()
def judged_percent(sums: Matrix, /) -> Matrix:
    """Mean of the rows that a judge could score, 0 to 100; of comparisons, the share of turns won."""
    return 100 * _quotient(sums, 0)


@aggregate("order_agreement")
@from_sums()
def order_agreement(sums: Matrix, /) -> Matrix:
    """Share of comparisons on which a judge says the same in both orders; a low one shows that it goes by position."""
    return _quotient(sums, 2)


def _quotient(sums: Matrix, first: int) -> Matrix:
    if sums.shape[-1] < first + 2:
        return np.full(sums.shape[:-1], np.nan)
    return divided(sums[..., first], sums[..., first + 1])


# --- questions of one's own tasks ------------------------------------------------------------------------------------

_SLOT = re.compile(r"\{(question|answer|reference|criterion)\}")


def own_questions(prompt: str, sample: Sample, answer: str, criteria: Sequence[str] = ()) -> list[Question]:
    """What to ask a judge about an answer to a sample: once per criterion, or once where there are none.

    Args:
        prompt: text with {answer} and, where wanted, {question}, {reference} and {criterion}; other braces stay.
        sample: what was asked; {question} is all that its user said, {reference} its references, one a line.
        answer: to be judged.
        criteria: what it should meet.

    Raises:
        ConfigError: the prompt does not show the answer, or does not show the criterion that there is.
    """
    slots = set(_SLOT.findall(prompt))
    for name in ("answer", *(("criterion",) if criteria else ())):
        if name not in slots:
            raise ConfigError(
                f"the judge's prompt has no {{{name}}}", hint=f"put {{{name}}} where the judge should see it"
            )
    fields = {"question": _asked(sample), "answer": answer, "reference": "\n".join(sample.references)}

    def ask(suffix: str, criterion: str) -> Question:
        values = {**fields, "criterion": criterion}
        text = _SLOT.sub(lambda found: values[found.group(1)], prompt)
        return Question(id=sample.id + suffix, messages=(Message(role="user", content=text),))

    return [ask(f"_criteria{i}", one) for i, one in enumerate(criteria)] or [ask("", "")]


def _asked(sample: Sample) -> str:
    said = list[str]()
    for turn in sample.turns:
        said += [turn] if isinstance(turn, str) else [m.content for m in turn if m.role == "user"]
    return "\n\n".join(dict.fromkeys(said))  # a later turn of a chat may hold the earlier ones again


# --- how far judges agree --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """How far two raters, such as a judge and a person, say the same."""

    n: int
    """items that both have rated"""
    same: float | None
    """share on which both say exactly the same; none: no item"""
    kappa: float | None
    """Cohen's: 1 all the same, 0 as by chance; none: both always say one and the same thing"""
    alpha: float | None
    """Krippendorff's over numbers, where being a little off weighs less than being far off"""


def agreement(first: Sequence[float | None], second: Sequence[float | None]) -> Agreement:
    """Compare two raters item by item; an item that one of them has not rated is left out.

    Args:
        first: points that one rater gave, such as a judge's.
        second: the other's, for the same items.

    Raises:
        ValueError: the two do not have the same number of items.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    same = mean(float(a == b) for a, b in pairs) if pairs else None
    return Agreement(len(pairs), same, cohen_kappa(pairs), krippendorff_alpha(pairs, distance="interval"))


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two raters beyond chance (Cohen 1960); None where chance alone makes them agree always."""
    if not pairs:
        return None
    n = len(pairs)
    seen = sum(a == b for a, b in pairs) / n
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(count * theirs[name] for name, count in ours.items()) / n**2
    return None if chance == 1 else (seen - chance) / (1 - chance)


def krippendorff_alpha(
    items: Sequence[Sequence[float | None]], *, distance: Literal["nominal", "interval"] = "nominal"
) -> float | None:
    """Agreement of any number of raters beyond chance (Krippendorff 2011); ratings may be missing.

    Args:
        items: the ratings of each item; None where a rater gave none.
        distance: between two ratings: same or not, or the square of their difference.

    Returns:
        1 for all the same, 0 for chance; None where nothing varies or no item has two ratings.
    """
    rated = [[x for x in ratings if x is not None] for ratings in items]
    rated = [ratings for ratings in rated if len(ratings) > 1]
    every = [x for ratings in rated for x in ratings]
    spread = _unequal if distance == "nominal" else _squared
    expected = spread(every) / (len(every) - 1) if every else 0.0
    if not expected:
        return None
    return 1 - sum(spread(ratings) / (len(ratings) - 1) for ratings in rated) / expected


def _unequal(values: Sequence[float]) -> float:
    """Ordered pairs of different values."""
    return float(len(values) ** 2 - sum(count**2 for count in Counter(values).values()))


def _squared(values: Sequence[float]) -> float:
    """Sum of squared differences over ordered pairs; through the mean, which loses no digits."""
    center = mean(values)
    return 2 * len(values) * sum((x - center) ** 2 for x in values)

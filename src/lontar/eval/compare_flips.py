"""Questions whose score is not the same on two sides: how many each way, and what was answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lontar.eval.compare_sides import Key, Question, Shared, Side, worth
from lontar.eval.rows import Row
from lontar.pages.clusters import cut_short, safe_cuts
from lontar.scoring import Sample

PROMPT, ANSWER = 300, 2000
# What would move a terminal's cursor or turn the direction of writing.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True)
class Flips:
    """Questions on which one side did better, means over runs compared."""

    for_first: int
    for_second: int

    @classmethod
    def of(cls, both: Shared, better: str) -> Flips:
        """Count them."""
        up = sum(_mean(question, 1) > _mean(question, 0) for question in both.questions)
        down = sum(_mean(question, 1) < _mean(question, 0) for question in both.questions)
        return cls(down, up) if better == "higher" else cls(up, down)


def _mean(question: Question, side: int) -> float:
    values = question.values(side)
    return sum(values) / len(values)


@dataclass(frozen=True)
class Flip:
    """One answer of each side to the same question in the same run, of different worth; long texts are cut."""

    task: str
    lang: str
    id: str
    run: int
    first: str
    second: str
    prompt: str
    """the end of it"""
    reference: str
    answers: tuple[str, str]
    scores: tuple[float | None, float | None]
    reasons: tuple[str | None, str | None]
    """why there is no answer, or what the scorer says of it"""


def flips(key: Key, first: Side, second: Side, both: Shared) -> Iterator[Flip]:
    """Answers of different worth, the widest apart first; likelihoods of a text alone are no answers."""
    found = [
        (abs(worth(b) - worth(a)), question.id, a, b)
        for question in both.questions
        for a, b in _by_run(question)
        if worth(a) != worth(b) and (_answered(a) or _answered(b))
    ]
    for _, id_, a, b in sorted(found, key=lambda item: (-item[0], item[1], item[2].run)):
        yield Flip(
            *key,
            id=id_,
            run=a.run,
            first=first.name,
            second=second.name,
            prompt=tail(_asked(a.sample), PROMPT),
            reference=_cut(_reference(a.sample)),
            answers=(_cut(_text(a)), _cut(_text(b))),
            scores=(_value(a), _value(b)),
            reasons=(_reason(a), _reason(b)),
        )


def _by_run(question: Question) -> Iterator[tuple[Row, Row]]:
    theirs = {row.run: row for row in question.rows[1]}
    yield from ((row, theirs[row.run]) for row in question.rows[0] if row.run in theirs)


def _answered(row: Row) -> bool:
    return row.prediction is not None and bool(row.prediction.texts or row.sample.choices)


def _asked(sample: Sample) -> str:
    turn = sample.turns[-1] if sample.turns else ""
    return turn if isinstance(turn, str) else str(turn[-1].content) if turn else ""


def _reference(sample: Sample) -> str:
    right = sample.facts.get("answer")
    if sample.choices and isinstance(right, int) and 0 <= right < len(sample.choices):
        return sample.choices[right]
    return sample.references[0] if sample.references else ""


def _text(row: Row) -> str:
    """The answer that was extracted, the likeliest choice, or else what was written."""
    prediction = row.prediction
    if prediction is None:
        return ""
    if prediction.answer is not None:
        return prediction.answer
    if row.sample.choices and len(prediction.likelihoods) == len(row.sample.choices):
        likely = [found.logprob for found in prediction.likelihoods]
        return row.sample.choices[likely.index(max(likely))]
    return prediction.texts[-1] if prediction.texts else ""


def _value(row: Row) -> float | None:
    return None if row.score is None else row.score.value


def _reason(row: Row) -> str | None:
    said = (row.score and row.score.reason, row.prediction and row.prediction.reason)
    return next((text for text in said if text), None)


def _cut(text: str, limit: int = ANSWER) -> str:
    # Only the part that may stay is looked at letter by letter.
    return cut_short(text[: 2 * limit], limit) if len(text) > limit else text


def tail(text: str, limit: int) -> str:
    """The last `limit` characters or a few more, from between two letters; … stands for the rest."""
    if len(text) <= limit:
        return text
    piece = text[-limit - 16 :]
    start = max((cut for cut in safe_cuts(piece) if cut <= 16), default=16)
    return "…" + piece[start:]


def one_line(text: str, limit: int) -> str:
    """For a cell of a table: on one line, cut, without what would drive a terminal."""
    return _cut(_CONTROL.sub(" ", text[: 4 * limit]).strip(), limit)

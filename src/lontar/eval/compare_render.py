"""A comparison as tables of at most 100 columns, notes in plain words, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, median
from string import ascii_uppercase
from typing import cast

from lontar.core.command import Report, Table
from lontar.core.config import JsonObject
from lontar.eval.compare import Compared, Comparison, Figure
from lontar.eval.compare_flips import Flip, one_line
from lontar.eval.compare_ranks import Duel, Standing
from lontar.pages.numbers import MINUS, MOST_DECIMALS, count, decimals, number, probability
from lontar.scoring.ranking import Spread
from lontar.scoring.statistics import MIN_GROUPS

# Characters of an answer in a cell.
_CELL = 24
# From this share on it is worth saying that more runs would help.
_MUCH = 0.3


def report(found: Compared, confidence: float, limit: int, flips: Path | None = None) -> Report:
    """Everything for people and for programs."""
    letters = _letters(found.names)
    tables = [_differences(found, name, letters) for name in found.names[1:]]
    tables += [_ranks(found, one) for one in (*found.standings, *found.overall) if _tells(one)]
    tables += [table for table in (_costs(found), _characters(found, letters)) if table.rows]
    shown = found.flips[:limit]
    if shown:
        tables.append(_flips(shown, len(found.flips), letters))
    notes = [*_notes(found, confidence)]
    if flips is not None:
        notes.append(f"{count(len(found.flips))} answers with different scores are in {flips}")
    return Report(to_json(found, confidence), tables, notes)


def to_json(found: Compared, confidence: float) -> JsonObject:
    """As `--json` prints it."""
    value = cast(JsonObject, asdict(found))
    value["flips"] = [flip_json(flip) for flip in found.flips]
    return {"confidence": confidence, **value}


def flip_json(flip: Flip) -> JsonObject:
    """A line of the file of flips."""
    return cast(JsonObject, asdict(flip))


def _letters(names: Sequence[str]) -> dict[str, str]:
    """A, B, C for columns, since names of folders are long."""
    return {name: ascii_uppercase[i] if i < len(ascii_uppercase) else f"#{i + 1}" for i, name in enumerate(names)}


# --- tables


def _differences(found: Compared, name: str, letters: dict[str, str]) -> Table:
    first = found.names[0]
    a, b = letters[first], letters[name]
    columns = ("task", "n", a, b, f"{b} {MINUS} {a}", "p", "better", f"only {a}/{b}")
    rows = [_difference(row, letters) for row in found.rows if row.second == name]
    return Table(f"{a} = {first}, {b} = {name}", columns, rows)


def _difference(row: Comparison, letters: dict[str, str]) -> tuple[object, ...]:
    better = {
        "first better": letters[row.first],
        "second better": letters[row.second],
        "no difference shown": "none shown",
        None: "too few",
    }
    figures = map(_value, row.figures)
    ways = f"{row.flips.for_first}/{row.flips.for_second}"
    p = probability(row.corrected)
    return row.label, row.n, *figures, _spread(row.difference), p, better[row.verdict], ways


def _value(found: Spread | Figure) -> str:
    return number(found.value, places=_places(found))


def _spread(found: Spread) -> str:
    """`+1.2 (−0.8 to +3.1)`."""
    ends = _ends(found, signed=True)
    return number(found.value, signed=True, places=_places(found)) + (f" ({ends})" if ends else "")


def _ends(found: Spread, *, signed: bool = False) -> str:
    ends = [end for end in (found.low, found.high) if end is not None]
    return " to ".join(number(end, signed=signed, places=_places(found)) for end in ends)


def _places(found: Spread | Figure) -> int:
    """One decimal more than the interval supports: an end near 0 must not look like 0."""
    places = 0 if found.value is None else decimals(found.value, found.low, found.high)
    return places if found.low is None else min(MOST_DECIMALS, places + 1)


def _tells(one: Standing) -> bool:
    """A mean of one thing, for two models, is a row of the table of differences."""
    return len(one.names) > 2 or len(one.over) > 1


def _ranks(found: Compared, one: Standing) -> Table:
    what = "tasks" if one in found.overall else "languages"
    mean = f"mean over {len(one.over)} {what}" if len(one.over) > 1 else one.over[0]
    order = sorted(zip(one.ranks, one.names, one.figures, strict=True), key=lambda item: item[:2])
    rows = [(_range(rank), name, _value(f), _ends(f)) for rank, name, f in order]
    title = f"{one.name or 'all tasks'}: {mean}, {one.better} is better"
    return Table(title, ("rank", "model", one.unit or "score", "interval"), rows)


def _range(rank: tuple[int, int]) -> str:
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}-{rank[1]}"


def _costs(found: Compared) -> Table:
    names = ("tokens_in", "tokens_out", "tokens_thinking", "seconds")
    rows = []
    for name in found.names:
        cells = [_mean([getattr(figure.cost, each) for figure in _figures(found, name)]) for each in names]
        if any(cell is not None for cell in cells):
            rows.append((name, *(number(cell) for cell in cells)))
    return Table("per answer, mean over rows", ("model", "tokens in", "out", "of it thinking", "seconds"), rows)


def _figures(found: Compared, name: str) -> Iterator[Figure]:
    for row in found.rows:
        if name == row.second:
            yield row.figures[1]
        elif name == row.first and row.second == found.names[1]:
            yield row.figures[0]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _characters(found: Compared, letters: dict[str, str]) -> Table:
    langs = sorted({row.lang for row in found.rows})
    rows = []
    for lang in langs:
        only = [row for row in found.rows if row.lang == lang]
        part = Compared(found.names, tuple(only), (), (), (), (), found.resamples)
        cells = [_mean([f.cost.chars_per_token for f in _figures(part, name)]) for name in found.names]
        if any(cell is not None for cell in cells):
            rows.append((lang, *(number(cell) for cell in cells)))
    return Table("characters per token", ("language", *(letters[name] for name in found.names)), rows)


def _flips(shown: Sequence[Flip], n: int, letters: dict[str, str]) -> Table:
    rows = [
        (
            f"{flip.task}.{flip.lang}",
            one_line(flip.id, _CELL),
            one_line(flip.reference, _CELL),
            *(one_line(answer, _CELL) for answer in flip.answers),
            " ".join(
                f"{letters[name]} {number(s)}" for name, s in zip((flip.first, flip.second), flip.scores, strict=True)
            ),
        )
        for flip in shown
    ]
    title = f"different scores: {len(shown)} of {count(n)} answers"
    return Table(title, ("task", "question", "reference", "first", "second", "scores"), rows)


# --- notes


def _notes(found: Compared, confidence: float) -> Iterator[str]:
    yield from found.notes
    for row in found.rows:
        who = f"{row.label}, {row.first} and {row.second}" if len(found.names) > 2 else row.label
        yield from (f"{who}: {text}" for text in (*_said(row), *_left_out(row)))
    if len(found.names) == 2:  # of more the ranks tell
        for one in filter(_tells, (*found.standings, *found.overall)):
            yield f"{one.name or 'all tasks'}, mean: {_duel(one, one.duels[0])}"
    for name in found.names:
        yield from _runs(name, [figure.share_of_runs for figure in _figures(found, name)])
    tests = sum(row.corrected is not None for row in found.rows)
    yield (
        f"p is corrected for {tests} {'row' if tests == 1 else 'rows'} (Holm); {confidence:.0%} intervals from "
        f"{count(found.resamples)} resamples of whole groups of questions"
    )


def _said(row: Comparison) -> Iterator[str]:
    """What the table cannot say of a difference that is not shown."""
    shown = _spread(row.difference)
    if row.verdict is None:
        yield f"{shown}; too few independent questions to tell: {row.groups} of at least {MIN_GROUPS}"
    elif row.difference.value == 0:
        yield f"no difference shown: {shown}, no difference to separate"
    elif row.verdict == "no difference shown":
        more = "" if row.needed is None else f"; about {_round(row.needed - row.n)} more questions would separate them"
        yield f"no difference shown {shown}{more}"


def _round(n: int) -> str:
    """Two digits: the difference itself is known no better."""
    unit = 10 ** max(0, len(str(n)) - 2)
    return count(round(n / unit) * unit)


def _left_out(row: Comparison) -> Iterator[str]:
    left = row.left_out
    if left.missing:
        yield f"not asked on both sides: {count(left.missing)}"
    if left.differently:
        yield f"asked differently: {count(left.differently)}"
    if left.failed:
        yield f"failed on one side or both: {count(left.failed)}"


def _runs(name: str, shares: Sequence[float | None]) -> Iterator[str]:
    known = [share for share in shares if share is not None]
    if known:
        middle = median(known)
        yield (
            f"{name}: {middle:.0%} of the uncertainty of its scores (median of rows) comes from runs, the rest from "
            f"the choice of questions; more runs would {'help' if middle >= _MUCH else 'hardly help'}"
        )


def _duel(one: Standing, duel: Duel) -> str:
    first, second, shown = one.names[duel.first], one.names[duel.second], _spread(duel.difference)
    if duel.winner is None:
        return f"no difference shown between {first} and {second}: {shown}"
    return f"{one.names[duel.winner]} is better than {first if duel.winner == duel.second else second}: {shown}"

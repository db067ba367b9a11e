"""An evaluation as a table: model and baseline side by side, with intervals. The command line prints it."""

from __future__ import annotations

from typing import Any

from lontar.core.artifact import Evaluation
from lontar.eval.gates import scores_of

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def score_rows(evaluation: Evaluation) -> Table:
    """Columns and rows, sorted by task and language; ↓ marks units of which less is better.

    There are columns for the baseline only where there is one.
    """
    rows = sorted(scores_of(evaluation)["rows"], key=lambda row: (row["task"], row["lang"]))
    compared = any(row["baseline"] is not None for row in rows)
    columns = ["task", "language", "unit", "n", "chance"]
    columns += ["baseline", "model", "difference", "p"] if compared else ["model"]
    return (*columns, "shown"), [_cells(row, compared) for row in rows]


def _cells(row: dict[str, Any], compared: bool) -> tuple[str, ...]:
    unit = row["unit"] + (" ↓" if row["better"] == "lower" else "")
    first = (row["task"], row["lang"], unit.strip(), str(row["n"]), _number(row["chance"]))
    if not compared:
        return (*first, _figure(row), _notes(row))
    difference = row["difference"]
    p = _number(None if difference is None else difference["p"])
    second = (_figure(row["baseline"]), _figure(row), _figure(difference, signed=True), p)
    return (*first, *second, ", ".join(text for text in (row["verdict"], _notes(row)) if text))


def _figure(figures: dict[str, Any] | None, *, signed: bool = False) -> str:
    if figures is None or figures["value"] is None:
        return "–"
    value, low, high = (_number(figures[name], signed) for name in ("value", "low", "high"))
    return value if figures["low"] is None else f"{value} [{low}, {high}]"


def _notes(row: dict[str, Any]) -> str:
    """What is not above chance, rows without an answer and failed requests, of both models."""
    notes = ["not above chance"] if row.get("above_chance") is False else []
    for name, figures in (("", row), ("baseline ", row["baseline"])):
        for what in ("nulls", "failed"):
            if figures is not None and figures[what]:
                notes.append(f"{name}{what} {figures[what]}")
        if figures is not None and figures["bounds"]:
            ends = figures["bounds"]
            notes.append(f"{name}between {_number(ends['low'])} and {_number(ends['high'])}")
    return ", ".join(notes)


def _number(value: float | None, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.3f}" if signed else f"{value:.3f}"

"""What templates draw with: rows of figures as row plots, series as small multiples. All of it is SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lontar.pages.numbers import DASH, number
from lontar.report import plots
from lontar.report.plots import Axis, Line, Mark

SHARE = Axis((0.0, 0.25, 0.5, 0.75, 1.0))
_STYLES = {"better": "better", "worse": "worse", "not decided": "open", None: "after"}


def score_axis(task: Mapping[str, Any]) -> Axis:
    """The axis of a task's row plot: 0 to 1 for shares, else from 0 over all that is drawn."""
    ends = [figure[name] for row in task["rows"] for figure in _figures(row) for name in ("value", "low", "high")]
    values = [float(value) for value in ends if value is not None]
    if task["unit"] == "share" and all(0 <= value <= 1 for value in values):
        return SHARE
    return plots.axis(values, zero=True)


def _figures(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [figure for figure in (row.get("before"), row["after"]) if figure and figure["value"] is not None]


def score_row(scale: Axis, row: Mapping[str, Any], chance: float | None = None) -> str:
    """Before in gray above, after in the color of the verdict below."""
    marks = []
    if row.get("before") and row["before"]["value"] is not None:
        marks.append(_mark(row["before"], "before"))
    if row["after"]["value"] is not None:
        marks.append(_mark(row["after"], _STYLES.get(row.get("verdict"), "after")))
    return plots.row(scale, marks, reference=chance)


def _mark(figure: Mapping[str, Any], style: str) -> Mark:
    return Mark(figure["value"], figure.get("low"), figure.get("high"), style)


def difference_axis(rows: Sequence[Mapping[str, Any]]) -> Axis:
    """An axis over differences and their intervals, with 0 on it."""
    figures = [row["difference"] for row in rows if row.get("difference")]
    ends = [figure[name] for figure in figures for name in ("value", "low", "high")]
    return plots.axis([float(value) for value in ends if value is not None], zero=True)


def difference_row(scale: Axis, row: Mapping[str, Any]) -> str:
    """A difference with its interval and the zero line."""
    figure = row.get("difference")
    marks = [_mark(figure, _STYLES.get(row.get("verdict"), "open"))] if figure and figure["value"] is not None else []
    return plots.row(scale, marks, reference=0.0)


def length_axis(rows: Sequence[Mapping[str, Any]]) -> Axis:
    """Tokens per sentence, from 0."""
    return plots.axis([v for row in rows for v in (row["before"], row["after"]) if v is not None], zero=True)


def length_row(scale: Axis, row: Mapping[str, Any]) -> str:
    """Tokens per sentence before and after."""
    found = [(row["before"], "before"), (row["after"], "after")]
    return plots.row(scale, [Mark(value, style=style) for value, style in found if value is not None])


def learning_axes(rows: Sequence[Mapping[str, Any]], steps: float | None) -> tuple[Axis, Axis]:
    """Axes that all small multiples of one model share."""
    values = [y for row in rows for _, y in row["series"]]
    last = max([x for row in rows for x, _ in row["series"]] + [steps or 1])
    return Axis((0.0, float(last))), plots.axis(values, zero=True, steps=3)


def learning_chart(row: Mapping[str, Any], axes: tuple[Axis, Axis], name: str) -> str:
    """Bits per byte of one language over the steps."""
    points = row["series"]
    first, last = number(points[0][1]), number(points[-1][1])
    finding = f"{name}: {first} bits per byte at step {points[0][0]:g}, {last} at step {points[-1][0]:g}"
    return plots.line_chart([Line(points, "c3")], *axes, finding, margin=16)


def loss_chart(points: Sequence[tuple[float, float]], step: str) -> str:
    """Training loss over the steps, raw."""
    across, up = Axis((0.0, max(x for x, _ in points))), plots.axis([y for _, y in points], zero=True)
    finding = f"{step}: loss {number(points[0][1])} at the first step recorded, {number(points[-1][1])} at the last"
    return plots.line_chart([Line(points, "c5")], across, up, finding)


def moved(before: float | None, after: float | None) -> str:
    """Relative change in words, without an interval."""
    return number(after / before - 1, signed=True, percent=True, places=0) if before and after is not None else DASH

"""An evaluation as a table: model and baseline side by side, with intervals. The command line prints it."""

from __future__ import annotations

import json
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.eval.gates import scores_of
from lontar.eval.rows import MODEL, part_name, seconds_file

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
    """What is not above chance, official figures that differ, rows without an answer and failed requests."""
    notes = ["not above chance"] if row.get("above_chance") is False else []
    if official := _official(row):
        notes.append(official)
    for name, figures in (("", row), ("baseline ", row["baseline"])):
        for what in ("nulls", "failed"):
            if figures is not None and figures[what]:
                notes.append(f"{name}{what} {figures[what]}{_mostly(figures) if what == 'nulls' else ''}")
        if figures is not None and figures["bounds"]:
            ends = figures["bounds"]
            notes.append(f"{name}between {_number(ends['low'])} and {_number(ends['high'])}")
    return ", ".join(notes)


# Characters of a reason that fit into the table.
REASON = 44


def _mostly(figures: dict[str, Any]) -> str:
    """The most frequent reason why there was no answer."""
    reasons = figures.get("reasons") or {}
    if not reasons:
        return ""
    reason = max(reasons, key=lambda one: reasons[one]).partition(" (")[0]
    return f" ({reason if len(reason) <= REASON else reason[: REASON - 1] + '…'})"


# Points of 100 from which an official figure is shown beside ours.
DIFFERS = 0.05


def _official(row: dict[str, Any]) -> str:
    """The figure of the official code, where it is another or could not be computed."""
    found = row.get("compat")
    if not isinstance(found, dict):
        return ""
    value, ours, failed = found.get("value"), row["value"], row["failed"]
    if value is None:
        return f"official: none ({(found.get('problems') or ['no figure'])[0]})"
    # The official code has MetricX for translations; what stands in its place must not pass for it.
    name = "official code's chrF++" if found.get("metric") == "normalized_chrf_score" else "official"
    if ours == value and name != "official":
        return "chrF++ in place of MetricX"
    if ours is not None and abs(value - ours) < DIFFERS and not failed:
        return ""
    return f"{name} {_number(value)}" + (" with failed ones as wrong" if failed else "")


def cost_rows(evaluation: Evaluation) -> Table:
    """What answers took, by language: tokens and seconds per answer, characters per token."""
    rows: dict[str, list[dict[str, Any]]] = {}
    path = evaluation.path / seconds_file(MODEL)
    taken = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for row in scores_of(evaluation)["rows"]:
        # A server's answers are timed one by one, a local model's by task and language.
        seconds = row.get("seconds") or taken.get(part_name(row["task"], row["lang"]))
        rows.setdefault(row["lang"], []).append({**row, "seconds": seconds})
    columns = ("language", "answers", "tokens in", "tokens out", "of it thinking", "seconds", "characters per token")
    return columns, [_cost(lang, listed) for lang, listed in sorted(rows.items())]


def _cost(lang: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    n = sum(row["n"] for row in rows)
    each = [
        sum(row.get(name) or 0 for row in rows) for name in ("tokens_in", "tokens_out", "tokens_thinking", "seconds")
    ]
    told = [(row["chars_per_token"], row["tokens_out"]) for row in rows if row.get("chars_per_token")]
    weight = sum(tokens for _, tokens in told)
    chars = f"{sum(rate * tokens for rate, tokens in told) / weight:.2f}" if weight else "–"
    shown = [f"{total / n:.1f}" if n and total else "–" for total in each[:-1]]
    shown.append(f"{each[-1] / n:.3g}" if n and each[-1] else "–")
    return (lang, str(n), *shown, chars)


def _number(value: float | None, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.3f}" if signed else f"{value:.3f}"

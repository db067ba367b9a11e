"""Tokens before and after: one table, and the same sentence token by token in several scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lontar.core.artifact import Tokenizer
from lontar.report import tokens
from lontar.report.changes import change
from lontar.report.clusters import Box, piece_label
from lontar.report.config import ReportConfig
from lontar.report.reading import Run, Step, number_of
from lontar.scoring import Sure

# Boxes whose tokens are spelled out below a sentence: enough to see how a letter is torn, not a table of bytes.
SPELLED_OUT = 3


def build(run: Run, config: ReportConfig, sure: Sure) -> dict[str, Any] | None:
    """The last tokenizer that was extended in the run; None when there is none."""
    extended = [step for step in run.of_kind(Tokenizer) if number_of(step.json("report.json"), "added") is not None]
    if not extended:
        return None
    step = extended[-1]
    report, base = step.json("report.json"), run.parent(step, "base")
    codes = run.ordered(report.get("languages", {}))
    made: dict[str, Any] = {
        "step": step.name,
        "base": base.name if base else "its base",
        "added": number_of(report, "added"),
        "asked": number_of(report, "asked"),
        "notes": [str(note) for note in report.get("notes", [])],
    }
    return made | (_measured(step, base, codes, config, sure) if base else _stored(report, codes))


def _stored(report: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    """What the extension itself counted, where the base is not among the artifacts: no intervals, no boxes."""
    rows = []
    for code in codes:
        before, after = (
            number_of(report, "languages", code, when, "tokens_per_sentence") for when in ("before", "after")
        )
        rows.append({"lang": code, "before": before, "after": after, "change": _ratio(before, after), "n": None})
    return {"rows": rows, "sentences": [], "gloss": "", "on": "training sentences", "overall": None, "others": None}


def _ratio(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None


def _measured(step: Step, base: Step, codes: list[str], config: ReportConfig, sure: Sure) -> dict[str, Any]:
    before, after = tokens.Encoder(base.artifact.path), tokens.Encoder(step.artifact.path)
    found = tokens.measure(before, after, codes)
    rows = []
    for code, measured in found.items():
        n = len(measured.before)
        alone = change({code: measured.rows}, sure)
        rows.append(
            {
                "lang": code,
                "before": sum(measured.before.values()) / n,
                "after": sum(measured.after.values()) / n,
                "change": alone.value if alone else None,
                "low": alone.low if alone else None,
                "high": alone.high if alone else None,
                "n": n,
            }
        )
    pairs = {code: measured.rows for code, measured in found.items() if code not in config.kept}
    overall = change(pairs, sure)
    shown = [code for code in codes if code not in config.kept][: config.boxes]
    return {
        "rows": rows,
        "overall": asdict(overall) if overall else None,
        "sentences": (drawn := _sentences(before, after, shown)),
        "gloss": tokens.sentences("en").get(drawn[0]["id"], "") if drawn else "",
        "on": "sentences that no stage has seen",
    }


def _sentences(before: tokens.Encoder, after: tokens.Encoder, codes: list[str]) -> list[dict[str, Any]]:
    """One sentence per language, the same one where the languages share it."""
    id_ = tokens.common_sentence(codes)
    found = []
    for code in codes:
        texts = tokens.sentences(code)
        chosen = id_ if id_ in texts else next(iter(texts), None)
        if chosen is None:
            continue
        text = tokens.normalized(code, texts[chosen])
        made = {"before": _drawn(before.boxes(text)), "after": _drawn(after.boxes(text))}
        if made["before"]["boxes"] and made["after"]["boxes"]:
            found.append({"lang": code, "id": chosen, "text": text, **made})
    return found


def _drawn(listed: list[Box]) -> dict[str, Any]:
    torn = [box for box in listed if len(box.pieces) > 1]
    return {
        "n": sum(len(box.pieces) for box in listed),
        "boxes": [[box.text, len(box.pieces)] for box in listed],
        "torn": [{"text": box.text, "pieces": [piece_label(p) for p in box.pieces]} for box in torn[:SPELLED_OUT]],
    }

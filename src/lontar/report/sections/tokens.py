"""Tokens before and after: one table, and the same sentence token by token in several scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lontar.core.artifact import Tokenizer
from lontar.report import tokens
from lontar.report.changes import change
from lontar.report.config import ReportConfig
from lontar.report.reading import Run, Step, number_of
from lontar.scoring import Sure


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
        rows[-1] |= {"parity_before": None, "parity_after": None}
    return {"rows": rows, "sentences": [], "gloss": "", "on": "training sentences", "overall": None, "others": None}


def _ratio(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None


def _measured(step: Step, base: Step, codes: list[str], config: ReportConfig, sure: Sure) -> dict[str, Any]:
    before, after = tokens.Encoder(base.artifact.path), tokens.Encoder(step.artifact.path)
    found = tokens.measure(before, after, codes)
    english = found.get("en") or tokens.measure(before, after, ["en"]).get("en")
    rows = []
    for code, measured in found.items():
        n = len(measured.before)
        alone = change({code: measured.rows}, sure)
        parity_before, parity_after = tokens.parity(measured, english)
        rows.append(
            {
                "lang": code,
                "before": sum(measured.before.values()) / n,
                "after": sum(measured.after.values()) / n,
                "change": alone.value if alone else None,
                "low": alone.low if alone else None,
                "high": alone.high if alone else None,
                "n": n,
                "parity_before": parity_before,
                "parity_after": parity_after,
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
        sides = before.drawn(text), after.drawn(text)
        if sides[0] and sides[1]:
            found.append(
                {"lang": code, "id": chosen, "text": text, "before": sides[0].json(), "after": sides[1].json()}
            )
    return found

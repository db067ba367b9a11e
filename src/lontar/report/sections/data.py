"""What went in: per corpus, per language, what stayed and why the rest did not; terms; decisions one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lontar.core.artifact import Corpus, Records
from lontar.core.license import conflicts
from lontar.pages.clusters import cut_short
from lontar.report.config import ReportConfig
from lontar.report.reading import Run, Step, number_of, rows_of

EXCERPT = 90


def build(run: Run, config: ReportConfig) -> dict[str, Any] | None:
    """Every corpus of the run; None when there is none."""
    found = [step for step in run.steps if isinstance(step.artifact, Corpus | Records)]
    return {"corpora": [_corpus(run, step, config) for step in found]} if found else None


def _corpus(run: Run, step: Step, config: ReportConfig) -> dict[str, Any]:
    stored = step.json("counts.json").get("languages", {})
    rows = [_language(code, stored[code]) for code in run.ordered(stored) if isinstance(stored[code], dict)]
    reasons = sum((Counter(row["dropped"]) for row in rows), Counter())
    license_ = step.manifest.license
    return {
        "step": step.name,
        "noun": "documents" if isinstance(step.artifact, Corpus) else "records",
        "rows": rows,
        "in": sum(row["in"] for row in rows),
        "kept": sum(row["train"] + row["heldout"] for row in rows),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "licenses": [source.model_dump(mode="json") for source in license_.sources],
        "obligations": [str(duty) for duty in license_.obligations],
        "conflicts": conflicts(license_),
        **_decisions(step, config.decisions),
    }


def _language(code: str, counts: dict[str, Any]) -> dict[str, Any]:
    dropped = {str(reason): int(n) for reason, n in counts.get("dropped", {}).items()}
    numbers = {name: int(number_of(counts, name, "docs") or 0) for name in ("in", "train", "heldout")}
    return {"lang": code, **numbers, "bytes": int(number_of(counts, "train", "bytes") or 0), "dropped": dropped}


def _decisions(step: Step, limit: int) -> dict[str, Any]:
    """Documents with the decision on each: dropped ones first, then changed ones, then the rest, each by id."""
    rows = rows_of(step.artifact.path / "decisions.jsonl.zst")
    ranked = sorted(rows, key=lambda row: (bool(row.get("kept")), not row.get("edits"), str(row.get("id"))))
    return {"decisions": [_decision(row) for row in ranked[:limit]], "n_decisions": len(rows)}


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    edits = row.get("edits") or {}
    return {
        "id": str(row.get("id", "")),
        "lang": str(row.get("lang", "")),
        "kept": bool(row.get("kept")),
        "reason": str(row.get("reason") or ""),
        "edits": {str(k): v for k, v in edits.items()} if isinstance(edits, dict) else {},
        "excerpt": cut_short(" ".join(str(row.get("excerpt") or "").split(" ")), EXCERPT),
    }

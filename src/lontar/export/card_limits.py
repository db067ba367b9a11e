"""What a card has to say against its model: from the record, so that it cannot be forgotten or softened."""

from __future__ import annotations

from lontar.core.license import License, conflicts
from lontar.export.card_inputs import Facts
from lontar.export.card_tables import beyond_chance
from lontar.export.lineage import manifests, trained_languages

OURS = "lontar-"
GENERATED = ("lontar-stories", "lontar-skills")


def limits(facts: Facts) -> str:
    """A list: what was not measured, not above chance, worse than before, incomplete, or needs care."""
    found = [*_made_of(facts), *_unmeasured(facts), *_scores(facts), *_record(facts), *_use(facts)]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in found)


def _made_of(facts: Facts) -> list[str]:
    """Text that comes with lontar, and how much of it was written from templates."""
    sources = [source for source in facts.manifest.license.sources if source.source.startswith(OURS)]
    written = sum(source.documents for source in sources if source.source in GENERATED)
    lines = []
    if sources:
        lines.append("Text of `lontar-*` sources is machine-composed and not yet reviewed by native speakers.")
    if written:
        lines.append(f"{written:,} documents of it are synthetic: written from templates by a seeded generator.")
    return lines


def _unmeasured(facts: Facts) -> list[str]:
    own = [score.row for score in facts.scores if score.own]
    if not own:
        return ["No evaluation of this model is on record here."]
    measured = {row["lang"] for row in own}
    missing = [code for code in trained_languages(facts.lineage) if code not in measured]
    return [f"Trained on, but not measured: {', '.join(missing)}."] if missing else []


def _scores(facts: Facts) -> list[str]:
    rows = [score.row for score in facts.scores if score.own]
    chance = [f"{row['task']} ({row['lang']})" for row in rows if beyond_chance(row) is False]
    worse = [f"{row['task']} ({row['lang']})" for row in rows if row.get("verdict") == "worse"]
    failed = sum(int(row.get("failed") or 0) for row in rows)
    return [
        *([f"Not above chance: {', '.join(chance)}."] if chance else []),
        *([f"Worse than the baseline: {', '.join(worse)}."] if worse else []),
        *([f"{failed} requests of the evaluation failed and are not in the scores."] if failed else []),
    ]


def _record(facts: Facts) -> list[str]:
    lines = [
        f"`{m.stage}` {m.digest[:12]} is incomplete: {len(m.failures)} items failed."
        for m in manifests(facts.lineage)
        if not m.complete
    ]
    lost = sum(node.manifest is None for node in facts.lineage.walk())
    unpinned = any(m.kind == "endpoint" for m in manifests(facts.lineage))
    return [
        *lines,
        *([f"The records of {lost} ancestors are missing, so this card is not whole."] if lost else []),
        *(["A remote endpoint took part, whose model can change without notice."] if unpinned else []),
        *_terms(facts.manifest.license),
    ]


def _terms(license_: License) -> list[str]:
    return [f"License: {line}." for line in conflicts(license_)]


def _use(facts: Facts) -> list[str]:
    lines = ["Whether its answers are true, safe or fair was not tested beyond the scores here."]
    if facts.format == "gguf" and facts.scores:
        lines.append("Scores are those of the weights before conversion; gguf.json has the error of every tensor.")
    if facts.normalization:
        steps = ", ".join(facts.normalization)
        lines.append(
            f"It was trained on normalized text ({steps}). lontar does this to every prompt; "
            "other programs must do it themselves."
        )
    return lines

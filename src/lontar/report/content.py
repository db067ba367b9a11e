"""The report of a run as one tree of numbers and text: what the template prints and `figures.json` keeps."""

from __future__ import annotations

from typing import Any

from lontar.pages.names import language_name
from lontar.pages.numbers import fixed
from lontar.report.compared import PER_BYTE, Pair
from lontar.report.config import ReportConfig
from lontar.report.reading import Run
from lontar.report.sections import data, learning, lineage, scores, tokens, verdict, worse
from lontar.scoring import Sure

# id (and template), heading, name in the list of contents.
TITLES = {
    "data": ("Data: what went in", "Data"),
    "tokens": ("Tokens, before and after", "Tokens"),
    "learning": ("Learning: bits per byte", "Learning"),
    "scores": ("Scores, and the answers behind them", "Scores"),
    "worse": ("What got worse", "What got worse"),
    "lineage": ("Lineage: where it comes from", "Lineage"),
    "cost": ("Cost", "Cost"),
    "reproduce": ("Reproduce", "Reproduce"),
    "method": ("Method and limits", "Method"),
}


def context(run: Run, config: ReportConfig, seed: int = 0) -> dict[str, Any]:
    """Everything on the page; a section without artifacts is left out."""
    sure = Sure(config.confidence, config.bootstraps, seed)
    found = scores.compare(run, sure)
    counted = tokens.build(run, config, sure)
    first = verdict.build(run, config, found, counted, sure)
    parts: dict[str, dict[str, Any] | None] = {
        "data": data.build(run, config),
        "tokens": counted,
        "learning": learning.build(run),
        "scores": scores.build(run, found, config.samples),
        "worse": worse.build(run, found, counted),
        "lineage": lineage.build(run),
        "cost": lineage.cost(run) if config.cost else None,
        "reproduce": {
            "recipe": config.recipe if config.recipe and lineage.unchanged(run, config.recipe) else "",
            "steps": lineage.recipe(run),
            "names": [step.name for step in run.steps],
        },
        "method": {"lines": method(run, found, config)},
    }
    there = {name: part for name, part in parts.items() if part is not None}
    sections = [{"id": n, "title": TITLES[n][0], "short": TITLES[n][1], "data": part} for n, part in there.items()]
    title = verdict.headline(run, config)
    return {
        "title": title,
        "eyebrow": "Report of a run",
        "confidence": f"{config.confidence:.0%}",
        "alpha": fixed(1 - config.confidence, 2),
        "kept_name": " and ".join(language_name(code).english for code in config.kept) or "Kept languages",
        "verdict": first,
        "sections": sections,
        "figures": {"title": title, "verdict": first, **there},
    }


def method(run: Run, found: dict[str, list[Pair]], config: ReportConfig) -> list[str]:
    """How the figures were made, in sentences that hold for this run."""
    pairs = [pair for listed in found.values() for pair in listed]
    said = []
    if pairs:
        said += [
            f"Intervals hold {config.confidence:.0%} of {config.bootstraps:,} figures, each from as many texts drawn "
            "anew; sentences of one text, and the same text in several languages, are drawn together.",
            "Differences are paired item by item. Their p-values are corrected for the number of comparisons on the "
            "page (Holm 1979). Fewer than 6 texts give no interval.",
            "An item without an answer counts as wrong; a request that failed is counted apart and never scored.",
        ]
    if any(pair.unit == PER_BYTE for pair in pairs):
        said.append(
            "Bits per byte are taken on passages of whole sentences, the same for both models. The changes on the "
            "first screen are means over languages of the relative change, so each language weighs the same."
        )
    if any(pair.chance is not None for pair in pairs):
        said.append(
            "The dashed line is what answering without knowledge scores. A result counts as above it only when its "
            "whole interval is."
        )
    said += [
        "One seed, one run: how much another seed would change is not measured.",
        "Speed and memory are of one machine and say little about another.",
    ]
    return said if config.cost else said[:-1]

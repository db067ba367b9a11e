"""What a hurried reader must not conclude, and what the gates say."""

from __future__ import annotations

import json
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.core.config import JsonValue
from lontar.core.recipe import gates
from lontar.pages.names import language_name
from lontar.pages.numbers import short
from lontar.report.compared import Pair
from lontar.report.config import ReportConfig
from lontar.report.reading import Run, Step

# Below so many parameters a model is a demonstration of the chain, whatever its scores.
TINY = 100_000_000
# Text of these sources comes with the package: machine-composed, and no native speaker has read it yet.
OURS = "lontar-"
PER_BYTE = "bits/byte"
# Bits per byte of a model that knows nothing.
GUESSING = 8
Found = dict[str, list[Pair]]


def limits(run: Run, found: Found, size: int | None) -> list[str]:
    """What a hurried reader must not conclude."""
    said = _later(run, found) + _chance(found) + _undecided(found) + _ignorant(found)
    if size and size < TINY:
        said.append(f"Tiny model ({short(size)} parameters): a demonstration of the method, not an assistant.")
    sources = {source.source for step in run.steps for source in step.manifest.license.sources}
    if any(source.startswith(OURS) for source in sources):
        said.append("Text machine-composed; no native speaker has reviewed it, or the answers below.")
    if not run.of_kind(Evaluation):
        said.append("No evaluation is among the artifacts: nothing here was measured on tasks.")
    return said


def _chance(found: Found) -> list[str]:
    said = []
    for pairs in found.values():
        for task in sorted({pair.task for pair in pairs if pair.chance is not None}):
            mine = [pair for pair in pairs if pair.task == task]
            below = [language_name(pair.lang).english for pair in mine if pair.above_chance is False]
            if below:
                names = "" if len(below) == len(mine) else f": {', '.join(below)}"
                what = task.replace("_", " ")
                said.append(f"Not above chance: {what} in {len(below)} of {len(mine)} languages{names}.")
    return said


def _ignorant(found: Found) -> list[str]:
    """Languages in which the baseline was worse than guessing bytes: then the size of a gain is the size of a gap."""
    poor = {
        pair.lang
        for pairs in found.values()
        for pair in pairs
        if pair.unit == PER_BYTE and pair.before is not None and (pair.before.value or 0) > GUESSING
    }
    if not poor:
        return []
    return [
        f"In {len(poor)} languages the base needed more than {GUESSING} bits per byte, worse than guessing: there the "
        "size of the change is that of the gap."
    ]


def _undecided(found: Found) -> list[str]:
    verdicts = [pair.verdict for pairs in found.values() for pair in pairs if pair.verdict]
    open_ = verdicts.count("not decided")
    return [f"Not decided: {open_} of {len(verdicts)} comparisons; there is too little data to tell."] if open_ else []


# --- gate


def gates_of(run: Run, config: ReportConfig) -> list[dict[str, Any]]:
    """Each gate on the first evaluation that has a baseline, the one of the headline, and what it finds wrong."""
    compared = _compared(run)
    made = []
    for name, knobs in config.gate.items() if compared else ():
        problems = [str(text) for text in gates.use({name: knobs})(compared[0].artifact)]
        made.append({"gate": name, "step": compared[0].name, "said": _asked(knobs), "problems": problems})
    return made


def _compared(run: Run) -> list[Step]:
    """Evaluations that have a baseline."""
    found = run.of_kind(Evaluation)
    return [step for step in found if any(row.get("baseline") for row in step.json("scores.json").get("rows", []))]


def _later(run: Run, found: Found) -> list[str]:
    """What later comparisons found worse, such as that of a fine-tuned model with the one before it."""
    said = []
    for step in _compared(run)[1:]:
        verdicts = [pair.verdict for pair in found.get(step.name, []) if pair.verdict]
        if n := verdicts.count("worse"):
            said.append(
                f"Not in the figures above: {n} of {len(verdicts)} comparisons of {step.name} are worse, see below."
            )
    return said


def _asked(knobs: JsonValue) -> str:
    """Settings of a gate in words."""
    if isinstance(knobs, list):
        knobs = {"languages": knobs}
    if not isinstance(knobs, dict):
        return json.dumps(knobs)
    said = []
    for name, value in knobs.items():
        if name == "languages" and isinstance(value, list):
            names = [language_name(str(code)).english for code in value]
            said.append(", ".join(names) if 0 < len(names) <= 3 else f"{len(names) or 'all'} languages")
        elif isinstance(value, list):
            said.append(f"{name} " + ", ".join(str(item).replace("_", " ") for item in value))
        else:
            said.append(f"{name} {json.dumps(value, ensure_ascii=False)}")
    return "; ".join(said)

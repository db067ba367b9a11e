"""Where everything comes from, as a tree to click through; then what it cost and how to make it again."""

from __future__ import annotations

from typing import Any

import yaml

from lontar.core.artifact import Lineage
from lontar.core.manifest import Manifest
from lontar.core.recipe import load_recipe
from lontar.core.stage import find_stage
from lontar.errors import LontarError
from lontar.report.reading import Run, Step

MOST_FILES = 12


def build(run: Run) -> dict[str, Any]:
    """The family trees of what no other step was made from; an artifact met again points to where it stands."""
    used = {node.seal for step in run.steps for node in step.artifact.lineage().walk() if node.name}
    ends = [step for step in run.steps if step.manifest.seal not in used] or list(run.steps[-1:])
    seen: dict[str, str] = {}
    return {"trees": [_node(run, step.artifact.lineage(), seen) for step in ends], "steps": len(run.steps)}


def _node(run: Run, node: Lineage, seen: dict[str, str]) -> dict[str, Any]:
    manifest = node.manifest
    if manifest is None:
        return {"role": node.name, "name": "its record is missing", "missing": True, "seal": node.seal, "parents": []}
    step = next((step for step in run.steps if step.manifest.seal == manifest.seal), run.named(manifest.digest))
    made = {"role": node.name, "name": step.name if step else manifest.kind, **_facts(manifest)}
    if node.seal in seen:
        return {**made, "again": seen[node.seal], "parents": []}
    seen[node.seal] = f"made-{len(seen) + 1}"
    return {**made, "id": seen[node.seal], "parents": [_node(run, parent, seen) for parent in node.parents]}


def _facts(manifest: Manifest) -> dict[str, Any]:
    files = sorted(manifest.files.items(), key=lambda item: (-item[1].bytes, item[0]))
    return {
        "kind": manifest.kind,
        "stage": f"{manifest.stage} {manifest.stage_version}",
        "digest": manifest.digest,
        "fingerprint": manifest.fingerprint,
        "complete": manifest.complete,
        "seed": manifest.seed,
        "license": manifest.license.spdx,
        "settings": changed(manifest),
        "n_files": len(files),
        "bytes": sum(entry.bytes for _, entry in files),
        "files": [[name, entry.bytes, entry.sha256] for name, entry in files[:MOST_FILES]],
    }


def changed(manifest: Manifest) -> dict[str, Any]:
    """Settings that differ from the stage's defaults; all of them where the stage is not known here."""
    try:
        config_type = find_stage(manifest.stage).config_type
        required = {name for name, info in config_type.model_fields.items() if info.is_required()}
        blank = {name: manifest.config[name] for name in required if name in manifest.config}
        defaults = config_type.model_validate(blank).model_dump(mode="json")
    except (LontarError, ValueError):
        return dict(manifest.config)
    return {k: v for k, v in manifest.config.items() if k in blank or defaults.get(k) != v}


def cost(run: Run) -> dict[str, Any]:
    """Seconds, memory and tokens per step, and in all."""
    rows = [_cost(step) for step in run.steps]
    environment = run.steps[-1].manifest.environment
    return {
        "rows": rows,
        "seconds": sum(row["seconds"] for row in rows),
        "peak_bytes": max(row["peak_bytes"] for row in rows),
        "tokens": sum(row["tokens"] for row in rows),
        "usd": sum(row["usd"] for row in rows),
        "platform": environment.platform,
        "cpus": environment.cpus,
        "python": environment.python,
        "lontar": environment.lontar,
        "finished": max(step.manifest.created for step in run.steps).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
    }


def _cost(step: Step) -> dict[str, Any]:
    spent, metrics = step.manifest.cost, step.manifest.metrics
    return {
        "step": step.name,
        "stage": step.manifest.stage,
        "seconds": spent.seconds,
        "cpu_seconds": spent.cpu_seconds,
        "peak_bytes": spent.peak_bytes,
        "tokens": int(metrics.get("train.tokens", 0)) or spent.tokens_in + spent.tokens_out,
        "usd": spent.usd,
        "device": str(step.manifest.resources.get("device") or ""),
    }


def unchanged(run: Run, name: str) -> bool:
    """Does the recipe of this name still say what was run: the same stage and settings for every step here?"""
    try:
        loaded = load_recipe(name)
    except LontarError:
        return False
    return all(
        step.name in loaded.order
        and loaded.stages[step.name].name == step.manifest.stage
        and loaded.configs[step.name].model_dump(mode="json", by_alias=True) == step.manifest.config
        for step in run.steps
    )


def recipe(run: Run) -> str:
    """A recipe that makes the run again: its steps with what was set; empty when a parent is not among the steps."""
    steps: dict[str, Any] = {}
    seeds = {step.manifest.seed for step in run.steps}
    for step in run.steps:
        inputs = _inputs(run, step)
        if inputs is None:
            return ""
        made: dict[str, Any] = {"stage": step.manifest.stage}
        if len(seeds) > 1:
            made["seed"] = step.manifest.seed
        steps[step.name] = made | ({"inputs": inputs} if inputs else {}) | _settings(step)
    whole: dict[str, Any] = {"name": "again"} | ({"seed": seeds.pop()} if len(seeds) == 1 else {}) | {"steps": steps}
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, default_flow_style=None, width=88)


def _settings(step: Step) -> dict[str, Any]:
    found = changed(step.manifest)
    return {"config": found} if found else {}


def _inputs(run: Run, step: Step) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, _ in step.manifest.parent_list():
        parent = run.parent(step, name)
        if parent is None:
            return None
        plain, _, index = name.partition("[")
        if index:
            found.setdefault(plain, []).append(parent.name)
        else:
            found[plain] = parent.name
    return found

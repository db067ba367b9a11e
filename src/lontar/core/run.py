"""Run a recipe: plan what each step would do, then do it, stopping where a gate does not hold.

A run is a folder with one artifact per step under readable names (`runs/nano/model`). What a plan cannot know yet, it
says: a step whose parent has still to be built has no fingerprint before that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lontar.core import build as builder
from lontar.core.artifact import LINEAGE, Artifact
from lontar.core.build import Derivation, Options, State
from lontar.core.manifest import FILENAME, read_manifest
from lontar.core.progress import Progress
from lontar.core.recipe import Loaded, as_json, gates
from lontar.core.shards import flush, write_json
from lontar.errors import ConfigError, GateError

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True)
class Planned:
    """What running a step would do. `status` "waits" means that a parent has to be built before anyone can tell."""

    step: str
    stage: str
    status: Literal["build", "reuse", "resume", "drift", "rebuild", "waits"]
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What running a step did."""

    step: str
    action: Literal["built", "reused", "resumed", "taken"]
    artifact: Artifact


@dataclass(frozen=True)
class RunOptions:
    """How to run a recipe."""

    rebuild: tuple[str, ...] = ()
    """steps to move aside and build anew"""
    reuse: tuple[Path, ...] = ()
    """earlier runs from which steps with an equal fingerprint are taken"""
    until: str | None = None
    """stop after this step; only it and what it needs is made"""
    allow_incomplete: bool = False
    progress: Progress | None = None
    on_step: Callable[[str, str], None] = field(default=lambda step, what: None)
    """called with a step's name and what is about to happen to it"""


def plan(loaded: Loaded, out: Path, options: RunOptions | None = None) -> list[Planned]:
    """What `run` would do with every step. Nothing is changed."""
    options = options or RunOptions()
    _check_names(loaded, options)
    if (out / FILENAME).is_file():
        raise ConfigError(
            f"{out}: is an artifact, not a run", hint="choose another --out: each step becomes a folder in it"
        )
    ready: dict[str, Artifact] = {name: Artifact.open(path) for name, path in loaded.externals.items()}
    planned = []
    for name in _wanted(loaded, options):
        row = _plan_step(loaded, name, out, ready, options)
        planned.append(row)
        if row.status == "reuse":
            ready[name] = Artifact.open(out / name)
    return planned


def _plan_step(loaded: Loaded, name: str, out: Path, ready: Mapping[str, Artifact], options: RunOptions) -> Planned:
    step = loaded.recipe.steps[name]
    waiting = sorted({target for _, target in step.references if target not in ready})
    if name in options.rebuild and (out / name).exists():
        return Planned(name, step.stage, "rebuild", ("the finished one is moved aside",))
    if waiting:
        return Planned(name, step.stage, "waits", (f"for {', '.join(waiting)}",))
    derivation = _derivation(loaded, name, ready, options)
    state = builder.inspect_state(derivation, out / name)
    source = _reusable(derivation, options.reuse) if state.status == "build" else None
    details = (f"from {source}",) if source else state.changes
    return Planned(name, step.stage, state.status, details)


def run(loaded: Loaded, out: Path, options: RunOptions | None = None) -> list[Done]:
    """Make every step of a recipe under `out`.

    Raises:
        DriftError: before anything runs when it can be told then; GateError: a gate did not hold.
        Everything a stage raises.
    """
    options, out = options or RunOptions(), builder.named(out)
    with builder.locked(out):
        for row in plan(loaded, out, options):
            if row.status == "drift":
                raise builder.drift_error(out / row.step, row.details)
        with builder.disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            write_json(out / RECIPE_FILE, as_json(loaded.recipe))
        return list(_run_steps(loaded, out, options))


def _run_steps(loaded: Loaded, out: Path, options: RunOptions) -> Iterator[Done]:
    ready: dict[str, Artifact] = {name: Artifact.open(path) for name, path in loaded.externals.items()}
    for name in _wanted(loaded, options):
        done = _run_step(loaded, name, out, ready, options)
        ready[name] = done.artifact
        check_gates(loaded, name, done.artifact)
        yield done


def _run_step(loaded: Loaded, name: str, out: Path, ready: Mapping[str, Artifact], options: RunOptions) -> Done:
    stage_options = _stage_options(loaded, name, options)
    derivation = _derivation(loaded, name, ready, options)
    with builder.locked(out / name):
        state = builder.inspect_state(derivation, out / name)
        if state.status == "build" and (source := _reusable(derivation, options.reuse)):
            options.on_step(name, f"take from {source}")
            with builder.disk_errors(out / name):
                return Done(name, "taken", take(source, out / name))
        options.on_step(name, "rebuild" if stage_options.rebuild else state.status)
        artifact = builder.build(derivation, out / name, stage_options)
    action: dict[str, Literal["built", "reused", "resumed"]] = {"reuse": "reused", "resume": "resumed"}
    return Done(name, "built" if stage_options.rebuild else action.get(state.status, "built"), artifact)


def _stage_options(loaded: Loaded, name: str, options: RunOptions) -> Options:
    step, recipe = loaded.recipe.steps[name], loaded.recipe
    return Options(
        seed=recipe.seed if step.seed is None else step.seed,
        resources=recipe.resources,
        progress=options.progress,
        rebuild=name in options.rebuild,
        allow_incomplete=options.allow_incomplete,
    )


def _derivation(loaded: Loaded, name: str, ready: Mapping[str, Artifact], options: RunOptions) -> Derivation:
    step = loaded.recipe.steps[name]
    inputs = {
        key: ready[value] if isinstance(value, str) else tuple(ready[item] for item in value)
        for key, value in step.inputs.items()
    }
    stage = replace(loaded.stages[name], options=_stage_options(loaded, name, options))
    return stage.derivation(inputs, loaded.configs[name])


def check_gates(loaded: Loaded, name: str, artifact: Artifact) -> None:
    """Apply the gates of a step.

    Raises:
        GateError: listing every bar that was not reached.
    """
    found = []
    for gate, knobs in loaded.recipe.steps[name].gate.items():
        found += [f"  {gate}: {problem}" for problem in gates.use({gate: knobs})(artifact)]
    if found:
        raise GateError(
            f"{name}: {len(found)} bar{'s' if len(found) > 1 else ''} not reached\n" + "\n".join(found),
            hint=f"the result is kept in {artifact.path}; `lontar show {artifact.path}` prints it",
        )


def _wanted(loaded: Loaded, options: RunOptions) -> list[str]:
    """The steps to make, in order: all of them, or `until` and its ancestors."""
    if options.until is None:
        return list(loaded.order)
    wanted = {options.until}
    for name in reversed(loaded.order):
        if name in wanted:
            wanted |= {target for _, target in loaded.recipe.steps[name].references}
    return [name for name in loaded.order if name in wanted]


def _check_names(loaded: Loaded, options: RunOptions) -> None:
    named = [("--rebuild", name) for name in options.rebuild]
    named += [("--until", options.until)] if options.until is not None else []
    for option, name in named:
        if name not in loaded.recipe.steps:
            raise ConfigError(f"{option} {name}: no step of that name", hint="steps: " + ", ".join(loaded.order))
    for folder in options.reuse:
        if not folder.is_dir():
            raise ConfigError(f"--reuse {folder}: no such run")


def _reusable(derivation: Derivation, runs: Sequence[Path]) -> Path | None:
    """A finished artifact with the fingerprint of `derivation` in one of `runs`, whatever its step is called."""
    name = derivation.fingerprint
    for folder in runs:
        for path in artifacts_in(folder):
            manifest = read_manifest(path / FILENAME)
            if manifest.fingerprint == name and manifest.complete:
                return path
    return None


def take(source: Path, out: Path) -> Artifact:
    """Put a finished artifact under another name: hard links where the file system has them, else copies."""
    partial = out.parent / f".{out.name}.taking.partial"
    shutil.rmtree(partial, ignore_errors=True)
    manifest = Artifact.open(source).manifest
    lineage = [f"{LINEAGE}/{p.name}" for p in (source / LINEAGE).glob("*.json")]
    for name in [*manifest.files, *lineage, FILENAME]:
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source / name, target)
        except OSError:
            shutil.copyfile(source / name, target)
            flush(target)
    partial.rename(out)
    flush(out.parent)
    return Artifact.open(out)


def artifacts_in(folder: Path) -> list[Path]:
    """`folder` itself when it is an artifact, else the finished artifacts directly under it, sorted by name."""
    if (folder / FILENAME).is_file():
        return [folder]
    if not folder.is_dir():
        return []
    return sorted(p.parent for p in folder.glob(f"*/{FILENAME}") if not p.parent.name.startswith("."))


__all__ = ["Done", "Planned", "RunOptions", "State", "artifacts_in", "check_gates", "plan", "run", "take"]

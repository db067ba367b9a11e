"""Recipes: one YAML file of steps, each a stage with its inputs, config and gates.

Everything that can be wrong in a recipe is found before anything runs and reported together, with line numbers:
unknown stages and inputs, kinds that do not fit, misspelled or ill-typed settings, cycles. Running is in `run.py`.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from lontar.core import plugins
from lontar.core.artifact import Artifact
from lontar.core.config import (
    Config,
    JsonObject,
    JsonValue,
    Parsed,
    Problem,
    fields_at,
    load_yaml,
    nearest,
    parse_assignment,
    problems_of,
    raise_problems,
)
from lontar.core.executor import Resources
from lontar.core.manifest import FILENAME
from lontar.core.registry import PACKAGE_ROOT, Registry
from lontar.core.stage import InputSpec, Stage, all_stages, families, find_stage
from lontar.errors import ConfigError, LontarError

HUB = "hf:"


def _load_gates() -> None:
    for family in families():
        if importlib.util.find_spec(f"lontar.{family}.gates"):
            importlib.import_module(f"lontar.{family}.gates")


gates: Registry[Callable[..., list[str]]] = Registry("gate", loader=_load_gates)
"""`(artifact, /, *, knobs) -> list of problems`; a step whose gate finds problems stops the run with exit code 8."""


class Step(Config):
    """One step of a recipe."""

    stage: str
    inputs: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """input of the stage: name of a step or of a recipe input"""
    config: JsonObject = Field(default_factory=dict)
    gate: JsonObject = Field(default_factory=dict)
    """checks on the result; the run stops when one fails"""
    seed: int | None = None
    """instead of the recipe's"""

    @property
    def references(self) -> Iterator[tuple[str, str]]:
        """(input, what it refers to), lists one by one."""
        for name, value in self.inputs.items():
            for item in (value,) if isinstance(value, str) else value:
                yield name, item


class Recipe(Config):
    """A graph of steps."""

    name: str
    description: str = ""
    source: str = ""
    """publication or project whose figures the recipe follows"""
    seed: int = 0
    resources: Resources = Field(default_factory=Resources)
    plugins: tuple[str, ...] = ()
    """plug-in files to import, relative to the recipe"""
    inputs: dict[str, str | None] = Field(default_factory=dict)
    """what comes from outside: a path, hf:ORG/NAME@REVISION, or null when --input must give it"""
    steps: dict[str, Step]


@dataclass(frozen=True)
class Loaded:
    """A recipe that has been checked, with its steps in running order and everything outside it resolved."""

    recipe: Recipe
    order: tuple[str, ...]
    stages: Mapping[str, Stage[Any, Any]]
    configs: Mapping[str, Config]
    externals: Mapping[str, Path] = field(default_factory=dict)


def builtin_recipes() -> dict[str, Path]:
    """Recipes in the package and in `$LONTAR_HOME/recipes`, by name."""
    folders = [PACKAGE_ROOT / "recipes", plugins.home() / "recipes"]
    return {p.stem: p for folder in folders if folder.is_dir() for p in sorted(folder.glob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """Path of a recipe given by path or by name.

    Raises:
        ConfigError: there is none; the hint holds near names.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        if not Path(name).is_file():
            raise ConfigError(f"{name}: no such recipe file", hint="`lontar list recipes` shows those that come along")
        return Path(name)
    known = builtin_recipes()
    if name not in known:
        raise ConfigError(f"no recipe called {name!r}", hint=nearest(name, known))
    return known[name]


def load_recipe(
    name: str,
    *,
    sets: Sequence[str] = (),
    inputs: Sequence[str] = (),
    licenses: Sequence[str] = (),
    resources: Sequence[str] = (),
) -> Loaded:
    """Read, override and check a recipe.

    Args:
        name: a path or the name of a recipe that comes along.
        sets: `step.config.key=value` or `seed=1`.
        inputs: `name=PATH` or `name=hf:ORG/NAME@REVISION`, for a recipe input or in place of a step.
        licenses: `name=SPDX-ID`, the terms of such an input when it does not state them.
        resources: `device=cuda`, `workers=8`.

    Raises:
        ConfigError: listing everything that is wrong.
    """
    path = find_recipe(name)
    parsed = _overridden(load_yaml(path), sets, resources)
    recipe, problems = _shaped(parsed)
    for plugin in recipe.plugins:
        plugins.load_file(path.parent / plugin)
    pairs = _pairs(inputs, "--input"), _pairs(licenses, "--license")
    recipe, externals, found = _with_inputs(recipe, parsed, *pairs)
    return check(recipe, parsed, externals, [*problems, *found])


def _shaped(parsed: Parsed) -> tuple[Recipe, list[Problem]]:
    """The recipe, and its misspelled keys, which are read as what they seem to mean so that `check` finds the rest."""
    try:
        return Recipe.model_validate(parsed.value), []
    except ValidationError as err:
        problems = problems_of(err, Recipe, parsed)
        try:
            return Recipe.model_validate(_respelled(parsed.value, err)), problems
        except ValidationError:
            raise_problems(problems)
            raise  # pragma: no cover - a ValidationError always holds at least one problem


def _respelled(value: JsonValue, err: ValidationError) -> JsonValue:
    tree = copy.deepcopy(value)
    for item in err.errors(include_url=False):
        if item["type"] == "extra_forbidden":
            parent: Any = tree
            for part in item["loc"][:-1]:
                parent = parent[part]
            key, fields = str(item["loc"][-1]), fields_at(Recipe, item["loc"][:-1])
            value, meant = parent.pop(key), difflib.get_close_matches(key, fields, n=1)
            if meant:
                parent.setdefault(meant[0], value)
    return tree


def _overridden(parsed: Parsed, sets: Sequence[str], resources: Sequence[str]) -> Parsed:
    if not isinstance(parsed.value, dict):
        raise ConfigError(f"{parsed.source}: a recipe is a mapping with the key 'steps'")
    steps = parsed.value.get("steps")
    for text in sets:
        path, value = parse_assignment(text)
        if isinstance(steps, dict) and path[0] in steps:
            path = ("steps", *path)
        elif path[0] not in Recipe.model_fields:
            known = [*Recipe.model_fields, *(steps if isinstance(steps, dict) else ())]
            raise ConfigError(f"--set {text}: no step or setting called {path[0]!r}", hint=nearest(path[0], known))
        parsed = parsed.assigned(path, value, f"--set {text}")
    for text in resources:
        path, value = parse_assignment(text)
        parsed = parsed.assigned(("resources", *path), value, f"--resources {text}")
    return parsed


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sep, value = text.partition("=")
        if not sep or not value:
            raise ConfigError(
                f"{option} {text}: expected name=value", hint="for example --input base=models/qwen3-0.6b"
            )
        pairs[name] = value
    return pairs


def _with_inputs(
    recipe: Recipe, parsed: Parsed, given: Mapping[str, str], licenses: Mapping[str, str]
) -> tuple[Recipe, dict[str, Path], list[Problem]]:
    """Outside inputs become steps that adopt them, or are used in place when they are artifacts already."""
    problems, externals, steps = [], dict[str, Path](), dict(recipe.steps)
    unset: dict[str, str | None] = {}
    adopted: set[str] = set()
    known = [*recipe.inputs, *recipe.steps]
    for option, names in (("--input", given), ("--license", licenses)):
        problems += [
            Problem(f"{option} {n}", "no input or step of that name", nearest(n, known))
            for n in names
            if n not in known
        ]
    for name, default in {**recipe.inputs, **{n: v for n, v in given.items() if n in recipe.steps}}.items():
        value = given.get(name, default)
        if value is None:
            hint = f"give it: --input {name}=PATH or --input {name}=hf:ORG/NAME@REVISION"
            problems.append(Problem(parsed.where(("inputs", name)), f"input {name!r} is not set", hint))
            unset[name] = None
        elif not value.startswith(HUB) and (Path(value) / FILENAME).is_file():
            externals[name] = Path(value)
            steps.pop(name, None)
        else:
            step, found = _adopting(name, value, recipe, licenses.get(name))
            problems += found
            adopted.add(name)
            if step:
                steps = {name: step, **{k: v for k, v in steps.items() if k != name}}
            else:
                unset[name] = None
    for name in licenses:
        if name in known and name not in adopted | unset.keys():
            hint = "terms are given to what --input takes in from outside; an artifact states its own"
            problems.append(Problem(f"--license {name}", "nothing is taken in under that name", hint))
    return recipe.model_copy(update={"steps": steps, "inputs": unset}), externals, problems


def _adopting(name: str, value: str, recipe: Recipe, license_: str | None) -> tuple[Step | None, list[Problem]]:
    stage = _adopter(name, recipe)
    if stage is None:
        return None, [Problem(f"--input {name}", "no way to adopt what its users take", "lontar adopt --help")]
    try:
        return Step(stage=stage, config=adopt_config(value, license_)), []
    except ConfigError as err:
        return None, [Problem(f"--input {name}={value}", err.message, err.hint)]


def adopt_config(source: str, license_: str | None) -> JsonObject:
    """The settings of an adopting stage for a path or `hf:ORG/NAME@REVISION`.

    Raises:
        ConfigError: the repository or its revision is missing.
    """
    config: JsonObject = {"license": license_} if license_ else {}
    if not source.startswith(HUB):
        return {**config, "path": source}
    repository, _, revision = source.removeprefix(HUB).partition("@")
    if not revision or repository.count("/") != 1:
        hint = "a revision (commit or tag) is required: what is not pinned can change under you"
        raise ConfigError("expected hf:ORG/NAME@REVISION", hint=hint)
    return {**config, "repository": repository, "revision": revision}


def _adopter(name: str, recipe: Recipe) -> str | None:
    """The adopting stage whose result every user of `name` takes."""
    specs: list[InputSpec] = []
    for step in recipe.steps.values():
        users = [key for key, target in step.references if target == name]
        if users and (stage := _stage_or_none(step.stage)):
            specs += [stage.inputs[key] for key in users if key in stage.inputs]
    for stage in adopters().values():
        if all(issubclass(stage.out, spec.kinds) for spec in specs):
            return stage.name
    return None


def adopters() -> dict[str, Stage[Any, Any]]:
    """Stages that take in material from outside, by the kind they make."""
    return {stage.out.kind: stage for stage in all_stages() if stage.name.endswith(".adopt")}


def _stage_or_none(name: str) -> Stage[Any, Any] | None:
    try:
        return find_stage(name)
    except ConfigError:
        return None


# A name becomes a folder of the run and a word of `--set step.config.key=value`.
_STEP_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")


def check(
    recipe: Recipe,
    parsed: Parsed | None = None,
    externals: Mapping[str, Path] | None = None,
    problems: Sequence[Problem] = (),
) -> Loaded:
    """Find everything that is wrong with a recipe, without running anything; `problems` are those found before.

    Raises:
        ConfigError: listing all of it.
    """
    parsed = parsed or Parsed(recipe.model_dump(mode="json"), f"recipe {recipe.name}")
    externals = externals or {}
    problems = [*problems, *_name_problems(recipe, parsed)]
    stages: dict[str, Stage[Any, Any]] = {}
    configs: dict[str, Config] = {}
    for name, step in recipe.steps.items():
        try:
            stages[name] = find_stage(step.stage)
        except ConfigError as err:
            problems.append(Problem(f"{parsed.where(('steps', name, 'stage'))}: {name}.stage", err.message, err.hint))
    # After the stages: a plug-in may bring a kind of its own.
    kinds = {name: type(Artifact.open(path)) for name, path in externals.items()}
    kinds |= {name: stage.out for name, stage in stages.items()}
    known = [*recipe.steps, *externals, *recipe.inputs]
    for name, step in recipe.steps.items():
        problems += _input_problems(name, step, stages.get(name), kinds, parsed, known)
        problems += _gate_problems(name, step, parsed)
        if name in stages:
            problems += _config_problems(name, step, stages[name], parsed, configs)
    order, cycle = _ordered(recipe)
    if cycle:
        problems.append(Problem(parsed.where(("steps", cycle[0])), "steps wait for each other: " + " → ".join(cycle)))
    raise_problems(problems)
    return Loaded(recipe, order, stages, configs, externals)


def _name_problems(recipe: Recipe, parsed: Parsed) -> Iterator[Problem]:
    for name in recipe.steps:
        if not _STEP_NAME.match(name):
            where = f"{parsed.where(('steps', name))}: steps.{name}"
            yield Problem(where, "a step's name is made of letters, digits, - and _")


def _input_problems(
    name: str,
    step: Step,
    stage: Stage[Any, Any] | None,
    kinds: Mapping[str, type[Artifact]],
    parsed: Parsed,
    known: Sequence[str],
) -> Iterator[Problem]:
    for key, target in step.references:
        where = f"{parsed.where(('steps', name, 'inputs', key))}: {name}.inputs.{key}"
        if target not in known:
            yield Problem(where, f"no step called {target!r}", nearest(target, known))
        if stage is None:
            continue
        if key not in stage.inputs:
            hint = nearest(key, stage.inputs) if stage.inputs else "it takes no inputs"
            yield Problem(where, f"{stage.name} has no input {key!r}", hint)
        elif not isinstance(step.inputs[key], str) and not stage.inputs[key].many:
            yield Problem(where, f"takes one {stage.inputs[key].described}, not a list")
        elif target in kinds and not issubclass(kinds[target], stage.inputs[key].kinds):
            yield Problem(where, f"takes {stage.inputs[key].described}, but {target!r} is a {kinds[target].kind}")
    for key, spec in stage.inputs.items() if stage else ():
        if spec.required and not step.inputs.get(key):
            where = f"{parsed.where(('steps', name))}: {name}.inputs.{key}"
            yield Problem(where, f"required by {stage.name if stage else ''} ({spec.described}), but not given")


def _gate_problems(name: str, step: Step, parsed: Parsed) -> Iterator[Problem]:
    for gate, knobs in step.gate.items():
        try:
            gates.use({gate: knobs})
        except ConfigError as err:
            yield Problem(f"{parsed.where(('steps', name, 'gate', gate))}: {name}.gate.{gate}", err.message, err.hint)


def _config_problems(
    name: str, step: Step, stage: Stage[Any, Any], parsed: Parsed, configs: dict[str, Config]
) -> list[Problem]:
    prefix = ("steps", name, "config")
    try:
        configs[name] = stage.config_type.model_validate(step.config)
    except ValidationError as err:
        return problems_of(err, stage.config_type, parsed, prefix, f"{name}.config.")
    except LontarError as err:  # a validator that asks a registry
        return [Problem(f"{parsed.where(prefix)}: {name}.config", err.message, err.hint)]
    return []


def _ordered(recipe: Recipe) -> tuple[tuple[str, ...], list[str]]:
    """Steps in an order that respects their inputs, and of all such orders the one nearest to the file's."""
    graph = {name: [t for _, t in step.references if t in recipe.steps] for name, step in recipe.steps.items()}
    sorter: TopologicalSorter[str] = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as err:
        return (), list(err.args[1])
    order: list[str] = []
    ready: list[str] = []
    position = {name: i for i, name in enumerate(recipe.steps)}
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=position.__getitem__)
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return tuple(order), []


def as_json(recipe: Recipe) -> JsonValue:
    """The recipe with everything resolved."""
    return recipe.model_dump(mode="json")

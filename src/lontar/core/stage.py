"""Stages: typed functions from finished artifacts to one new artifact.

``@stage`` reads the inputs from the function's annotations and its config class from the keyword ``config``; the CLI
command, the recipe key and the validation follow. A stage is called with the folder to make, the inputs and a config::

    extend("runs/x/tokenizer", base, corpus, config=ExtendConfig(new_tokens=16_384))  # -> Tokenizer
    extend.using(seed=1, resources=Resources(workers=2))("runs/x/tokenizer", base, corpus, config=...)

Built-in stages live in `lontar/<family>/stages.py`, or in a `*_stages.py` beside it that the package imports, and are
named `<family>.<verb>`; a plug-in may register any name.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from lontar.core import build as builder
from lontar.core import plugins
from lontar.core.artifact import Artifact
from lontar.core.build import Options
from lontar.core.config import Config, nearest
from lontar.core.extras import needed_by
from lontar.core.job import Job
from lontar.core.registry import PACKAGE_ROOT
from lontar.errors import ConfigError, KindError, UnknownNameError

P = ParamSpec("P")
A = TypeVar("A", bound=Artifact)
Inputs = Mapping[str, Artifact | Sequence[Artifact] | None]
UsesFunction = Callable[[Any, dict[str, Any]], dict[str, str]]


class NoConfig(Config):
    """A stage without settings."""


@dataclass(frozen=True)
class InputSpec:
    """One input of a stage, as its annotation says."""

    name: str
    kinds: tuple[type[Artifact], ...]
    many: bool
    required: bool

    @property
    def described(self) -> str:
        """`corpus`, `model or endpoint`, `corpus, several`."""
        names = " or ".join(kind.kind or "any artifact" for kind in self.kinds)
        return names + (", several" if self.many else "") + ("" if self.required else ", optional")


@dataclass(frozen=True)
class Stage(Generic[P, A]):
    """A registered stage; call it to make an artifact, or to get the one that is already there."""

    name: str
    out: type[A]
    version: int
    libraries: tuple[str, ...]
    function: Callable[..., None]
    uses: UsesFunction | None
    inputs: dict[str, InputSpec]
    config_type: type[Config]
    options: Options = field(default_factory=Options)

    def __call__(self, out: Path | str, *args: P.args, **kwargs: P.kwargs) -> A:
        """Make the artifact at `out`: reuse it when it is finished with equal settings, resume it when it was begun.

        Raises:
            DriftError: it is finished with other settings.
            LockedError: another run is making it.
            ArtifactError, DataError, ...: whatever the stage finds wrong.
        """
        bound = inspect.signature(self.function).bind_partial(None, *args, **kwargs)
        given = {name: value for name, value in bound.arguments.items() if name in self.inputs}
        return self.run(out, given, bound.arguments.get("config"))

    def using(self, **options: Any) -> Stage[P, A]:
        """The same stage with other `Options`: seed, resources, progress, rebuild, allow_incomplete."""
        return replace(self, options=replace(self.options, **options))

    def run(self, out: Path | str, inputs: Inputs, config: Config | None = None) -> A:
        """As calling it, with the inputs in a mapping."""
        path = builder.named(out)
        with builder.locked(path):
            made = builder.build(self.derivation(inputs, config), path, self.options)
        if not isinstance(made, self.out):  # pragma: no cover - the manifest's kind comes from self.out
            raise KindError(f"{out}: {self.name} made a {made.kind}")
        return made

    def derivation(self, inputs: Inputs, config: Config | None = None) -> builder.Derivation:
        """Everything the output will depend on, checked.

        Raises:
            ConfigError: an input is missing or unknown; KindError: it is of another kind.
        """
        checked = {name: _checked(self, spec, inputs.get(name)) for name, spec in self.inputs.items()}
        if unknown := sorted(inputs.keys() - self.inputs.keys()):
            raise ConfigError(f"{self.name}: unknown input {unknown[0]!r}", hint=nearest(unknown[0], self.inputs))
        config = config if config is not None else self.config_type()
        if not isinstance(config, self.config_type):
            raise ConfigError(f"{self.name}: config must be a {self.config_type.__name__} (got {config!r})")
        uses = {f"library:{name}": library_version(name) for name in self.libraries}
        uses |= self.uses(config, dict(checked)) if self.uses else {}
        if not Path(inspect.getsourcefile(self.function) or "").resolve().is_relative_to(PACKAGE_ROOT):
            uses[f"plugin:stage:{self.name}"] = plugins.source_digest(self.function)
        return builder.Derivation(
            stage=self.name,
            version=self.version,
            kind=self.out.kind,
            seed=self.options.seed,
            config=config,
            inputs=checked,
            uses=uses,
            run=lambda job: self._run(job, checked, config),
        )

    def _run(self, job: Job, inputs: Mapping[str, Any], config: Config) -> None:
        keyword = {"config": config} if self.config_type is not NoConfig else {}
        with needed_by(self.name):
            self.function(job, *inputs.values(), **keyword)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


_STAGES: dict[str, Stage[Any, Any]] = {}


def stage(
    name: str, *, out: type[A], version: int, libraries: Sequence[str] = (), uses: UsesFunction | None = None
) -> Callable[[Callable[Concatenate[Job, P], None]], Stage[P, A]]:
    """Register a function as a stage.

    Args:
        name: `<family>.<verb>`.
        out: the kind of artifact it makes.
        version: raise it whenever the same inputs give another output.
        libraries: distributions whose version changes the output; they enter the fingerprint.
        uses: `(config, inputs) -> {name: digest}` of other things the output depends on.
    """

    def register(function: Callable[Concatenate[Job, P], None]) -> Stage[P, A]:
        inputs, config_type = _signature(name, function)
        made: Stage[P, A] = Stage(name, out, version, tuple(libraries), function, uses, inputs, config_type)
        old = _STAGES.get(name)
        if old is not None and _place(old.function) != _place(function):
            both = f"{_place(old.function)} and {_place(function)}"
            raise ConfigError(f"stage {name!r} is defined by both {both}", hint="rename one of them")
        _STAGES[name] = made
        return made

    return register


def _place(function: Callable[..., Any]) -> str:
    return f"{inspect.getsourcefile(function)} ({function.__qualname__})"


def _signature(name: str, function: Callable[..., Any]) -> tuple[dict[str, InputSpec], type[Config]]:
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    inputs: dict[str, InputSpec] = {}
    config_type: type[Config] = NoConfig
    for parameter in parameters[1:]:
        hint = hints.get(parameter.name)
        if parameter.name == "config":
            if not (isinstance(hint, type) and issubclass(hint, Config)):
                raise TypeError(f"stage {name}: config must be annotated with a Config class")
            config_type = hint
        else:
            inputs[parameter.name] = _input(name, parameter, hint)
    return inputs, config_type


def _input(stage_name: str, parameter: inspect.Parameter, hint: Any) -> InputSpec:
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    required = type(None) not in options
    options = tuple(o for o in options if o is not type(None))
    many = len(options) == 1 and typing.get_origin(options[0]) is tuple
    if many:
        inner = typing.get_args(options[0])[0]
        options = typing.get_args(inner) or (inner,)
    if not options or not all(isinstance(o, type) and issubclass(o, Artifact) for o in options):
        raise TypeError(
            f"stage {stage_name}: input {parameter.name} must be annotated with artifact classes, not {hint}"
        )
    return InputSpec(parameter.name, options, many, required)


def _checked(stage: Stage[Any, Any], spec: InputSpec, value: Any) -> Any:
    if value is None or (spec.many and not value):
        if spec.required:
            raise ConfigError(f"{stage.name}: input {spec.name!r} is required ({spec.described})")
        return None
    if spec.many and isinstance(value, Artifact):
        value = (value,)
    for item in value if spec.many else (value,):
        if not isinstance(item, spec.kinds):
            got = f"a {item.kind} ({item.path})" if isinstance(item, Artifact) else repr(item)
            raise KindError(f"{stage.name}: input {spec.name!r} takes {spec.described}, got {got}")
    return tuple(value) if spec.many else value


def library_version(distribution: str) -> str:
    """Installed version of a distribution, or `missing`: a plan can be made without the extra."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def families() -> list[str]:
    """Packages of lontar that have stages, sorted; nothing is imported."""
    found = [
        info.name
        for info in pkgutil.iter_modules([str(PACKAGE_ROOT)])
        if info.ispkg and (PACKAGE_ROOT / info.name / "stages.py").is_file()
    ]
    return [name for name in found if name != "cli"]  # its stages.py makes commands from stages


def find_stage(name: str) -> Stage[Any, Any]:
    """The stage called `name`; only its family is imported, and plug-ins when it is not a built-in one.

    Raises:
        UnknownNameError: with the nearest names as a hint.
    """
    if name not in _STAGES and (family := name.partition(".")[0]) in families():
        importlib.import_module(f"lontar.{family}.stages")
    if name not in _STAGES:
        plugins.load_all()
    if name not in _STAGES:
        raise UnknownNameError(f"unknown stage {name!r}", hint=nearest(name, (s.name for s in all_stages())))
    return _STAGES[name]


def stages_of(family: str) -> dict[str, Stage[Any, Any]]:
    """Stages of one family by verb, those of plug-ins included; other families are not imported."""
    if family in families():
        importlib.import_module(f"lontar.{family}.stages")
    plugins.load_all()
    return {name.partition(".")[2]: _STAGES[name] for name in sorted(_STAGES) if name.startswith(f"{family}.")}


def all_stages() -> list[Stage[Any, Any]]:
    """Every stage, built in and plugged in, sorted by name."""
    for family in families():
        importlib.import_module(f"lontar.{family}.stages")
    plugins.load_all()
    return [_STAGES[name] for name in sorted(_STAGES)]

"""Commands: functions behind the verbs that make no artifact, beside the stages of their family.

``@command("text.langid")`` makes ``lontar text langid``. Positional-only parameters are arguments, keyword-only ones
are options, and the docstring is the help, its `Args` section that of each parameter. A command yields JSON objects,
printed one a line as they come, so that a reader of the pipe sees the first row at once and what was done before an
error is not lost; or it returns a `Report`, printed as tables, or as JSON with `--json`::

    @command("text.langid")
    def langid(file: Path, /, *, batch: int = 256) -> Iterator[JsonObject]: ...

Built-in commands live in `lontar/<package>/commands.py`; a plug-in may register any name.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.core import plugins
from lontar.core.config import JsonObject, JsonValue
from lontar.core.registry import PACKAGE_ROOT
from lontar.errors import ConfigError

__all__ = ["Command", "Parameter", "Report", "Table", "command", "commands_of"]


@dataclass(frozen=True)
class Table:
    """A table to print: a title, names of columns, cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Report:
    """What a command found, for people and for programs."""

    value: JsonValue
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    exit_code: int = 0


Function = Callable[..., Iterable[JsonObject] | Report]


@dataclass(frozen=True)
class Parameter:
    """An argument or an option of a command."""

    name: str
    kind: Any
    """The annotation."""
    default: Any
    """`inspect.Parameter.empty` where there is none."""
    is_option: bool
    help: str


@dataclass(frozen=True)
class Command:
    """A registered command."""

    name: str
    function: Function

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def reports(self) -> bool:
        """Whether it returns a `Report`."""
        return typing.get_type_hints(self.function).get("return") is Report

    @property
    def parameters(self) -> list[Parameter]:
        """Arguments and options, in order."""
        hints, notes = typing.get_type_hints(self.function), _notes(inspect.getdoc(self.function) or "")
        return [
            Parameter(p.name, hints[p.name], p.default, p.kind is p.KEYWORD_ONLY, notes.get(p.name, ""))
            for p in inspect.signature(self.function).parameters.values()
        ]


def _notes(doc: str) -> dict[str, str]:
    """What the `Args` section says of each parameter."""
    found: dict[str, str] = {}
    name = ""
    for line in doc.partition("\nArgs:\n")[2].partition("\n\n")[0].splitlines():
        if not line.startswith("        ") and ":" in line:
            name, _, line = line.strip().partition(":")
        found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


_COMMANDS: dict[str, Command] = {}


def command(name: str) -> Callable[[Function], Function]:
    """Register the decorated function as the command `<family>.<verb>`.

    Raises:
        ConfigError: the name has no family, or another function has it.
    """

    def register(function: Function) -> Function:
        if "." not in name:
            raise ConfigError(f"command {name!r}: write <family>.<verb>")
        old = _COMMANDS.get(name)
        if old is not None and old.function.__qualname__ != function.__qualname__:
            raise ConfigError(f"command {name!r} is defined twice", hint="rename one of them")
        _COMMANDS[name] = Command(name, function)
        return function

    return register


def commands_of(family: str) -> dict[str, Command]:
    """Commands of one family by verb, those of plug-ins included."""
    for info in pkgutil.iter_modules([str(PACKAGE_ROOT)]):
        if info.ispkg and (PACKAGE_ROOT / info.name / "commands.py").is_file():
            importlib.import_module(f"lontar.{info.name}.commands")
    plugins.load_all()
    return {name.partition(".")[2]: _COMMANDS[name] for name in sorted(_COMMANDS) if name.startswith(f"{family}.")}

"""Configuration: a frozen model base, a strict YAML reader with line numbers, and errors that are all reported at once.

Plain YAML 1.1 turns the language code ``no`` into False, ``1e-4`` into a string, ``12:30`` into 750 and lets a
repeated key win silently. Here only ``true``/``false`` are booleans, numbers look like numbers, and a repeated key is
an error. Every value remembers its line, so that a validation message can point at it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from lontar.errors import ConfigError

__all__ = [
    "Config",
    "JsonObject",
    "JsonValue",
    "Parsed",
    "Problem",
    "assign",
    "fields_at",
    "load_yaml",
    "made",
    "nearest",
    "parse_assignment",
    "parse_yaml",
    "problems_of",
    "raise_problems",
    "scalar",
    "validate",
]

JsonObject = dict[str, JsonValue]
Loc = tuple[str | int, ...]
C = TypeVar("C", bound="BaseModel")


class Config(BaseModel):
    """Base of configs and records: frozen, unknown fields refused, attribute docstrings are the help texts."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True
    )


def made(kind: type[C], values: dict[str, Any]) -> C:
    """A model of values that are known to be right, all fields given: a fifth of the time of `model_construct`.

    For places that make tens of thousands; `values` becomes the model's own.
    """
    model = kind.__new__(kind)
    setter = object.__setattr__
    setter(model, "__dict__", values)
    setter(model, "__pydantic_fields_set__", set())
    setter(model, "__pydantic_extra__", None)
    setter(model, "__pydantic_private__", None)
    return model


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed YAML document and the line (from 1) of each of its values."""

    value: JsonValue
    source: str = "<text>"
    lines: Mapping[Loc, int] = field(default_factory=dict)
    given: Mapping[Loc, str] = field(default_factory=dict)
    """values that came from elsewhere, such as the command line, and from where"""

    def where(self, loc: Sequence[str | int]) -> str:
        """`file:line` of a value, or of its nearest known ancestor."""
        key = tuple(loc)
        while key and key not in self.lines and key not in self.given:
            key = key[:-1]
        line = self.lines.get(key)
        return self.given.get(key) or (f"{self.source}:{line}" if line else self.source)

    def assigned(self, path: Sequence[str], value: JsonValue, where: str) -> Parsed:
        """A copy with `value` at `path` (see `assign`), which came from `where`.

        Raises:
            ConfigError: the path leads outside a list; or the document is no mapping.
        """
        tree = self.value if self.value is not None else {}
        if not isinstance(tree, dict):
            raise ConfigError(f"{self.source}: expected a mapping of settings")
        loc: Loc = tuple(int(part) if part.isdecimal() else part for part in path)
        return replace(self, value=assign(tree, path, value), given={**self.given, loc: where})


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a config: where, what, and the way on."""

    where: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def raise_problems(problems: Sequence[Problem], *, hint: str | None = None) -> None:
    """Raise one ConfigError that lists all `problems`; do nothing when there are none."""
    if not problems:
        return
    if len(problems) == 1:
        raise ConfigError(f"{problems[0].where}: {problems[0].message}", hint=problems[0].hint or hint)
    body = "\n".join(f"  {p}" for p in problems)
    raise ConfigError(f"{len(problems)} problems:\n{body}", hint=hint)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the closest known names, or all of them when they are few."""
    names = sorted(known)
    if close := difflib.get_close_matches(name, names, n=3, cutoff=0.6):
        return "did you mean " + " or ".join(close) + "?"
    return "known: " + ", ".join(names) if 0 < len(names) <= 20 else None


# --- strict YAML -----------------------------------------------------------------------------------------------------

_BOOL = {"true": True, "false": False}
_NULL = frozenset({"", "null", "~"})
# Up to 400 digits: Python itself refuses integers of more than 4,300. A float needs a digit before its exponent: "e5"
# is the name of a model.
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]{0,400})\Z")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?\Z")


def scalar(text: str) -> JsonValue:
    """Read a plain (unquoted) YAML scalar: bool, null, int, float, or else the text itself."""
    if text in _BOOL:
        return _BOOL[text]
    if text in _NULL:
        return None
    if _INT.match(text):
        return int(text.replace("_", ""))
    if _FLOAT.match(text) and not re.match(r"[-+]?0[0-9_]", text):
        number = float(text.replace("_", ""))
        return number if math.isfinite(number) else text
    return text


def parse_yaml(text: str, source: str = "<text>") -> Parsed:
    """Parse strict YAML.

    Raises:
        ConfigError: bad syntax, a repeated key, a key that is not a string, an anchor, a tag, or two documents.
    """
    try:
        node = yaml.compose(text, Loader=_Plain)
    except _NotPlainError as err:
        raise ConfigError(f"{source}:{err.line}: {err}") from err
    except (yaml.YAMLError, RecursionError) as err:
        raise ConfigError(f"{source}: not valid YAML: {_one_line(err)}") from err
    lines: dict[Loc, int] = {}
    value = None if node is None else _build(node, (), lines, source)
    return Parsed(value, source, lines)


def load_yaml(path: Path) -> Parsed:
    """Read and parse a YAML file.

    Raises:
        ConfigError: the file cannot be read, is not UTF-8, or is not strict YAML.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except OSError as err:
        raise ConfigError(f"{path}: cannot read: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise ConfigError(f"{path}: not UTF-8 at byte {err.start}", hint="save the file as UTF-8") from err


class _NotPlainError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Plain(yaml.SafeLoader):
    """Refuses what hides the value that is meant (anchors, aliases, tags); an alias may also stand inside itself."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _NotPlainError(line, f"anchors and aliases such as {event.anchor} are not allowed")
        if (tag := getattr(event, "tag", None)) is not None:
            raise _NotPlainError(line, f"tags such as {tag.replace('tag:yaml.org,2002:', '!!')} are not allowed")
        return super().compose_node(parent, index)


def _one_line(err: Exception) -> str:
    mark = getattr(err, "problem_mark", None)
    problem = getattr(err, "problem", None) or str(err).partition("\n")[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _build(node: yaml.Node, loc: Loc, lines: dict[Loc, int], source: str) -> JsonValue:
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return scalar(node.value) if node.style is None else _text(node.value, f"{source}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*loc, i), lines, source) for i, item in enumerate(node.value)]
    result: JsonObject = {}
    for key_node, value_node in node.value:
        key = _key(key_node, result, source)
        lines[(*loc, key)] = key_node.start_mark.line + 1
        result[key] = _build(value_node, (*loc, key), lines, source)
    return result


def _text(value: str, where: str) -> str:
    # "\\ud83d\\ude00" is one character in JSON, and two halves that no file can hold for the YAML reader.
    try:
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as err:
        raise ConfigError(f"{where}: the text holds half of a surrogate pair") from err


def _key(node: yaml.Node, taken: JsonObject, source: str) -> str:
    where = f"{source}:{node.start_mark.line + 1}"
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{where}: a key must be plain text")
    if node.value == "<<":
        raise ConfigError(f"{where}: merge keys (<<) are not allowed", hint="write the keys out")
    key = _text(node.value, where)
    if key in taken:
        raise ConfigError(f"{where}: the key {key!r} is given twice")
    return key


# --- overrides -----------------------------------------------------------------------------------------------------


def parse_assignment(text: str) -> tuple[tuple[str, ...], JsonValue]:
    """Split `a.b.c=value` into its path and its value, read as strict YAML.

    Raises:
        ConfigError: there is no `=` or the path is empty.
    """
    path, sep, raw = text.partition("=")
    if not sep or not path.strip("."):
        raise ConfigError(f"{text!r}: expected key=value", hint="for example steps=200 or optim.lr=1e-3")
    return tuple(path.strip().split(".")), parse_yaml(raw, source=text).value


def assign(tree: JsonObject, path: Sequence[str], value: JsonValue) -> JsonObject:
    """A copy of `tree` with `value` at `path`; numbers index into existing lists."""
    head, rest = path[0], path[1:]
    if not rest:
        return {**tree, head: value}
    child = tree.get(head)
    if isinstance(child, list):
        return {**tree, head: _assign_item(child, rest, value, head)}
    return {**tree, head: assign(child if isinstance(child, dict) else {}, rest, value)}


def _assign_item(items: list[JsonValue], path: Sequence[str], value: JsonValue, parent: str) -> list[JsonValue]:
    if not path[0].isdecimal() or int(path[0]) >= len(items):
        raise ConfigError(f"{parent}.{path[0]}: expected an index below {len(items)}")
    copy, i = list(items), int(path[0])
    item, rest = copy[i], path[1:]
    if not rest:
        copy[i] = value
    elif isinstance(item, list):
        copy[i] = _assign_item(item, rest, value, f"{parent}.{i}")
    else:
        copy[i] = assign(item if isinstance(item, dict) else {}, rest, value)
    return copy


# --- validation ----------------------------------------------------------------------------------------------------


def problems_of(
    err: ValidationError, model: type[BaseModel], doc: Parsed, prefix: Loc = (), label: str = ""
) -> list[Problem]:
    """Every mistake in a pydantic error as a Problem: place, value, and the nearest known field as a hint.

    `prefix` is where the model's value stands in `doc`, `label` what to write before the names of its fields.
    """
    found: list[Problem] = []
    for item in err.errors(include_url=False):
        loc = (*prefix, *item["loc"])
        name = ".".join(str(part) for part in item["loc"]) or "value"
        where = f"{doc.where(loc)}: {label}{name}"
        if item["type"] == "extra_forbidden":
            fields = fields_at(model, item["loc"][:-1])
            found.append(Problem(where, "unknown field", nearest(str(item["loc"][-1]), fields) if fields else None))
        elif item["type"] == "missing":
            found.append(Problem(where, "required, but not given"))
        else:
            got = repr(item["input"])
            got = got if len(got) <= 60 else got[:57] + "..."
            # A message of several lines tells of values inside, each with its own.
            found.append(Problem(where, item["msg"] if "\n" in item["msg"] else f"{item['msg']} (got {got})"))
    return found


def fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> set[str]:
    """Field names of the model that `loc` leads to, looking through containers and unions."""
    current: list[Any] = [model]
    for part in loc:
        following: list[Any] = []
        for kind in current:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
                following += _inner_types(kind.model_fields[str(part)].annotation)
        current = following or current
    return {
        name for kind in current if isinstance(kind, type) and issubclass(kind, BaseModel) for name in kind.model_fields
    }


def _inner_types(annotation: Any) -> list[Any]:
    args = getattr(annotation, "__args__", None)
    return [annotation] if not args else [found for arg in args for found in _inner_types(arg)]


def validate(model: type[C], value: JsonValue, doc: Parsed | None = None, prefix: Loc = ()) -> C:
    """Validate `value` as `model`.

    Raises:
        ConfigError: listing every mistake with its place and a hint.
    """
    doc = doc or Parsed(value)
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as err:
        raise_problems(problems_of(err, model, doc, prefix))
        raise  # pragma: no cover - a ValidationError always holds at least one problem

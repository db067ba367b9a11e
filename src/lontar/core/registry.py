"""Names to plain typed functions: the plug-in mechanism.

A plug-in is a function. Its positional-only parameters are data, its keyword-only parameters are knobs; the registry
reads the knobs from the signature and validates a config against them. Nobody subclasses anything to contribute::

    @corpus_filter("word_count")
    def word_count(doc: Document, lang: Language, /, *, min_words: int = 50) -> str | None: ...

In YAML a use of it is ``word_count``, ``{word_count: {min_words: 20}}``, or, for a function whose first knob says it
all, ``{word_count: 20}``. Where plug-ins come from is in `core/plugins.py`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, create_model

from lontar.core import plugins
from lontar.core.config import Parsed, nearest, problems_of, raise_problems
from lontar.errors import ConfigError, UnknownNameError

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE_ROOT = Path(__file__).resolve().parent.parent


class Knobs(BaseModel):
    """Base of the models made from signatures."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Entry(Generic[F]):
    """One registered function."""

    name: str
    function: F
    origin: str
    """File that defines it."""
    builtin: bool

    @functools.cached_property
    def knobs(self) -> type[Knobs]:
        """Model of the keyword-only parameters."""
        hints = get_type_hints(self.function)
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(self.function).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                default = ... if parameter.default is inspect.Parameter.empty else parameter.default
                fields[parameter.name] = (hints.get(parameter.name, Any), default)
        return create_model(f"{self.name}_knobs", __base__=Knobs, **fields)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def source_digest(self) -> str:
        """SHA-256 of the file that defines the function: what a plug-in contributes to a fingerprint."""
        return plugins.source_digest(self.function)


@dataclass(frozen=True)
class Use(Generic[F]):
    """A registered function with its validated knobs: call it with the data alone."""

    entry: Entry[F]
    knobs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.entry.name

    def __call__(self, *data: Any) -> Any:
        """Call the function on `data` with the knobs of this use."""
        return self.entry.function(*data, **self.knobs)


@dataclass
class Registry(Generic[F]):
    """Names of one kind of function.

    Args:
        noun: what an entry is called, in messages: "filter".
        package: package whose submodules define the built-in entries; imported at the first look-up.
        loader: imports the built-in entries when they are not all in one package.
    """

    noun: str
    package: str | None = None
    loader: Callable[[], None] | None = None
    _entries: dict[str, Entry[F]] = field(default_factory=dict)
    _loaded: bool = False

    def __call__(self, name: str) -> Callable[[F], F]:
        """Register the decorated function under `name`."""

        def register(function: F) -> F:
            self.add(name, function)
            return function

        return register

    def add(self, name: str, function: F) -> None:
        """Register `function` under `name`.

        Raises:
            ConfigError: another function is registered under the same name.
        """
        origin = inspect.getsourcefile(inspect.unwrap(function)) or "<interactive>"
        old = self._entries.get(name)
        if old is not None and (old.origin, old.function.__qualname__) != (origin, function.__qualname__):
            both = f"{old.origin} ({old.function.__qualname__}) and {origin} ({function.__qualname__})"
            raise ConfigError(f"{self.noun} {name!r} is defined by both {both}", hint="rename one of them")
        builtin = Path(origin).resolve().is_relative_to(PACKAGE_ROOT)
        self._entries[name] = Entry(name, function, origin, builtin)

    def load(self) -> None:
        """Import the built-in entries and the user's plug-ins, once."""
        if self._loaded:
            return
        self._loaded = True  # first: a plug-in may ask while it is being imported
        try:
            self._load_builtin()
            plugins.load_all()
        except BaseException:
            self._loaded = False
            raise

    def _load_builtin(self) -> None:
        if self.package is not None:
            _import_tree(self.package)
        if self.loader is not None:
            self.loader()

    def get(self, name: str) -> Entry[F]:
        """The entry called `name`.

        Raises:
            UnknownNameError: with the nearest known names as a hint.
        """
        if name not in self._entries:
            self._load_builtin()  # a plug-in that fails to load is no matter to who asks for a name of ours
        if name not in self._entries:
            self.load()
        if name not in self._entries:
            raise UnknownNameError(f"unknown {self.noun} {name!r}", hint=nearest(name, self._entries))
        return self._entries[name]

    def __contains__(self, name: str) -> bool:
        self.load()
        return name in self._entries

    def __iter__(self) -> Iterator[Entry[F]]:
        """All entries, sorted by name."""
        self.load()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def use(self, spec: JsonValue, doc: Parsed | None = None) -> Use[F]:
        """Resolve `name`, `{name: {knob: value}}` or `{name: first_knob_value}`.

        Raises:
            ConfigError: the spec has another shape, the name is unknown, or a knob is wrong.
        """
        name, knobs = self.split(spec)
        entry = self.get(name)
        model = entry.knobs
        if not isinstance(knobs, dict):
            first = next(iter(model.model_fields), None)
            if first is None:
                raise ConfigError(f"{self.noun} {name!r} takes no settings (got {knobs!r})")
            knobs = {first: knobs}
        try:
            valid = model.model_validate(knobs)
        except ValidationError as err:
            raise_problems(problems_of(err, model, doc or Parsed(knobs, f"{self.noun} {name}")))
            raise  # pragma: no cover - a ValidationError always holds at least one problem
        return Use(entry, {key: getattr(valid, key) for key in type(valid).model_fields})

    def split(self, spec: JsonValue) -> tuple[str, JsonValue]:
        """Name and settings of a spec, unchecked."""
        if isinstance(spec, str):
            return spec, {}
        if isinstance(spec, dict) and len(spec) == 1:
            ((name, knobs),) = spec.items()
            return name, {} if knobs is None else knobs
        raise ConfigError(f"{spec!r} is not a {self.noun}", hint="write a name or {name: {setting: value}}")


def _import_tree(package: str) -> None:
    module = importlib.import_module(package)
    for info in pkgutil.iter_modules(getattr(module, "__path__", []), prefix=f"{package}."):
        importlib.import_module(info.name)

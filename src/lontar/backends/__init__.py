"""Back-ends: ways to run a model, each behind the small protocols of `base.py`.

The table maps a name to `module:Class`, so that nothing heavy is imported before a back-end is opened. A plug-in adds
its own with `register_backend`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.backends.base import (
    BatchGenerator,
    BatchScorer,
    Closing,
    Counter,
    Delta,
    Described,
    Embedder,
    FinishReason,
    Generation,
    Generator,
    LikelihoodScorer,
    ModelIdentity,
    Prompt,
    Sampling,
    TokenIds,
    TokenLogprob,
    TokenScores,
    Usage,
    abilities,
    collect,
    require,
)
from lontar.core import plugins
from lontar.core.config import nearest
from lontar.errors import ConfigError, UnknownNameError

__all__ = [
    "BatchGenerator",
    "BatchScorer",
    "Closing",
    "Counter",
    "Delta",
    "Described",
    "Embedder",
    "FinishReason",
    "Generation",
    "Generator",
    "LikelihoodScorer",
    "ModelIdentity",
    "Prompt",
    "Sampling",
    "TokenIds",
    "TokenLogprob",
    "TokenScores",
    "Usage",
    "abilities",
    "all_backends",
    "backend_options",
    "collect",
    "open_backend",
    "plugin_digest",
    "register_backend",
    "require",
]

Factory = Callable[..., Any]


@dataclass(frozen=True)
class _Entry:
    target: str | Factory
    summary: str
    origin: str

    def factory(self) -> Factory:
        if not isinstance(self.target, str):
            return self.target
        module, _, name = self.target.partition(":")
        found: Factory = getattr(importlib.import_module(module), name)
        return found


_BUILTIN = "lontar"
_BACKENDS: dict[str, _Entry] = {
    "echo": _Entry("lontar.backends.echo:Echo", "no model: answers made from the prompt, for tests", _BUILTIN),
    "hf": _Entry("lontar.backends.hf:HuggingFace", "a model folder in this process, on CPU or GPU", _BUILTIN),
    "openai": _Entry("lontar.backends.openai:OpenAI", "any server that speaks the OpenAI API", _BUILTIN),
}


def register_backend(name: str, target: str | Factory, summary: str = "") -> None:
    """Add a back-end under `name`: a factory `(target, *, options) -> back-end`, or "module:Class" to import later.

    Raises:
        ConfigError: the name is taken by another one, or `target` is not of that form.
    """
    if isinstance(target, str):
        origin = target.partition(":")[0]
        if not all(target.partition(":")):
            raise ConfigError(f"back-end {name!r}: {target!r} is not of the form 'module:Class'")
    else:
        origin = inspect.getsourcefile(inspect.unwrap(target)) or "<interactive>"
        summary = summary or (inspect.getdoc(target) or "").partition("\n")[0]
    old = _BACKENDS.get(name)
    if old is not None and old.origin != origin:
        raise ConfigError(f"back-end {name!r} is defined by both {old.origin} and {origin}", hint="rename one of them")
    _BACKENDS[name] = _Entry(target, summary, origin)


def all_backends() -> list[tuple[str, str]]:
    """Name and summary of every back-end, sorted."""
    plugins.load_all()
    return [(name, _BACKENDS[name].summary) for name in sorted(_BACKENDS)]


def backend_options(name: str) -> list[str]:
    """Names of the options that a back-end takes.

    Raises:
        UnknownNameError: there is no such back-end.
    """
    parameters = inspect.signature(_entry(name).factory()).parameters.values()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def open_backend(name: str, target: str | Path = "", **options: Any) -> Any:
    """Open back-end `name` on a model folder or a URL.

    Raises:
        UnknownNameError: there is no such back-end; ConfigError: it has no such option.
        MissingExtraError: its library is not installed; BackendError: the model cannot be opened.
    """
    known = backend_options(name)
    for option in options:
        if option not in known:
            raise ConfigError(f"back-end {name!r} has no option {option!r}", hint=nearest(option, known))
    return _entry(name).factory()(target, **options)


def plugin_digest(name: str) -> dict[str, str]:
    """What an output made with this back-end depends on: the source of a plug-in; nothing for a built-in one.

    Raises:
        UnknownNameError: there is no such back-end.
    """
    entry = _entry(name)
    return {} if entry.origin == _BUILTIN else {f"plugin:back-end:{name}": plugins.source_digest(entry.factory())}


def _entry(name: str) -> _Entry:
    if name not in _BACKENDS:
        plugins.load_all()
    if name not in _BACKENDS:
        raise UnknownNameError(f"unknown back-end {name!r}", hint=nearest(name, _BACKENDS))
    return _BACKENDS[name]

"""Where plug-ins outside the package come from.

Three places, all loaded once at the first look-up of an unknown or of every name: ``$LONTAR_HOME/plugins/*.py`` (one
file is enough), files that a recipe names under ``plugins:``, and modules that installed packages name in the entry
point group ``lontar.plugins``. A plug-in is imported code: it runs with the user's rights, as any Python package does.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lontar.errors import ConfigError

GROUP = "lontar.plugins"
_loaded: set[Path] = set()
_entry_points_loaded = False


def home() -> Path:
    """The user's own folder: `$LONTAR_HOME`, or `~/.lontar`."""
    return Path(os.environ.get("LONTAR_HOME") or Path.home() / ".lontar").expanduser()


def load_file(path: Path) -> None:
    """Import one plug-in file; a file is imported once.

    Raises:
        ConfigError: the file is missing, or importing it failed.
    """
    path = path.expanduser().resolve()
    if path in _loaded:
        return
    if not path.is_file():
        raise ConfigError(f"{path}: no such plug-in file")
    # The hash keeps files of the same name apart, and is the same in every worker process.
    name = f"lontar_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _loaded.add(path)
    try:
        spec.loader.exec_module(module)
    except Exception as err:
        _loaded.discard(path)
        del sys.modules[name]
        raise ConfigError(f"{path}: the plug-in failed to load: {type(err).__name__}: {err}") from err


def loaded_files() -> tuple[Path, ...]:
    """Plug-in files imported so far, sorted: what a worker process must import too."""
    return tuple(sorted(_loaded))


def source_digest(function: Callable[..., object]) -> str:
    """SHA-256 of the file that defines a function, or of its code: what a plug-in contributes to a fingerprint."""
    inner: Any = inspect.unwrap(function)
    origin = Path(inspect.getsourcefile(inner) or "<interactive>")
    data = origin.read_bytes() if origin.is_file() else _code(inner.__code__)
    return hashlib.sha256(data).hexdigest()


def _code(code: types.CodeType) -> bytes:
    # A function typed at a prompt has no file; two of them must still be told apart.
    inner = (_code(c) if isinstance(c, types.CodeType) else repr(c).encode() for c in code.co_consts)
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *inner])


def load_all() -> None:
    """Import the plug-in files in the user's folder and the installed plug-in packages."""
    global _entry_points_loaded
    folder = home() / "plugins"
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else []:
        if not path.name.startswith("."):  # what an editor or a file manager leaves there
            load_file(path)
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as err:
            _entry_points_loaded = False
            raise ConfigError(
                f"plug-in {point.name} ({point.value}) failed to load: {type(err).__name__}: {err}"
            ) from err

"""Optional libraries: the import, or what to install."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from lontar.errors import MissingExtraError


def need(module: str, *, extra: str) -> Any:
    """Import an optional library.

    Raises:
        MissingExtraError: it is not installed; the message names the pip command.
    """
    try:
        found: ModuleType = importlib.import_module(module)
    except ModuleNotFoundError as err:
        missing = err.name or module
        raise MissingExtraError(f"{missing} is not installed", hint=f"pip install 'lontar[{extra}]'") from err
    return found


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Turn a plain import of an optional library that is not there into what to install for `what`.

    Raises:
        MissingExtraError: the block imported a library that is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as err:
        name = (err.name or "").partition(".")[0]
        if not name or name == "lontar":  # a mistake of ours, not something to install
            raise
        extra = extra_of(name)
        hint = f"pip install 'lontar[{extra}]'" if extra else f"pip install the package that brings {name}"
        raise MissingExtraError(f"{what} needs {name}, which is not installed", hint=hint) from err


def extra_of(distribution: str) -> str | None:
    """The first of our extras that asks for `distribution`."""
    try:
        requirements = importlib.metadata.requires("lontar") or []
    except importlib.metadata.PackageNotFoundError:  # a source tree on the path
        return None
    for requirement in requirements:
        found = re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([^'\"]+)", requirement)
        if found and found[1].lower().replace("-", "_") == distribution.lower().replace("-", "_"):
            return found[2]
    return None

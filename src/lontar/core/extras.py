"""Optional libraries: the import, or what to install."""

from __future__ import annotations

import importlib
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

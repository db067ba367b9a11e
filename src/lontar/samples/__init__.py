"""Sample text that comes with the package: see README.md beside this file for terms and provenance."""

from __future__ import annotations

from pathlib import Path

from lontar.core.config import nearest
from lontar.errors import UnknownNameError


def path(name: str) -> Path:
    """The folder of a sample set, one `<language>.jsonl` per language.

    Raises:
        UnknownNameError: there is no such set.
    """
    root = Path(__file__).parent
    if (root / name).is_dir() and not name.startswith(("_", ".")):
        return root / name
    known = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(("_", ".")))
    raise UnknownNameError(f"no sample set called {name!r}", hint=nearest(name, known))

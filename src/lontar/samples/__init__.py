"""Sample text that comes with the package: see README.md beside this file for terms and provenance."""

from __future__ import annotations

from pathlib import Path

from lontar.core.config import nearest
from lontar.errors import UnknownNameError

_ROOT = Path(__file__).parent


def path(name: str) -> Path:
    """The folder of a sample set: `<language>.jsonl` of text, or `<language>.yaml` of templates.

    Raises:
        UnknownNameError: there is no such set.
    """
    if (_ROOT / name).is_dir() and not name.startswith(("_", ".")):
        return _ROOT / name
    known = sorted(p.name for p in _ROOT.iterdir() if p.is_dir() and not p.name.startswith(("_", ".")))
    raise UnknownNameError(f"no sample set called {name!r}", hint=nearest(name, known))


def languages(name: str) -> list[str]:
    """Codes of the languages that have a file in a sample set, sorted.

    Raises:
        UnknownNameError: there is no such set.
    """
    return sorted({p.stem for p in path(name).iterdir() if p.suffix in (".jsonl", ".yaml")})

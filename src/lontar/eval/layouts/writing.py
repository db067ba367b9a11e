"""Writing an export whole or not at all, and never over what is there without being told to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lontar.core.shards import TEMPORARY, flush
from lontar.errors import ConfigError

Write = Callable[[Path], Sequence[str]]
"""Writes under a folder and returns the paths in it, files or folders, that take their place as one."""


def export_into(out: Path, write: Write, *, force: bool) -> list[Path]:
    """Write beside `out` and rename; what is in `out` already and is not written anew stays.

    Raises:
        ConfigError: `out` is a file, or something that would be written is there already.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: a file stands there", hint="name a folder: an export is several files")
    temporary = out.parent / f"{TEMPORARY}{os.getpid()}-{out.name or 'export'}"
    _remove(temporary)
    temporary.mkdir(parents=True)
    try:
        names = write(temporary)
        taken = [name for name in names if (out / name).exists()]
        if taken and not force:
            raise ConfigError(
                f"{out / taken[0]}: is there already", hint="give another --out, or --force to replace it"
            )
        return [_move(temporary / name, out / name) for name in names]
    finally:
        _remove(temporary)


def _move(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.parent / f"{TEMPORARY}{os.getpid()}-old-{target.name}"
    if target.exists():
        target.rename(aside)
    source.rename(target)
    flush(target.parent)
    _remove(aside)
    return target


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def plain_text(text: str) -> str:
    r"""Text that every UTF-8 file can hold: halves of surrogate pairs become escapes, such as `\ud800`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

"""Toy stages, in this process and in others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lontar.core import plugins
from lontar.core import stage as stages
from tests.unit.core import toys as toys_module

TOYS_FILE = Path(toys_module.__file__)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> object:
    """The toy stages, registered while the test runs."""
    for name, found in toys_module.TOYS.items():
        monkeypatch.setitem(stages._STAGES, name, found)
    return toys_module


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    folder = tmp_path / "trace"
    folder.mkdir()
    return folder


@pytest.fixture
def unloaded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose plug-ins have not been loaded; what a test loads is forgotten after it."""
    monkeypatch.setattr(plugins, "_loaded", set())
    monkeypatch.setattr(plugins, "_entry_points_loaded", True)
    stages.all_stages()  # a family imported while the copy stands would be lost with it
    monkeypatch.setattr(stages, "_STAGES", dict(stages._STAGES))
    before = set(sys.modules)
    yield home
    for name in set(sys.modules) - before:
        if name.startswith("lontar_plugin_"):
            del sys.modules[name]


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start the command line in a process of its own, with the toy stages as a plug-in; ended with the test."""
    shutil.copy(TOYS_FILE, home / "plugins" / "toys.py")
    running = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "lontar", *arguments],
            env={**os.environ, "LONTAR_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def wait_for(path: Path, process: subprocess.Popen[str] | None = None, seconds: float = 30) -> None:
    """Wait until `path` exists."""
    end = time.monotonic() + seconds
    while not path.exists():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {process.communicate()[1]}")
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in ("Z", "X")


def files_under(folder: Path) -> dict[str, bytes]:
    """Relative path to content of everything under a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

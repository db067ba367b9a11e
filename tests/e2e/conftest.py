"""One finished run of the recipe `nano`, shared by all end-to-end tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "LONTAR_HOME": str(home), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def lontar(*arguments: str, home: Path, cwd: Path | None = None, timeout: float = 300) -> Result:
    """Run the command line in a process of its own, as a user does."""
    command = [sys.executable, "-m", "lontar", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment(home), cwd=cwd, timeout=timeout
    )
    return Result(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Nano:
    folder: Path
    home: Path
    steps: dict[str, dict[str, Any]]

    @property
    def digests(self) -> dict[str, str]:
        return {name: step["digest"] for name, step in self.steps.items()}

    def metrics(self, step: str) -> dict[str, float]:
        found: dict[str, float] = self.steps[step]["metrics"]
        return found


def run_nano(folder: Path, home: Path, *more: str) -> Result:
    return lontar("run", "nano", "--out", str(folder), "--progress", "none", "--json", *more, home=home)


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Nano:
    base = tmp_path_factory.mktemp("nano")
    (base / "home").mkdir()
    result = run_nano(base / "run", base / "home")
    assert result.code == 0, result.err
    return Nano(base / "run", base / "home", {row["step"]: row for row in result.json["steps"]})

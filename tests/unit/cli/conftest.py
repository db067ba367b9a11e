"""The command line in this process, with the toy stages of the core's tests."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from lontar.cli.main import run
from lontar.core import recipe as recipes
from lontar.core import stage as stages
from tests.unit.core.toys import TOYS


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run a command; what it prints is kept apart by stream."""
    monkeypatch.setattr(logging, "basicConfig", lambda **options: None)
    for name, found in TOYS.items():
        monkeypatch.setitem(stages._STAGES, name, found)

    def call(*arguments):
        capsys.readouterr()
        code = run([str(a) for a in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def gate(monkeypatch):
    def size(artifact, /, *, at_least: int = 0) -> list[str]:
        """Enough files."""
        n = len(artifact.manifest.files)
        return [] if n >= at_least else [f"{n} files, {at_least} asked for"]

    recipes.gates.load()
    monkeypatch.setattr(recipes.gates, "_entries", dict(recipes.gates._entries))
    recipes.gates.add("size", size)


RECIPE = """
name: toy
description: For tests.
steps:
  parts: {stage: toy.parts, config: {n: 2}}
  joined: {stage: toy.join, inputs: {first: parts, rest: [parts]}}
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "toy.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path / "toy.yaml"

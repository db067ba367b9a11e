"""The demo as people run it: act 1 in the default run and without torch, all of it in the slow one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from lontar.core.artifact import Artifact

# Python runs a module of this name when it starts; every importer then says that there is no torch.
WITHOUT_TORCH = """
import sys

class Hiding:
    def __init__(self, finder):
        self._find, self.invalidate_caches = finder.find_spec, getattr(finder, "invalidate_caches", lambda: None)
        self.find_distributions = getattr(finder, "find_distributions", lambda *a, **k: iter(()))

    def find_spec(self, name, *given):
        return None if name.partition(".")[0] == "torch" else self._find(name, *given)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""
UNSPACED = ("km", "lo", "my", "ta", "th")


def lontar(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lontar", *words]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def metrics(folder: Path) -> dict[str, float]:
    return Artifact.open(folder).manifest.metrics


@pytest.fixture(scope="module")
def act_1(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Act 1 where torch is not installed, as far as Python can see."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "without").mkdir()
    (folder / "without" / "sitecustomize.py").write_text(WITHOUT_TORCH, "utf-8")
    path = os.pathsep.join([str(folder / "without"), os.environ.get("PYTHONPATH", "")])
    done = lontar("demo", "--out", "run", "--act", "1", folder=folder, PYTHONPATH=path)
    return folder, done


def test_act_1_needs_no_torch(act_1: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert act_1[1].returncode == 0, act_1[1].stdout + act_1[1].stderr


def test_act_1_shows_reasons_boxes_and_the_flipped_byte(act_1: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = act_1
    for told in ("zawgyi", "mojibake", "near_duplicate of", "sara_am", "phone", "intact"):
        assert told in done.stdout, told
    assert "tokenizer.json" in done.stdout.split("One byte flipped")[1]
    assert Artifact.open(folder / "run" / "tokenizer").verify() == []


def test_the_extended_tokenizer_needs_a_quarter_of_the_tokens(
    act_1: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    found = metrics(act_1[0] / "run" / "tokenizer")
    assert {code: found[f"ratio.{code}"] for code in UNSPACED if found[f"ratio.{code}"] > 0.25} == {}
    assert found["ratio.en"] == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_the_whole_demo_keeps_its_word(act_1: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = act_1
    done = lontar("demo", "--out", "run", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    run = folder / "run"
    rows = json.loads((run / "scores" / "scores.json").read_text(encoding="utf-8"))["rows"]
    for row in rows:
        if row["lang"] == "en":
            assert row["value"] <= 1.08 * row["baseline"]["value"], row["task"]
        else:
            assert row["difference"]["high"] < 0, (row["task"], row["lang"])
    skills = json.loads((run / "skills" / "scores.json").read_text(encoding="utf-8"))["rows"]
    shown: dict[str, int] = {}
    for row in skills:
        shown[row["task"]] = shown.get(row["task"], 0) + bool(row["above_chance"])
    assert sum(n >= 8 for n in shown.values()) >= 2, shown
    assert (run / "report" / "report.html").stat().st_size < 400_000
    assert done.stdout.count("✓") + done.stdout.count("✗") == 6
    again = lontar("run", "tiny", "--out", "run", "--json", folder=folder)
    assert {step["action"] for step in json.loads(again.stdout)["steps"]} == {"reused"}

"""The README keeps its word: its commands exist with the options it uses, its links lead somewhere, its recipe runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from lontar.cli.main import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [line.split("  #")[0].strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
COMMANDS = [shlex.split(line.removeprefix(".venv/bin/"), comments=True) for line in LINES if "lontar " in line]


def test_there_is_something_to_check():
    assert len([words for words in COMMANDS if words[0] == "lontar"]) >= 8


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] == "lontar"], ids=" ".join)
def test_a_command_of_the_readme_is_one_that_we_have(words):
    command = cli.get_command(click.Context(cli), words[1])
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words[2])
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z-]+)", "\n".join(LINES), re.MULTILINE))
def test_a_make_target_of_the_readme_is_there(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()


def test_no_figure_was_forgotten():
    assert "@@" not in README


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`(src/lontar/[^`<]*/)", text):
        assert (ROOT / path).is_dir(), path


@pytest.mark.slow
def test_the_real_input_command_runs_to_its_end(tmp_path, monkeypatch):
    data = ROOT.parent / "shared" / "data" / "mono"
    if not data.is_dir():
        pytest.skip("needs ../shared/data/mono: real text, not part of a clone")
    from tests.e2e.conftest import lontar

    words = next(w for w in COMMANDS if any("DATA" in word for word in w))
    words = [word.replace("DATA", str(data)) for word in words[1:]]
    words[words.index("runs/real")] = str(tmp_path / "real")
    # Fewer steps than the README's half hour, every setting else as it stands there; the gate is for the full run.
    shorter = ["base.config.steps=60", "base.config.eval_every=0", "model.config.steps=60", "model.config.eval_every=0"]
    words += ["--until", "model", *(word for text in shorter for word in ("--set", text))]
    result = lontar(*words, "--progress", "none", "--json", home=tmp_path, timeout=3600)
    assert result.code == 0, result.err
    steps = {row["step"]: row for row in result.json["steps"]}
    for lang in ("id", "my", "th"):
        metrics = steps["model"]["metrics"]
        assert metrics[f"bits_per_byte.after.{lang}"] < metrics[f"bits_per_byte.before.{lang}"]

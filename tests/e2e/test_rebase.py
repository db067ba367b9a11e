"""One changed line re-bases a recipe: `--input base=PATH` over the architectures we name, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Nano, lontar

pytest.importorskip("torch")
SMALL = ("--set", "model.config.steps=8", "--set", "tokenizer.config.new_tokens=96", "--set", "scores.config.limit=6")
NO_GATE = ("--set", "scores.gate={}")


@pytest.fixture(scope="module")
def folders(nano: Nano, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from lontar.models.files import open_tokenizer_file
    from lontar.models.tiny import make_model

    tokenizer = open_tokenizer_file(nano.folder / "base")
    base = tmp_path_factory.mktemp("bases")
    for architecture in ("qwen3", "llama", "gemma3"):
        make_model(base / architecture, "nano", architecture, tokenizer=tokenizer, seed=5)
    return {path.name: path for path in base.iterdir()}


@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gemma3"])
def test_a_folder_from_elsewhere_takes_the_place_of_the_base(
    nano: Nano, folders: dict[str, Path], tmp_path: Path, architecture: str
) -> None:
    given = ("--input", f"base={folders[architecture]}", "--license", "base=Apache-2.0", "--reuse", str(nano.folder))
    command = ("run", "nano", "--out", str(tmp_path / "run"), "--progress", "none", "--json", *given, *SMALL, *NO_GATE)
    result = lontar(*command, home=nano.home)
    assert result.code == 0, result.err
    steps = {row["step"]: row for row in result.json["steps"]}
    assert steps["corpus"]["action"] == "taken"
    shown = lontar("show", str(tmp_path / "run" / "export"), "--json", home=nano.home).json
    assert "models.adopt" in str(shown["lineage"])
    assert {s["spdx"] for s in shown["manifest"]["license"]["sources"]} == {"Apache-2.0", "CC0-1.0"}
    metrics = steps["model"]["metrics"]
    assert metrics["bits_per_byte.after.th"] < metrics["bits_per_byte.before.th"]


def test_what_it_refuses(nano: Nano, folders: dict[str, Path], tmp_path: Path) -> None:
    def run(value: str, *more: str) -> tuple[int, str]:
        given = ("--input", f"base={value}", *more, "--until", "base")
        result = lontar("run", "nano", "--out", str(tmp_path / "run"), "--progress", "none", *given, home=nano.home)
        assert not (tmp_path / "run" / "base").exists()
        return result.code, result.err

    code, err = run(str(folders["llama"]))
    assert (code, "--license" in err) == (6, True)
    code, err = run(str(tmp_path / "nowhere"), "--license", "base=MIT")
    assert (code, "no such folder" in err) == (4, True)
    (tmp_path / "empty").mkdir()
    code, err = run(str(tmp_path / "empty"), "--license", "base=MIT")
    assert (code, "config.json" in err) == (4, True), err
    code, err = run("hf:Qwen/Qwen3-0.6B", "--license", "base=Apache-2.0")
    assert (code, "revision" in err) == (2, True)
    code, err = run("hf:Qwen/Qwen3-0.6B@main", "--license", "base=Apache-2.0")
    assert (code, "HF_HUB_OFFLINE is set" in err) == (7, True), err

"""Commands made from stages."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, JsonValue

from lontar.cli.stages import fields_of, read_config, read_resources, type_name
from lontar.core.artifact import Artifact
from lontar.core.config import Config
from lontar.core.stage import all_stages
from lontar.errors import ConfigError
from tests.unit.core.toys import PartsConfig


def test_help_shows_inputs_and_settings(cli):
    text = cli("toy", "join", "--help").out
    assert "--first PATH" in text
    assert "A finished records or corpus." in text
    assert "Settings (key=value):" in text
    assert "sep = ' '" in text
    assert "str. between two" in text
    assert "Settings" not in cli("toy", "all", "--help").out


def test_a_stage_runs_and_reports(cli, tmp_path):
    result = cli("toy", "parts", "--out", tmp_path / "out", "--seed", 4, "n=2", "text=no", "--progress", "json")
    assert result.code == 0
    made = Artifact.open(tmp_path / "out")
    assert made.manifest.config == {"n": 2, "text": "no", "knobs": {}}
    assert made.manifest.seed == 4
    assert f"records in {tmp_path / 'out'}" in result.out
    assert made.digest[:12] in result.out
    assert '"task": "pieces"' in result.err
    again = cli("toy", "parts", "--out", tmp_path / "out", "--seed", 4, "n=2", "text=no", "--json")
    assert again.json["manifest"]["digest"] == made.digest
    assert again.json["path"] == str(tmp_path / "out")


def test_inputs_are_folders(cli, tmp_path):
    for name in ("a", "b"):
        cli("toy", "parts", "--out", tmp_path / name, f"text={name}")
    result = cli(
        "toy",
        "join",
        "--first",
        tmp_path / "a",
        "--rest",
        tmp_path / "a",
        "--rest",
        tmp_path / "b",
        "--out",
        tmp_path / "j",
        "--json",
    )
    assert result.code == 0, result.err
    parents = result.json["manifest"]["parents"]
    assert len(parents["rest"]) == 2
    assert cli("toy", "join", "--first", tmp_path / "j", "--out", tmp_path / "k").code == 4
    assert cli("toy", "join", "--first", tmp_path / "none", "--out", tmp_path / "k").code == 4
    assert cli("toy", "all", "--items", tmp_path / "a", "--out", tmp_path / "k").code == 0


def test_settings_come_from_a_file_and_the_command_line_wins(cli, tmp_path):
    (tmp_path / "c.yaml").write_text("n: 1\ntext: file\nknobs: {a: 1}\n", encoding="utf-8")
    result = cli(
        "toy", "parts", "--config", tmp_path / "c.yaml", "--out", tmp_path / "out", "text=line", "knobs.b=2", "--json"
    )
    assert result.json["manifest"]["config"] == {"n": 1, "text": "line", "knobs": {"a": 1.0, "b": 2.0}}


def test_all_wrong_settings_come_together(cli, tmp_path):
    (tmp_path / "c.yaml").write_text("n: many\n", encoding="utf-8")
    result = cli("toy", "parts", "--config", tmp_path / "c.yaml", "--out", tmp_path / "out", "tekst=x")
    assert result.code == 2
    assert "2 problems" in result.err
    assert f"{tmp_path / 'c.yaml'}:1: n: " in result.err
    assert "tekst=x: tekst: unknown field (did you mean text?)" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "more", [["steps"], ["--resources", "wrokers=2"], ["--resources", "workers"], ["--config", "none.yaml"]]
)
def test_wrong_options(cli, tmp_path, more):
    result = cli("toy", "parts", "--out", tmp_path / "out", *more)
    assert result.code == 2
    assert result.err.startswith("error: ")


def test_drift_rebuild_and_incomplete(cli, tmp_path):
    (tmp_path / "fail-1").touch()
    trace = f"trace={tmp_path}"
    assert cli("toy", "parts", "--out", tmp_path / "out", trace).code == 0
    drift = cli("toy", "parts", "--out", tmp_path / "out", "n=9")
    assert drift.code == 4
    assert "config.n: 3 → 9" in drift.err
    child = ["toy", "join", "--first", tmp_path / "out", "--out", tmp_path / "child"]
    assert cli(*child).code == 4
    assert cli(*child, "--allow-incomplete").code == 0
    assert cli("toy", "parts", "--out", tmp_path / "out", "n=9", "--rebuild").code == 0
    assert (tmp_path / "out.old-1").is_dir()


def test_a_config_that_is_no_mapping(tmp_path):
    (tmp_path / "c.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a mapping of settings"):
        read_config(PartsConfig, tmp_path / "c.yaml", ())
    (tmp_path / "c.yaml").write_text("", encoding="utf-8")
    assert read_config(PartsConfig, tmp_path / "c.yaml", ("n=5",)) == PartsConfig(n=5)


def test_resources():
    assert read_resources("").workers == 1
    assert read_resources("device=cuda,workers=8").workers == 8


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "int"),
        (int | None, "int | none"),
        (tuple[str, ...], "tuple[str, ...]"),
        (dict[str, float | None], "dict[str, float | none]"),
        (Literal["a", "b"], "a | b"),
        (Annotated[int, AfterValidator(abs)], "int"),
        (tuple[Annotated[JsonValue, AfterValidator(abs)], ...], "tuple[JsonValue, ...]"),
        (list[PartsConfig], "list[PartsConfig]"),
    ],
)
def test_types_are_shown_as_people_read_them(kind, text):
    assert type_name(kind) == text


def test_a_config_inside_gives_a_row_for_each_of_its_fields():
    class Inner(Config):
        a: int = 1
        """first"""

    class Outer(Config):
        inner: Inner = Inner()
        b: str
        """second"""

    assert fields_of(Outer) == [("inner.a", "int", "1", "first"), ("b", "str", "(required)", "second")]


def test_every_field_of_every_stage_has_a_readable_type():
    for stage in all_stages():
        for _, kind, default, _ in fields_of(stage.config_type):
            assert " at 0x" not in kind + default
            assert "lontar." not in kind


def test_stages_of_plugins_are_commands_of_their_family(home, tmp_path):
    import os
    import subprocess
    import sys

    (home / "plugins" / "mine.py").write_text(
        "from lontar.core.artifact import Report\nfrom lontar.core.stage import stage\n"
        "@stage('data.mine', out=Report, version=1)\n"
        "def mine(job) -> None:\n    '''Mine in a family of ours.'''\n    (job.dir / 'x').write_text('x')\n"
        "@stage('own.mine', out=Report, version=1)\n"
        "def own(job) -> None:\n    '''Mine in a family of mine.'''\n    (job.dir / 'x').write_text('x')\n"
    )
    code = (
        "from lontar.cli.main import run\n"
        "codes = [run(['data', '--help']), run(['own', '--help'])]\n"
        f"codes += [run(['data', 'mine', '--out', {str(tmp_path / 'a')!r}])]\n"
        f"codes += [run(['own', 'mine', '--out', {str(tmp_path / 'b')!r}])]\n"
        "print(codes)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0]", done.stderr
    assert "Mine in a family of ours." in done.stdout
    assert "Mine in a family of mine." in done.stdout

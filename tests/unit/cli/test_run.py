"""`lontar run` and `lontar copy`."""

import json
import os
import signal
import sys

import pytest

from lontar.core.artifact import Artifact
from lontar.core.recipe import find_recipe
from tests.unit.core.conftest import start, wait_for  # noqa: F401 - a fixture


def test_a_run_prints_its_steps_to_stdout_and_its_course_to_stderr(cli, recipe, tmp_path):
    result = cli("run", recipe, "--out", tmp_path / "run", "--progress", "none")
    assert result.code == 0
    assert "parts" in result.out
    assert "toy.join" in result.out
    assert "built" in result.out
    assert result.err == "parts: build\njoined: build\n"


def test_json_on_stdout(cli, recipe, tmp_path):
    result = cli("run", recipe, "--out", tmp_path / "run", "--json")
    found = result.json
    assert found["out"] == str(tmp_path / "run")
    assert [(s["step"], s["action"], s["kind"], s["complete"]) for s in found["steps"]] == [
        ("parts", "built", "records", True),
        ("joined", "built", "report", True),
    ]
    assert found["steps"][0]["digest"] == Artifact.open(tmp_path / "run" / "parts").digest
    assert {s["action"] for s in cli("run", recipe, "--out", tmp_path / "run", "--json").json["steps"]} == {"reused"}


def test_the_folder_is_named_after_the_recipe(cli, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("run", recipe).code == 0
    assert (tmp_path / "runs" / "toy" / "joined" / "manifest.json").is_file()


def test_a_plan(cli, recipe, tmp_path):
    plain = cli("run", recipe, "--out", tmp_path / "run", "--plan")
    assert plain.code == 0
    assert "waits" in plain.out
    assert "for parts" in plain.out
    assert not (tmp_path / "run").exists()
    cli("run", recipe, "--out", tmp_path / "run")
    rows = cli("run", recipe, "--out", tmp_path / "run", "--plan", "--json", "--set", "joined.config.sep=x").json
    assert [(r["step"], r["status"]) for r in rows] == [("parts", "reuse"), ("joined", "drift")]
    assert rows[1]["details"] == ["config.sep:   → x"]


def test_options_reach_the_run(cli, recipe, tmp_path):
    assert cli("run", recipe, "--out", tmp_path / "a", "--until", "parts", "--set", "parts.config.n=1").code == 0
    assert not (tmp_path / "a" / "joined").exists()
    assert Artifact.open(tmp_path / "a" / "parts").manifest.config["n"] == 1
    taken = cli(
        "run", recipe, "--out", tmp_path / "b", "--reuse", tmp_path / "a", "--set", "parts.config.n=1", "--json"
    ).json
    assert [s["action"] for s in taken["steps"]] == ["taken", "built"]
    again = cli(
        "run", recipe, "--out", tmp_path / "b", "--rebuild", "joined", "--set", "parts.config.n=1", "--json"
    ).json
    assert [s["action"] for s in again["steps"]] == ["reused", "built"]
    assert (tmp_path / "b" / "joined.old-1").is_dir()
    resourced = cli("run", recipe, "--out", tmp_path / "c", "--resources", "workers=2,threads=1")
    assert resourced.code == 0
    assert Artifact.open(tmp_path / "c" / "parts").manifest.resources["workers"] == 2


def test_an_artifact_in_place_of_a_step(cli, recipe, tmp_path):
    cli("toy", "parts", "--out", tmp_path / "mine", "n=5")
    result = cli("run", recipe, "--out", tmp_path / "run", "--input", f"parts={tmp_path / 'mine'}", "--json")
    assert [s["step"] for s in result.json["steps"]] == ["joined"]


def test_exit_codes(cli, recipe, tmp_path, gate):
    out = ("--out", tmp_path / "run")
    assert cli("run", recipe, *out, "--set", "parts.config.m=1").code == 2
    assert cli("run", tmp_path / "none.yaml", *out).code == 2
    failed = cli("run", recipe, *out, "--set", "joined.gate={size: 9}", "--json")
    assert failed.code == 8
    assert failed.out == ""
    assert "size: 1 files, 9 asked for" in failed.err
    drift = cli("run", recipe, *out, "--set", "parts.config.n=9")
    assert drift.code == 4
    for words in ("config.n: 2 → 9", "--rebuild parts", "another --out", "--reuse RUN"):
        assert words in drift.err


def test_a_missing_extra_exits_3(cli, recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "m.yaml").write_text("name: m\nsteps:\n  a: {stage: toy.mapped}\n", encoding="utf-8")
    result = cli("run", tmp_path / "m.yaml", "--out", tmp_path / "run", "--resources", "executor=ray")
    assert result.code == 3
    assert "pip install 'lontar[ray]'" in result.err


def test_an_incomplete_step(cli, recipe, tmp_path):
    (tmp_path / "fail-1").touch()
    arguments = ["run", recipe, "--out", tmp_path / "run", "--set", f"parts.config.trace={tmp_path}"]
    refused = cli(*arguments)
    assert refused.code == 4
    assert "--allow-incomplete" in refused.err
    assert "1 items failed" in cli(*arguments, "--allow-incomplete").out


def test_interrupted_it_exits_130_and_goes_on(start, recipe, trace, tmp_path):  # noqa: F811
    (trace / "stop-1").touch()
    command = [
        "run",
        str(recipe),
        "--out",
        str(tmp_path / "run"),
        "--set",
        f"parts.config.trace={trace}",
        "--progress",
        "none",
    ]
    process = start(*command)
    wait_for(trace / "stopped", process)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    (trace / "stop-1").unlink()
    again = start(*command)
    _, err = again.communicate(timeout=30)
    assert again.returncode == 0
    assert "parts: resume" in err
    assert (trace / "made").read_text().split() == ["0", "1"]


@pytest.fixture
def trace(tmp_path):
    (tmp_path / "trace").mkdir()
    return tmp_path / "trace"


def test_several_typos_come_at_once_with_lines(cli, tmp_path):
    text = find_recipe("nano").read_text(encoding="utf-8")
    for old, new in [
        ("new_tokens:", "new_tokns:"),
        ("tokenizer: tokenizer", "tokenizer: tokenzier"),
        ("stage: train.cpt", "stage: train.ctp"),
    ]:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "typos.yaml").write_text(text, encoding="utf-8")
    result = cli("run", tmp_path / "typos.yaml", "--out", tmp_path / "run")
    assert result.code == 2
    for words in ("did you mean new_tokens?", "did you mean tokenizer?", "did you mean train.cpt"):
        assert words in result.err
        line = next(line for line in result.err.splitlines() if words in line)
        number = int(line.split("typos.yaml:")[1].split(":")[0])
        assert any(bad in text.splitlines()[number - 1] for bad in ("new_tokns", "tokenzier", "train.ctp"))
    assert not (tmp_path / "run").exists()


# --- copy ------------------------------------------------------------------------------------------------------------


def test_copy(cli, tmp_path):
    target = tmp_path / "deep" / "mine.yaml"
    assert cli("copy", "nano", target).code == 0
    assert target.read_text(encoding="utf-8") == find_recipe("nano").read_text(encoding="utf-8")
    assert cli("run", target, "--plan", "--out", tmp_path / "run").code == 0
    again = cli("copy", "nano", target)
    assert again.code == 2
    assert "exists already" in again.err
    assert cli("copy", "nano", tmp_path / "b.yaml", "--json").json["copy"] == str(tmp_path / "b.yaml")
    assert cli("copy", "nanno", tmp_path / "c.yaml").code == 2


def test_an_evaluation_in_short(tmp_path):
    from lontar.cli.summary import in_short
    from tests.conftest import made

    def row(task, lang, value, **given):
        return {"task": task, "lang": lang, "value": value, "unit": "share", "chance": None, "verdict": None, **given}

    rows = [
        row("digits", "th", 0.9, chance=0.0, above_chance=True),
        row("digits", "lo", 0.1, chance=0.0, above_chance=False),
        row("text", "th", 1.5, verdict="better", unit="bits/byte"),
        row("text", "en", None, verdict="no difference shown", unit="bits/byte"),
    ]
    evaluation = made(tmp_path / "e", "evaluation", {"scores.json": json.dumps({"rows": rows}).encode()})
    digits, text = in_short(evaluation)
    assert (digits.said, digits.span) == ("above chance (0) in 1 of 2 languages", "0.10 to 0.90 share")
    assert digits.others == ("lo",)
    assert (text.said, text.span, text.others) == ("better in 1 of 2 languages", "1.50 to 1.50 bits/byte", ("en",))

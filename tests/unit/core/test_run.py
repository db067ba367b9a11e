"""Running a recipe: plan, reuse, drift, rebuild, gates, taking from an earlier run."""

import json
import os

import pytest

from lontar.core import build as builder
from lontar.core import recipe as recipes
from lontar.core.artifact import Artifact
from lontar.core.recipe import load_recipe
from lontar.core.run import RunOptions, artifacts_in, plan, run, take
from lontar.errors import (
    ArtifactError,
    ConfigError,
    DriftError,
    GateError,
    IncompleteError,
    IntegrityError,
    LockedError,
)
from tests.unit.core.conftest import files_under

pytestmark = pytest.mark.usefixtures("toys")

TEXT = """
name: toy
seed: 3
steps:
  parts: {stage: toy.parts, config: {n: 2}}
  more: {stage: toy.parts, config: {text: more}, seed: 9}
  joined: {stage: toy.join, inputs: {first: parts, rest: more}, gate: {size: 1}}
  last: {stage: toy.join, inputs: {first: more}}
"""


@pytest.fixture(autouse=True)
def _gate(monkeypatch):
    def size(artifact, /, *, at_least: int = 0) -> list[str]:
        n = len(artifact.manifest.files)
        return [] if n >= at_least else [f"{n} files, {at_least} asked for"]

    recipes.gates.load()
    monkeypatch.setattr(recipes.gates, "_entries", dict(recipes.gates._entries))
    recipes.gates.add("size", size)


@pytest.fixture
def load(tmp_path):
    (tmp_path / "toy.yaml").write_text(TEXT, encoding="utf-8")
    return lambda *sets, **options: load_recipe(str(tmp_path / "toy.yaml"), sets=sets, **options)


def statuses(loaded, out, **options):
    return {row.step: row.status for row in plan(loaded, out, RunOptions(**options))}


def actions(loaded, out, **options):
    return {done.step: done.action for done in run(loaded, out, RunOptions(**options))}


def test_a_run_makes_every_step_and_again_reuses_it(load, tmp_path):
    said = []
    options = RunOptions(on_step=lambda step, what: said.append((step, what)))
    done = run(load(), tmp_path / "run", options)
    assert [(d.step, d.action) for d in done] == [(n, "built") for n in ("parts", "more", "joined", "last")]
    assert [d.artifact.manifest.seed for d in done] == [3, 9, 3, 3]
    assert said == [(n, "build") for n in ("parts", "more", "joined", "last")]
    assert all(d.artifact.verify() == [] for d in done)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["steps"]["parts"]["config"] == {"n": 2}
    assert set(actions(load(), tmp_path / "run").values()) == {"reused"}
    assert artifacts_in(tmp_path / "run") == [tmp_path / "run" / n for n in ("joined", "last", "more", "parts")]
    assert artifacts_in(tmp_path / "run" / "more") == [tmp_path / "run" / "more"]
    assert artifacts_in(tmp_path / "none") == []


def test_a_plan_changes_nothing_and_says_what_it_cannot_know(load, tmp_path):
    out = tmp_path / "deep" / "run"
    assert statuses(load(), out) == {"parts": "build", "more": "build", "joined": "waits", "last": "waits"}
    assert not (tmp_path / "deep").exists()
    run(load(), out)
    before = files_under(out)
    assert set(statuses(load(), out).values()) == {"reuse"}
    assert statuses(load("last.config.sep=x"), out) == {
        "parts": "reuse",
        "more": "reuse",
        "joined": "reuse",
        "last": "drift",
    }
    assert statuses(load("parts.config.n=5"), out) == {
        "parts": "drift",
        "more": "reuse",
        "joined": "waits",
        "last": "reuse",
    }
    assert statuses(load(), out, rebuild=("more",)) == {
        "parts": "reuse",
        "more": "rebuild",
        "joined": "waits",
        "last": "waits",
    }
    assert statuses(load(), out, until="last") == {"more": "reuse", "last": "reuse"}
    rows = {row.step: row for row in plan(load("last.config.sep=x"), out)}
    assert rows["last"].details == ("config.sep:   → x",)
    assert files_under(out) == before


def test_an_interrupted_step_would_be_resumed(load, tmp_path, trace):
    (trace / "raise-1").touch()
    with pytest.raises(Exception, match="piece 1"):
        run(load(f"parts.config.trace={trace}"), tmp_path / "run")
    assert statuses(load(), tmp_path / "run")["parts"] == "resume"
    (trace / "raise-1").unlink()
    assert actions(load(f"parts.config.trace={trace}"), tmp_path / "run")["parts"] == "resumed"


def test_drift_is_told_before_anything_runs(load, tmp_path):
    run(load(), tmp_path / "run", RunOptions(until="parts"))
    with pytest.raises(DriftError, match=r"config\.n: 2 → 5"):
        run(load("parts.config.n=5"), tmp_path / "run")
    assert artifacts_in(tmp_path / "run") == [tmp_path / "run" / "parts"]


def test_drift_that_shows_only_on_the_way(load, tmp_path):
    run(load(), tmp_path / "run")
    with pytest.raises(DriftError, match=r"run/joined is finished, with other settings:\n  parents\.first: "):
        run(load("parts.config.n=5"), tmp_path / "run", RunOptions(rebuild=("parts",)))
    assert Artifact.open(tmp_path / "run" / "parts").manifest.config["n"] == 5
    assert Artifact.open(tmp_path / "run" / "parts.old-1").manifest.config["n"] == 2


def test_rebuild_moves_aside_and_an_equal_parent_invalidates_nothing(load, tmp_path):
    run(load(), tmp_path / "run")
    done = actions(load(), tmp_path / "run", rebuild=("more",))
    assert done == {"parts": "reused", "more": "built", "joined": "reused", "last": "reused"}
    assert (tmp_path / "run" / "more.old-1").is_dir()


def test_until_makes_a_step_and_what_it_needs(load, tmp_path):
    assert actions(load(), tmp_path / "run", until="last") == {"more": "built", "last": "built"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rebuild": ("mroe",)}, "--rebuild mroe: no step of that name"),
        ({"until": "lsat"}, "--until lsat: no step of that name"),
    ],
)
def test_unknown_names(load, tmp_path, options, words):
    for act in (plan, run):
        with pytest.raises(ConfigError, match=words):
            act(load(), tmp_path / "run", RunOptions(**options))
    with pytest.raises(ConfigError, match="no such run"):
        plan(load(), tmp_path / "run", RunOptions(reuse=(tmp_path / "none",)))


# --- taking from an earlier run --------------------------------------------------------------------------------------


def test_equal_steps_are_taken_from_an_earlier_run(load, tmp_path):
    run(load(), tmp_path / "one")
    options = RunOptions(reuse=(tmp_path / "one",))
    rows = {row.step: row for row in plan(load("parts.config.n=5"), tmp_path / "two", options)}
    assert rows["more"].details == (f"from {tmp_path / 'one' / 'more'}",)
    assert rows["parts"].details == ()
    done = {d.step: d for d in run(load("parts.config.n=5"), tmp_path / "two", options)}
    assert {n: d.action for n, d in done.items()} == {
        "parts": "built",
        "more": "taken",
        "joined": "built",
        "last": "taken",
    }
    assert done["last"].artifact.verify() == []
    assert done["last"].artifact.manifest == Artifact.open(tmp_path / "one" / "last").manifest


@pytest.mark.parametrize("links", [True, False])
def test_a_taken_artifact_is_whole_with_and_without_hard_links(load, tmp_path, monkeypatch, links):
    run(load(), tmp_path / "one")
    if not links:
        monkeypatch.setattr(os, "link", lambda *a: (_ for _ in ()).throw(OSError(18, "another device")))
    (tmp_path / "two").mkdir()
    taken = take(tmp_path / "one" / "last", tmp_path / "two" / "last")
    assert taken.verify() == []
    assert [n.manifest.stage for n in taken.lineage().walk()] == ["toy.join", "toy.parts"]
    files = [p.name for p in (tmp_path / "two").iterdir()]
    assert files == ["last"]


def test_an_incomplete_step_is_not_taken(load, tmp_path, trace):
    (trace / "fail-1").touch()
    run(load(f"parts.config.trace={trace}"), tmp_path / "one", RunOptions(until="parts"))
    (trace / "fail-1").unlink()
    done = actions(load(f"parts.config.trace={trace}"), tmp_path / "two", reuse=(tmp_path / "one",))
    assert done["parts"] == "built"


def test_a_full_disk_while_taking(load, tmp_path, monkeypatch):
    run(load(), tmp_path / "one")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        patch.setattr("shutil.copyfile", full)
        with pytest.raises(ArtifactError, match="the disk is full"):
            run(load(), tmp_path / "two", RunOptions(reuse=(tmp_path / "one",)))
    assert artifacts_in(tmp_path / "two") == []
    assert actions(load(), tmp_path / "two", reuse=(tmp_path / "one",))["parts"] == "taken"


# --- gates, incomplete steps, locks ----------------------------------------------------------------------------------


def test_a_gate_that_does_not_hold_stops_the_run_and_keeps_the_result(load, tmp_path):
    for _ in range(2):
        with pytest.raises(GateError, match=r"joined: 1 bar not reached\n  size: 1 files, 5 asked for") as caught:
            run(load("joined.gate.size=5"), tmp_path / "run")
        assert caught.value.exit_code == 8
        assert str(tmp_path / "run" / "joined") in caught.value.hint
        assert Artifact.open(tmp_path / "run" / "joined").verify() == []
        assert not (tmp_path / "run" / "last").exists()
    assert actions(load(), tmp_path / "run") == {
        "parts": "reused",
        "more": "reused",
        "joined": "reused",
        "last": "built",
    }


def test_every_bar_is_listed(load, tmp_path):
    recipes.gates.add("never", lambda artifact, /: ["no", "never"])
    with pytest.raises(GateError, match="3 bars not reached"):
        run(load("joined.gate={size: 5, never: null}"), tmp_path / "run")


def test_an_incomplete_step_stops_its_children_unless_told(load, tmp_path, trace):
    (trace / "fail-1").touch()
    loaded = load(f"parts.config.trace={trace}")
    with pytest.raises(IncompleteError):
        run(loaded, tmp_path / "run")
    assert statuses(loaded, tmp_path / "run")["parts"] == "resume"
    done = run(loaded, tmp_path / "run", RunOptions(allow_incomplete=True))
    assert {d.step: d.artifact.manifest.complete for d in done} == {
        "parts": False,
        "more": True,
        "joined": True,
        "last": True,
    }


def test_two_runs_into_one_folder(load, tmp_path):
    with builder.locked(tmp_path / "run"), pytest.raises(LockedError):
        run(load(), tmp_path / "run")
    with builder.locked(tmp_path / "run" / "more"), pytest.raises(LockedError):
        run(load(), tmp_path / "run")
    run(load(), tmp_path / "run")


def test_a_run_where_none_can_be(load, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ArtifactError):
            run(load(), out)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_step_is_not_built_upon(load, tmp_path):
    run(load(), tmp_path / "run", RunOptions(until="parts"))
    (tmp_path / "run" / "parts" / "pieces" / "0.txt").write_text("")
    with pytest.raises(IntegrityError):
        run(load(), tmp_path / "run")


def test_an_external_input_is_used_in_place(load, tmp_path, corpus):
    loaded = load(inputs=[f"parts={corpus.path}"])
    done = {d.step: d for d in run(loaded, tmp_path / "run")}
    assert done["joined"].artifact.manifest.parents["first"].digest == corpus.digest
    assert "parts" not in done


def test_an_artifact_is_no_place_for_a_run(load, tmp_path):
    run(load(), tmp_path / "run")
    for act in (plan, run):
        with pytest.raises(ConfigError, match="is an artifact, not a run"):
            act(load(), tmp_path / "run" / "parts")
    assert Artifact.open(tmp_path / "run" / "parts").verify() == []

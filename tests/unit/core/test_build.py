"""The life of one artifact: build, reuse, resume, refuse, rebuild, commit."""

import json
import os
import shutil

import pytest

from lontar.core import build as builder
from lontar.core.artifact import Artifact
from lontar.core.executor import Resources
from lontar.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    DriftError,
    IncompleteError,
    IntegrityError,
    LockedError,
    NotAnArtifactError,
)
from tests.unit.core import toys as t
from tests.unit.core.conftest import files_under


def config(trace=None, **knobs):
    return t.PartsConfig(trace=str(trace or ""), **knobs)


def made_pieces(trace):
    return (trace / "made").read_text().split() if (trace / "made").exists() else []


def hidden(folder):
    return sorted(p.name for p in folder.iterdir() if p.name.startswith(".") and p.name != ".locks")


# --- build and reuse -------------------------------------------------------------------------------------------------


def test_a_built_artifact_tells_everything_about_itself(tmp_path):
    made = t.parts.using(seed=5, resources=Resources(threads=1))(tmp_path / "out", config=config(n=2))
    m = made.manifest
    assert (m.kind, m.stage, m.stage_version, m.seed, m.complete) == ("records", "toy.parts", 1, 5, True)
    assert m.config == {"n": 2, "text": "piece", "knobs": {}}
    assert m.resources["threads"] == 1
    assert list(m.files) == ["begun.txt", "pieces/0.txt", "pieces/1.txt"]
    assert m.metrics == {"pieces": 2.0}
    assert m.license.spdx == "CC-BY-4.0"
    assert m.cost.attempts == 1
    assert m.created.utcoffset().total_seconds() == 0
    assert m.environment.python
    assert made.verify() == []
    assert sorted(p.name for p in made.path.iterdir()) == ["begun.txt", "log", "manifest.json", "pieces"]
    assert hidden(tmp_path) == []


def test_the_same_call_reuses_and_touches_nothing(tmp_path, trace):
    first = t.parts(tmp_path / "out", config=config(trace))
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    again = t.parts(tmp_path / "out", config=config(trace))
    assert again.manifest == first.manifest
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")} == before
    assert made_pieces(trace) == ["0", "1", "2"]


def test_other_resources_reuse(tmp_path, trace):
    t.parts(tmp_path / "out", config=config(trace))
    t.parts.using(resources=Resources(workers=2))(tmp_path / "out", config=config())
    assert made_pieces(trace) == ["0", "1", "2"]


def test_equal_derivations_have_equal_digests(tmp_path):
    one, two = t.parts(tmp_path / "a", config=config()), t.parts(tmp_path / "b" / "c", config=config())
    assert one.digest == two.digest
    assert one.manifest.fingerprint == two.manifest.fingerprint


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert t.parts(tmp_path / "out", config=config()).verify() == []


def test_lineage_and_license_come_from_the_parents(tmp_path, corpus):
    first = t.parts(tmp_path / "first", config=config())
    second = t.join(tmp_path / "second", first, (first,))
    third = t.join(tmp_path / "third", corpus, (first,))
    shutil.rmtree(first.path)
    assert {n.manifest.stage for n in second.lineage().walk()} == {"toy.join", "toy.parts"}
    assert third.manifest.license.spdx == "CC-BY-4.0"
    assert third.manifest.license.sources[0].documents == 3
    assert second.verify() == third.verify() == []


# --- resume ----------------------------------------------------------------------------------------------------------


def test_a_run_that_failed_goes_on_where_it_stopped(tmp_path, trace):
    whole = t.parts(tmp_path / "whole", config=config())
    (trace / "raise-1").touch()
    with pytest.raises(DataError, match="piece 1"):
        t.parts(tmp_path / "out", config=config(trace))
    assert not (tmp_path / "out").exists()
    (partial,) = hidden(tmp_path)
    assert partial.startswith(".out.")
    (trace / "raise-1").unlink()
    (tmp_path / partial / "pieces" / "loose.txt").write_text("half")
    resumed = t.parts(tmp_path / "out", config=config(trace))
    assert made_pieces(trace) == ["0", "1", "2"]
    assert resumed.digest == whole.digest
    assert resumed.manifest.cost.attempts == 2
    assert hidden(tmp_path) == []


def test_other_settings_do_not_resume_it(tmp_path, trace):
    (trace / "raise-1").touch()
    with pytest.raises(DataError):
        t.parts(tmp_path / "out", config=config(trace))
    other = t.parts(tmp_path / "out", config=config(text="other"))
    assert (other.path / "pieces" / "0.txt").read_text() == "other 0\n"


def test_ended_between_manifest_and_rename(tmp_path, trace):
    whole = t.parts(tmp_path / "whole", config=config())
    derivation = t.parts.derivation({}, config(trace))
    partial = builder.partial_folder(tmp_path / "out", derivation.fingerprint)
    shutil.copytree(whole.path, partial)
    assert builder.inspect_state(derivation, tmp_path / "out").status == "resume"
    assert t.parts(tmp_path / "out", config=config(trace)).digest == whole.digest


def test_ended_between_rename_and_cleaning(tmp_path):
    t.parts(tmp_path / "out", config=config())
    (tmp_path / "out" / ".scratch" / "units").mkdir(parents=True)
    t.parts(tmp_path / "out", config=config())
    assert not (tmp_path / "out" / ".scratch").exists()


# --- refuse ----------------------------------------------------------------------------------------------------------


def test_other_settings_are_refused_with_field_values_and_ways_on(tmp_path, trace):
    t.parts(tmp_path / "out", config=config(n=2))
    with pytest.raises(DriftError) as caught:
        t.parts.using(seed=4)(tmp_path / "out", config=config(trace, n=3, knobs={"a": 0.5}))
    assert "config.n: 2 → 3" in caught.value.message
    assert "seed: 0 → 4" in caught.value.message
    assert "config.knobs.a: (none) → 0.5" in caught.value.message
    assert "text" not in caught.value.message
    assert all(way in caught.value.hint for way in ("--rebuild out", "another --out", "--reuse RUN"))
    assert made_pieces(trace) == []
    assert Artifact.open(tmp_path / "out").manifest.config["n"] == 2


def test_another_parent_drifts(tmp_path, corpus):
    first = t.parts(tmp_path / "first", config=config())
    t.join(tmp_path / "out", first)
    with pytest.raises(DriftError, match=r"parents\.first: [0-9a-f]{12}… → [0-9a-f]{12}…"):
        t.join(tmp_path / "out", corpus)


@pytest.mark.parametrize("make", [lambda p: p.write_text("mine"), lambda p: (p.mkdir(), (p / "mine").write_text("x"))])
@pytest.mark.parametrize("rebuild", [False, True])
def test_what_stands_there_and_is_no_artifact_is_left_alone(tmp_path, make, rebuild):
    make(tmp_path / "out")
    before = files_under(tmp_path / "out") if (tmp_path / "out").is_dir() else (tmp_path / "out").read_text()
    with pytest.raises(NotAnArtifactError, match="exists and is not an artifact"):
        t.parts.using(rebuild=rebuild)(tmp_path / "out", config=config())
    assert before == (files_under(tmp_path / "out") if (tmp_path / "out").is_dir() else (tmp_path / "out").read_text())


def test_a_stage_that_writes_nothing(tmp_path):
    with pytest.raises(ArtifactError, match=r"toy\.nothing wrote nothing"):
        t.nothing(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_stage_that_leaves_a_link(tmp_path):
    for _ in range(2):
        with pytest.raises(ArtifactError, match=r"b\.txt: a symbolic link"):
            t.linked(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_artifact_is_not_reused(tmp_path):
    t.parts(tmp_path / "out", config=config())
    (tmp_path / "out" / "pieces" / "1.txt").unlink()
    with pytest.raises(IntegrityError, match=r"1\.txt: is missing"):
        t.parts(tmp_path / "out", config=config())
    (tmp_path / "out" / "manifest.json").write_text("{")
    with pytest.raises(IntegrityError, match="damaged"):
        t.parts(tmp_path / "out", config=config())


@pytest.mark.parametrize("place", ["file/out", "file/deep/out"])
def test_a_place_that_cannot_be(tmp_path, place):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="cannot write"):
        t.parts(tmp_path / place, config=config())


def test_a_read_only_folder(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(ArtifactError, match=r"cannot write .*Permission denied") as caught:
        t.parts(tmp_path / "out", config=config())
    assert caught.value.hint == "choose another --out"


def test_an_input_that_may_not_be_read_is_not_called_a_place_to_write(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", "/data/secret.jsonl")

    monkeypatch.setattr(t, "write_piece", refuse)
    with pytest.raises(ArtifactError) as caught:
        t.parts(tmp_path / "out", config=config())
    assert caught.value.message.startswith("/data/secret.jsonl: Permission denied")
    assert "--out" not in (caught.value.hint or "")


def test_other_errors_pass_unchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(t, "write_piece", lambda *a: (_ for _ in ()).throw(FileNotFoundError(2, "gone", "x")))
    with pytest.raises(FileNotFoundError):
        t.parts(tmp_path / "out", config=config())


# --- rebuild ---------------------------------------------------------------------------------------------------------


def test_rebuild_moves_the_old_one_aside(tmp_path, trace):
    old = t.parts(tmp_path / "out", config=config(n=1))
    (tmp_path / "out" / "note.txt").write_text("mine")
    new = t.parts.using(rebuild=True)(tmp_path / "out", config=config(trace, n=2))
    assert new.manifest.config["n"] == 2
    aside = Artifact.open(tmp_path / "out.old-1")
    assert aside.digest == old.digest
    assert (aside.path / "note.txt").read_text() == "mine"
    t.parts.using(rebuild=True)(tmp_path / "out", config=config(trace, n=2))
    assert Artifact.open(tmp_path / "out.old-2").digest == new.digest
    assert made_pieces(trace) == ["0", "1"] * 2


def test_a_rebuild_that_was_killed_goes_on(tmp_path, trace):
    t.parts(tmp_path / "out", config=config(n=2))
    (trace / "raise-1").touch()
    rebuild = t.parts.using(rebuild=True)
    with pytest.raises(DataError):
        rebuild(tmp_path / "out", config=config(trace, n=2))
    (trace / "raise-1").unlink()
    rebuild(tmp_path / "out", config=config(trace, n=2))
    assert made_pieces(trace) == ["0", "1"]
    assert sorted(p.name for p in tmp_path.glob("out*")) == ["out", "out.old-1"]


# --- incomplete ------------------------------------------------------------------------------------------------------


@pytest.fixture
def incomplete(tmp_path, trace):
    (trace / "fail-1").touch()
    return t.parts(tmp_path / "part", config=config(trace))


def test_failed_items_make_it_incomplete(incomplete):
    assert not incomplete.manifest.complete
    assert incomplete.manifest.failures == {"1": "asked to"}
    assert list(incomplete.manifest.files) == ["begun.txt", "pieces/0.txt", "pieces/2.txt"]
    assert incomplete.verify() == []


def test_children_refuse_it_unless_told(tmp_path, incomplete):
    with pytest.raises(IncompleteError, match=r"part: 1 of its items failed") as caught:
        t.join(tmp_path / "child", incomplete)
    assert "--allow-incomplete" in caught.value.hint
    child = t.join.using(allow_incomplete=True)(tmp_path / "child", incomplete)
    assert child.manifest.complete
    assert t.join(tmp_path / "child", incomplete).digest == child.digest, "what is finished is reused"


def test_a_refused_rebuild_leaves_the_finished_one_in_its_place(tmp_path, incomplete):
    t.join.using(allow_incomplete=True)(tmp_path / "child", incomplete)
    with pytest.raises(IncompleteError):
        t.join.using(rebuild=True)(tmp_path / "child", incomplete)
    assert Artifact.open(tmp_path / "child").verify() == []


def test_the_same_command_tries_only_the_failed_items(tmp_path, trace, incomplete):
    state = builder.inspect_state(t.parts.derivation({}, config(trace)), tmp_path / "part")
    assert state.status == "resume"
    again = t.parts(tmp_path / "part", config=config(trace))
    assert not again.manifest.complete
    (trace / "fail-1").unlink()
    final = t.parts(tmp_path / "part", config=config(trace))
    assert final.manifest.complete
    assert final.manifest.failures == {}
    assert made_pieces(trace) == ["0", "2", "1"]
    assert final.digest == t.parts(tmp_path / "whole", config=config()).digest
    assert not (final.path / ".scratch").exists()


# --- locks -----------------------------------------------------------------------------------------------------------


def test_two_runs_into_one_folder(tmp_path):
    with builder.locked(tmp_path / "out"):
        with pytest.raises(LockedError, match=f"process {os.getpid()} on .* is building it") as caught:
            t.parts(tmp_path / "out", config=config())
        assert caught.value.hint
        t.parts(tmp_path / "other", config=config())
    t.parts(tmp_path / "out", config=config())


def test_the_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), builder.locked(tmp_path / "out"):
        raise RuntimeError
    with builder.locked(tmp_path / "out"):
        pass


# --- state -----------------------------------------------------------------------------------------------------------


def test_looking_changes_nothing(tmp_path):
    derivation = t.parts.derivation({}, config())
    assert builder.inspect_state(derivation, tmp_path / "x" / "out").status == "build"
    assert list(tmp_path.iterdir()) == []
    t.parts(tmp_path / "out", config=config())
    assert builder.inspect_state(derivation, tmp_path / "out").status == "reuse"
    drift = builder.inspect_state(t.parts.derivation({}, config(n=9)), tmp_path / "out")
    assert (drift.status, drift.changes) == ("drift", ("config.n: 3 → 9",))


def test_the_working_folder_itself(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "mine").write_text("x")
    with pytest.raises(NotAnArtifactError, match="exists and is not an artifact"):
        t.parts(".", config=config())


def test_a_source_tree_that_is_not_installed_builds_too(tmp_path, monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(builder, "installed_version", absent)
    assert t.parts(tmp_path / "out", config=config()).manifest.environment.lontar == "not installed"


def test_the_manifest_is_written_last_and_readable(tmp_path):
    made = t.parts(tmp_path / "out", config=config())
    data = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
    assert data["format"] == 1
    assert data["seal"] == made.manifest.seal


def test_bad_configs_never_begin(tmp_path):
    with pytest.raises(ConfigError):
        t.parts.run(tmp_path / "out", {}, t.JoinConfig())
    assert hidden(tmp_path) == []


def test_places_where_the_commit_could_not_be_a_rename(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "empty")
    with pytest.raises(NotAnArtifactError, match="is a symbolic link"):
        t.parts(tmp_path / "out", config=config())
    monkeypatch.setattr("pathlib.Path.is_mount", lambda self: self.name == "empty")
    with pytest.raises(NotAnArtifactError, match="is a mount point") as caught:
        t.parts(tmp_path / "empty", config=config())
    assert "--out" in caught.value.hint
    assert hidden(tmp_path) == [], "told before anything is made"


def test_a_link_to_a_finished_artifact_is_as_good_as_the_artifact(tmp_path, trace):
    made = t.parts(tmp_path / "real", config=config(trace))
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert t.parts(tmp_path / "out", config=config(trace)).digest == made.digest
    assert made_pieces(trace) == ["0", "1", "2"]

"""What a running stage may touch: units, sweep, metrics, cost, log."""

import json
import math

import pytest

from lontar.core.executor import ProcessPool, Resources, Serial
from lontar.core.job import Job
from lontar.errors import ArtifactError, ConfigError, LicenseError
from tests.unit.core.conftest import files_under


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path / "work", seed=3)


def write(text):
    return lambda path: path.write_text(text, encoding="utf-8")


def test_a_unit_is_built_once(job):
    path = job.unit("a/b.txt", write("one"))
    assert path == job.dir / "a" / "b.txt"
    assert job.unit("a/b.txt", lambda path: pytest.fail("built again")) == path
    assert path.read_text() == "one"
    assert Job(job.dir).unit("a/b.txt", lambda path: pytest.fail("built again")) == path


def test_a_unit_may_be_a_folder(job):
    def build(path):
        (path / "deep").mkdir(parents=True)
        (path / "deep" / "x").write_text("1")

    path = job.unit("shard-0", build)
    again = Job(job.dir)
    again.sweep()
    assert (path / "deep" / "x").read_text() == "1"


def test_a_unit_that_fails_leaves_nothing_under_its_name(job):
    def build(path):
        path.write_text("half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        job.unit("a.txt", build)
    assert not (job.dir / "a.txt").exists()
    again = Job(job.dir)
    again.sweep()
    assert not [name for name in files_under(job.dir) if "a.txt" in name]
    assert again.unit("a.txt", write("whole")).read_text() == "whole"


def test_the_temporary_path_has_the_same_ending(job):
    seen = []
    job.unit("a.jsonl.zst", lambda path: (seen.append(path.name), path.write_text("x")))
    assert seen[0].endswith("a.jsonl.zst")


def test_a_build_that_writes_nothing_is_an_error(job):
    with pytest.raises(ConfigError, match=r"unit 'a': nothing was written"):
        job.unit("a", lambda path: None)


@pytest.mark.parametrize("key", ["/a", "../a", "a/../b", ".a", "a/.b", "", ".", "log/a", "lineage/a", "manifest.json"])
def test_keys_that_are_no_place_for_payload(job, key):
    with pytest.raises(ConfigError):
        job.unit(key, write("x"))


@pytest.mark.parametrize("key", ["a", "a/", "./a", "d//a", "d/./a"])
def test_a_key_in_any_spelling_survives_the_sweep(job, key):
    path = job.unit(key, write("x"))
    Job(job.dir).sweep()
    assert path.is_file()


def test_sweep_keeps_finished_units_and_what_they_hold(job):
    job.unit("kept.txt", write("1"))
    job.unit("folder", lambda path: (path.mkdir(), (path / "x").write_text("1")))
    job.unit("state", write("1"), keep=False)
    for name in ("loose.txt", "deep/loose.txt", "kept.txt2", "folder2/x", ".tmp-kept.txt", "deep/.tmp-1-x"):
        (job.dir / name).parent.mkdir(exist_ok=True)
        (job.dir / name).write_text("half")
    (job.dir / ".tmp-folder").mkdir()
    (job.dir / ".tmp-folder" / ".tmp-x").write_text("half")
    (job.dir / "link").symlink_to("kept.txt")
    (job.scratch / ".tmp-state").write_text("half")
    Job(job.dir).sweep()
    left = {n for n in files_under(job.dir) if not n.startswith((".scratch/units", ".scratch/spent"))}
    assert left == {"kept.txt", "folder/x", ".scratch/state"}


def test_a_marked_unit_that_is_gone_is_built_again(job):
    job.unit("a.txt", write("1")).unlink()
    again = Job(job.dir)
    again.sweep()
    assert again.unit("a.txt", write("2")).read_text() == "2"


def test_units_lists_finished_pieces(job):
    for name in ("c", "a", "b"):
        job.unit(f"steps/{name}", write(name), keep=False)
    (job.scratch / "steps" / ".tmp-d").write_text("half")
    assert [p.name for p in job.units("steps", keep=False)] == ["a", "b", "c"]
    assert job.units("absent") == []


def test_the_last_metric_counts_and_all_are_logged(job):
    job.metric(loss=3, lr=1)
    job.metric(loss=2.5)
    assert job.metrics == {"loss": 2.5, "lr": 1.0}
    rows = [json.loads(line) for line in (job.dir / "log" / "metrics.jsonl").read_text().splitlines()]
    assert [row["loss"] for row in rows] == [3.0, 2.5]
    assert all(row["seconds"] >= 0 for row in rows)


def test_a_metric_that_is_no_number_costs_the_metric_not_the_run(job):
    numpy = pytest.importorskip("numpy")
    job.metric(loss=2.5, other=numpy.float32(1.5))
    job.metric(loss=math.nan)
    assert job.metrics == {"other": 1.5}
    rows = [json.loads(line) for line in (job.dir / "log" / "metrics.jsonl").read_text().splitlines()]
    assert rows[1]["loss"] is None
    assert "loss is nan" in (job.dir / "log" / "log.jsonl").read_text()


def test_cost_adds_up_over_attempts(job):
    job.cost(tokens_in=10, tokens_out=2, usd=0.5)
    job.unit("a", write("x"))
    again = Job(job.dir)
    again.cost(tokens_in=1)
    spent = again.spent()
    assert (spent.tokens_in, spent.tokens_out, spent.usd, spent.attempts) == (11, 2, 0.5, 2)
    assert spent.seconds >= 0
    assert spent.peak_bytes > 1_000_000
    assert job.spent().attempts == 1


def test_failures_and_licenses_are_recorded(job):
    job.fail("item 3", "no answer")
    assert job.failures == {"item 3": "no answer"}
    job.add_license(" CC-BY-4.0 ", "web", 2)
    assert (job.terms[0].spdx, job.terms[0].documents) == ("CC-BY-4.0", 2)
    with pytest.raises(LicenseError):
        job.add_license("no idea", "web")


def test_progress_is_logged_beside_the_payload(job):
    with job.progress.task("pack", total=2, unit="docs") as task:
        task.advance(2)
        task.note(loss=1.5)
    job.progress.say("halfway")
    rows = [json.loads(line) for line in (job.dir / "log" / "log.jsonl").read_text().splitlines()]
    assert rows[0] == {**rows[0], "task": "pack", "docs": 2, "total": 2, "done": True, "loss": 1.5}
    assert rows[1] == {"message": "halfway"}


def test_the_executor_is_what_resources_ask_for(tmp_path):
    assert isinstance(Job(tmp_path / "a").executor, Serial)
    job = Job(tmp_path / "b", resources=Resources(workers=2))
    assert isinstance(job.executor, ProcessPool)
    assert job.executor is job.executor


def test_a_link_in_a_finished_unit_is_refused_at_the_end_not_swept(job):
    from lontar.core.artifact import payload_files

    job.unit("folder", lambda path: (path.mkdir(), (path / "x").symlink_to("/etc/hostname")))
    job.sweep()
    with pytest.raises(ArtifactError, match="symbolic link"):
        payload_files(job.dir)


def test_a_failed_item_may_have_any_name(job):
    job.fail("caf\udce9.txt", "no \ud800")
    assert job.failures == {"caf\\udce9.txt": "no \\ud800"}

"""Processes that end in the middle: resume with equal digests, free locks, no workers left behind."""

import os
import signal

import pytest

from lontar.core.artifact import Artifact
from lontar.errors import DriftError
from tests.unit.core import toys as t
from tests.unit.core.conftest import alive, files_under, wait_for


def gone(pid, seconds=10):
    import time

    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


@pytest.fixture
def plugin(home):
    """The toy stages in this process as another process sees them: as a plug-in, with the same fingerprints."""
    import shutil

    from lontar.core import plugins
    from lontar.core.stage import find_stage
    from tests.unit.core.conftest import TOYS_FILE

    shutil.copy(TOYS_FILE, home / "plugins" / "toys.py")
    plugins.load_file(home / "plugins" / "toys.py")
    return find_stage


@pytest.mark.parametrize("piece", [0, 2])
def test_killed_in_the_middle_it_goes_on_with_equal_digests(start, tmp_path, trace, piece):
    whole = t.parts(tmp_path / "whole", config=t.PartsConfig())
    (trace / f"stop-{piece}").touch()
    command = ("toy", "parts", "--out", str(tmp_path / "out"), f"trace={trace}", "--progress", "none")
    process = start(*command)
    wait_for(trace / "stopped", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    (partial,) = [p for p in tmp_path.iterdir() if p.name.startswith(".out.")]
    halves = [name for name in files_under(partial) if f".tmp-{piece}.txt" in name]
    assert halves, "it was killed while a piece was half-written"
    (trace / f"stop-{piece}").unlink()
    resumed = t.parts(tmp_path / "out", config=t.PartsConfig(trace=str(trace)))
    assert resumed.digest == whole.digest
    assert resumed.verify() == []
    assert (trace / "made").read_text().split() == ["0", "1", "2"], "finished pieces were not made again"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out.")]


def test_the_second_of_two_processes_is_refused_and_the_lock_ends_with_its_holder(start, tmp_path, trace):
    (trace / "stop-1").touch()
    command = ("toy", "parts", "--out", str(tmp_path / "out"), f"trace={trace}", "--progress", "none")
    first = start(*command)
    wait_for(trace / "stopped", first)
    second = start(*command)
    out, err = second.communicate(timeout=30)
    assert second.returncode == 4
    assert f"process {first.pid} on" in err
    assert "is building it" in err
    assert out == ""
    first.kill()
    first.wait()
    (trace / "stop-1").unlink()
    third = start(*command)
    third.communicate(timeout=30)
    assert third.returncode == 0
    assert Artifact.open(tmp_path / "out").verify() == []


def test_workers_and_lock_end_with_a_killed_parent(start, tmp_path, trace):
    (trace / "stop-1").touch()
    command = (
        "toy",
        "mapped",
        "--out",
        str(tmp_path / "out"),
        "--resources",
        "workers=2",
        f"trace={trace}",
        "--progress",
        "none",
    )
    process = start(*command)
    wait_for(trace / "stopped", process)
    worker = int((trace / "worker").read_text())
    assert alive(worker)
    assert int((trace / "stopped").read_text()) == process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (trace / "stop-1").unlink()
    made = t.mapped(tmp_path / "out", config=t.MappedConfig(trace=str(trace)))
    assert (made.path / "squares.txt").read_text() == "0 1 4 9"
    assert gone(worker)


def test_interrupted_it_exits_130_at_once_and_goes_on(start, tmp_path, trace):
    (trace / "stop-1").touch()
    command = (
        "toy",
        "mapped",
        "--out",
        str(tmp_path / "out"),
        "--resources",
        "workers=2",
        f"trace={trace}",
        "--progress",
        "none",
    )
    process = start(*command)
    wait_for(trace / "stopped", process)
    worker = int((trace / "worker").read_text())
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert gone(worker)
    (trace / "stop-1").unlink()
    again = start(*command)
    again.communicate(timeout=30)
    assert again.returncode == 0


def test_a_plugin_that_was_edited_drifts(home, tmp_path, plugin, monkeypatch):
    made = plugin("toy.parts")(tmp_path / "out")
    assert "plugin:stage:toy.parts" in made.manifest.uses
    with (home / "plugins" / "toys.py").open("a", encoding="utf-8") as stream:
        stream.write("# edited\n")
    with pytest.raises(DriftError, match=r"uses\.plugin:stage:toy\.parts: "):
        plugin("toy.parts")(tmp_path / "out")


@pytest.fixture(autouse=True)
def _names(monkeypatch, unloaded):
    """What `plugin` registers is forgotten after the test."""

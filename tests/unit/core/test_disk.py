"""A full disk: a clear error, nothing under a final name, nothing lost."""

import errno
import os
import subprocess

import pytest

from lontar.errors import ArtifactError
from tests.unit.core import toys as t


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 kB; a function makes it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(place)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system takes root")
    enlarge = ["mount", "-o", "remount,size=4m", str(place)]
    yield place, lambda: subprocess.run(enlarge, check=True)
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk):
    place, enlarge = small_disk
    with pytest.raises(ArtifactError, match="the disk is full while building") as caught:
        t.big(place / "out")
    assert "run the same command again" in caught.value.hint
    assert not (place / "out").exists()
    (partial,) = [p for p in place.iterdir() if p.name.startswith(".out.")]
    kept = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in partial.glob("[0-9].bin")}
    assert 0 < len(kept) < 8
    assert all(len(data) == 16_384 for data, _ in kept.values()), "a piece under its name is whole"
    enlarge()
    made = t.big(place / "out")
    assert made.verify() == []
    assert len(made.manifest.files) == 9
    assert all((made.path / n).stat().st_mtime_ns == when for n, (_, when) in kept.items()), "nothing was made again"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("when", ["piece", "manifest"])
def test_a_disk_that_says_it_is_full(tmp_path, monkeypatch, trace, code, when):
    config = t.PartsConfig(trace=str(trace))

    def full(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        if when == "piece":
            (trace / "raise-2").touch()
            patch.setattr(t, "DataError", full)
        else:
            patch.setattr("lontar.core.build.write_json", full)
        with pytest.raises(ArtifactError, match="the disk is full"):
            t.parts(tmp_path / "out", config=config)
    assert not (tmp_path / "out").exists()
    (trace / "raise-2").unlink(missing_ok=True)
    assert t.parts(tmp_path / "out", config=config).verify() == []
    assert (trace / "made").read_text().split() == ["0", "1", "2"]

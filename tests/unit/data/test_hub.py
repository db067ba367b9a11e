"""Data sets of the hub: the client is replaced, its exception classes are the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

import huggingface_hub

from lontar.core.config import validate
from lontar.core.shards import write_jsonl
from lontar.data import BuildConfig, build
from lontar.data.config import Source
from lontar.data.sources import find_files
from lontar.errors import BackendError, ConfigError, DataError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A client whose snapshot is a folder here; `asked` holds what it was called with."""
    folder = tmp_path / "snapshot"
    asked: dict[str, Any] = {"folder": folder}
    write_jsonl(folder / "data" / "th.jsonl", [{"id": "1", "text": "สวัสดีตอนเช้าครับ", "lang": "th"}])

    def snapshot_download(repository: str, **given: Any) -> str:
        asked.update(given, repository=repository)
        if "error" in asked:
            raise asked["error"]
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_data_set_is_read_at_its_revision(hub, tmp_path):
    source = {"hub": "org/set@v1", "files": "data/*.jsonl", "license": "CC0-1.0"}
    corpus = build(tmp_path / "out", config=validate(BuildConfig, {"sources": [source], "heldout": {"share": 0.0}}))
    assert [doc.text for doc in corpus.documents("train")] == ["สวัสดีตอนเช้าครับ"]
    assert (hub["repository"], hub["revision"], hub["repo_type"]) == ("org/set", "v1", "dataset")
    assert hub["allow_patterns"] == ["data/*.jsonl"]


def test_files_that_are_not_there_are_named(hub):
    with pytest.raises(DataError, match="no file matches"):
        find_files(validate(Source, {"hub": "org/set@v1", "files": "*.parquet"}))


def test_a_data_set_that_does_not_exist(hub):
    response = type("Response", (), {"status_code": 404, "headers": {}, "request": None})()
    hub["error"] = huggingface_hub.errors.RepositoryNotFoundError("no", response=response)
    with pytest.raises(BackendError, match="no such data set"):
        find_files(validate(Source, {"hub": "org/set@v1"}))


@pytest.mark.parametrize(
    ("given", "told"),
    [({"hub": "org/set"}, "hub"), ({"hub": "set@v1"}, "hub"), ({"jsonl": "a", "files": "*.x"}, "`files` goes with")],
)
def test_wrong_settings_are_refused(given, told):
    with pytest.raises(ConfigError, match=told):
        validate(Source, given)

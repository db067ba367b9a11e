"""What every test stands on: a home folder of its own, no hub, the same hypothesis examples every time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lontar.core.artifact import LINEAGE, Artifact, Corpus, parent_of
from lontar.core.build import _write_lineage
from lontar.core.license import License, combine, from_sources
from lontar.core.manifest import (
    FILENAME,
    Cost,
    Environment,
    FileEntry,
    Manifest,
    content_digest,
    fingerprint,
    sha256_bytes,
)
from lontar.core.records import Document
from lontar.core.shards import write_bytes, write_json, write_jsonl

# Set here, not in a fixture: huggingface_hub reads it when it is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

settings.register_profile("lontar", derandomize=True, deadline=None, database=None)
settings.load_profile("lontar")


@pytest.fixture(autouse=True, scope="session")
def _empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONTAR_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for this test alone."""
    folder = tmp_path / "home"
    (folder / "plugins").mkdir(parents=True)
    monkeypatch.setenv("LONTAR_HOME", str(folder))
    return folder


def made(
    folder: Path,
    kind: str,
    files: Mapping[str, bytes],
    *,
    parents: Mapping[str, Artifact | Sequence[Artifact]] | None = None,
    license_: License | None = None,
    **fields: Any,
) -> Artifact:
    """Write an artifact by hand: payload, lineage, sealed manifest."""
    for name, data in files.items():
        write_bytes(folder / name, data)
    given = {n: p if isinstance(p, Artifact) else tuple(p) for n, p in (parents or {}).items()}
    ancestors = [a for p in given.values() for a in ((p,) if isinstance(p, Artifact) else p)]
    _write_lineage(folder / LINEAGE, ancestors)
    entries = {n: FileEntry(bytes=len(d), sha256=sha256_bytes(d)) for n, d in sorted(files.items())}
    values: dict[str, Any] = {
        "kind": kind,
        "stage": "test.made",
        "stage_version": 1,
        "seed": 0,
        "config": {},
        "resources": {},
        "parents": {n: parent_of(p) if isinstance(p, Artifact) else tuple(map(parent_of, p)) for n, p in given.items()},
        "uses": {},
        "fingerprint": "",
        "files": entries,
        "digest": content_digest(entries),
        "complete": True,
        "metrics": {},
        "license": license_ or combine([a.manifest.license for a in ancestors]),
        "environment": Environment(lontar="0", python="3", platform="test", cpus=1),
        "created": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        "cost": Cost(),
        **fields,
    }
    manifest = Manifest(**values)
    manifest = manifest.model_copy(update={"fingerprint": fingerprint(manifest.identity())}).sealed()
    write_json(folder / FILENAME, manifest.model_dump(mode="json"))
    return Artifact.open(folder)


@pytest.fixture
def make_artifact() -> Callable[..., Artifact]:
    return made


TEXTS = {"en": ["The river is wide.", "Rain fell all night."], "th": ["แม่น้ำกว้าง", "ฝนตกทั้งคืน"]}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Two sentences for training and two held out, in English and Thai."""
    folder = tmp_path / "corpus"
    for split in ("train", "heldout"):
        for lang, texts in TEXTS.items():
            rows = [Document(f"{split}-{lang}-{i}", t, lang, "ours", "CC0-1.0").row() for i, t in enumerate(texts)]
            write_jsonl(folder / split / f"{lang}-00000.jsonl.zst", rows)
    write_json(folder / "counts.json", {lang: 4 for lang in TEXTS})
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    license_ = from_sources([])
    found = made(folder, "corpus", files, license_=license_)
    assert isinstance(found, Corpus)
    return found

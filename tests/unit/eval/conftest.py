"""Two folders that pass for models, a corpus with held-out text, and a back-end whose faults a test can set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from lontar.backends import register_backend
from lontar.backends.echo import Echo
from lontar.core.artifact import Corpus, Endpoint, Model
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.shards import write_json, write_jsonl
from lontar.core.stage import stage


class Named(Config):
    name: str = "a"
    texts: dict[str, list[str]] = Field(default_factory=dict)


@stage("test.model", out=Model, version=1)
def make_model(job: Job, *, config: Named) -> None:
    """A folder that passes for a model."""
    write_json(job.dir / "config.json", config.name)


@stage("test.endpoint", out=Endpoint, version=1)
def make_endpoint(job: Job, *, config: Named) -> None:
    """An endpoint."""
    write_json(job.dir / "endpoint.json", {"url": config.name, "model": "m"})


@stage("test.corpus", out=Corpus, version=1)
def make_corpus(job: Job, *, config: Named) -> None:
    """A corpus of held-out text alone."""
    for lang, texts in config.texts.items():
        rows = [{"id": f"d{i}", "text": text, "lang": lang} for i, text in enumerate(texts)]
        write_jsonl(job.dir / "heldout" / f"{lang}-00000.jsonl.zst", rows)
    write_json(job.dir / "counts.json", {})


class Faulty(Echo):
    """Echo with faults, shared by all that a test opens."""

    asked: ClassVar[list[str]] = []
    fail: ClassVar[set[str]] = set()
    error: ClassVar[BaseException | None] = None
    instant = False

    def __init__(self, target: str | Path = "", *, device: str = "auto") -> None:
        super().__init__(target)
        self.name = Path(target).name

    async def score(self, prompt: Any, continuation: Any, /, *, top: int = 0) -> Any:
        self.check(str(continuation))
        return await super().score(prompt, continuation, top=top)

    def check(self, text: str) -> None:
        Faulty.asked.append(f"{self.name}:{text}")
        if Faulty.error is not None and any(part in text for part in Faulty.fail):
            raise Faulty.error


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Faulty]]:
    from lontar import backends

    monkeypatch.setattr(backends, "_BACKENDS", dict(backends._BACKENDS))
    register_backend("faulty", Faulty)
    Faulty.asked, Faulty.fail, Faulty.error = [], set(), None
    yield Faulty


@pytest.fixture
def models(tmp_path: Path) -> tuple[Model, Model]:
    return tuple(make_model(tmp_path / name, config=Named(name=name)) for name in ("model", "baseline"))  # type: ignore[return-value]


def read_scores(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))

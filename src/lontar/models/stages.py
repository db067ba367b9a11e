"""`models.adopt`: take in a model from a local Hugging Face folder or a pinned hub revision, with its license.

The path says only where the files are found; their hashes are what the fingerprint sees, so a folder may move. A hub
revision enters by name, and the commit that it stood for is recorded in `lontar.json`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from lontar.core.artifact import Model
from lontar.core.build import LOCATION
from lontar.core.config import Config, JsonObject
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_json
from lontar.core.stage import stage
from lontar.errors import LicenseError, NotAnArtifactError


class AdoptConfig(Config):
    """Settings of `models.adopt`: `path`, or `repository` and `revision`."""

    path: str | None = Field(default=None, json_schema_extra=LOCATION)
    """a local folder with config.json, tokenizer.json and safetensors weights"""
    repository: str | None = None
    """ORG/NAME on the hub"""
    revision: str | None = None
    """commit or tag"""
    license: str | None = None
    """SPDX identifier, where the folder does not state it"""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.repository is None) or (self.repository is None) != (self.revision is None):
            raise PydanticCustomError("source", "give a path, or repository and revision")
        return self


def adopt_uses(config: AdoptConfig, files: Callable[[Path], Iterable[Path]]) -> dict[str, str]:
    """What the fingerprint of an adopted artifact sees: a hub revision by name, or local files by their hashes."""
    if config.path is None:
        return {f"hub:{config.repository}": str(config.revision)}
    place = Path(config.path)
    if not place.exists():
        raise NotAnArtifactError(f"{place}: no such folder or file", hint="a Hugging Face folder is expected")
    return {f"file:{path.name}": sha256_file(path) for path in files(place)}


def adopt_license(config: AdoptConfig, folder: Path) -> str:
    """SPDX identifier: the one given, or what the folder states.

    Raises:
        LicenseError: there is neither.
    """
    from lontar.models.adopt import find_license

    if (spdx := config.license or find_license(folder)) is None:
        raise LicenseError(
            f"{folder}: states no license that we can read",
            hint="give it: --license SPDX-ID with `lontar adopt`, --license NAME=SPDX-ID with `lontar run`",
        )
    return spdx


def download(job: Job, config: AdoptConfig, **what: Any) -> tuple[Path, JsonObject]:
    """Fetch from the hub, once; returns the folder and where it came from. `what` goes to `fetch_hub`."""
    from lontar.models.adopt import fetch_hub
    from lontar.models.files import read_json

    def fetch(dest: Path) -> None:
        commit = fetch_hub(str(config.repository), str(config.revision), dest, **what)
        origin: JsonObject = {"repository": config.repository, "revision": config.revision, "commit": commit}
        write_json(dest / "origin.json", origin)

    folder = job.unit("download", fetch, keep=False)
    return folder, read_json(folder / "origin.json")


def _uses(config: AdoptConfig, inputs: dict[str, Any]) -> dict[str, str]:
    return adopt_uses(config, _files)


def _files(folder: Path) -> list[Path]:
    """What belongs to a model among the files of a folder: weights, configs, tokenizer, terms."""
    from lontar.models.adopt import PATTERNS

    if not folder.is_dir():
        raise NotAnArtifactError(f"{folder}: a file", hint="a Hugging Face folder with config.json is expected")
    return sorted({path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()})


@stage("models.adopt", out=Model, version=1, uses=_uses)
def adopt(job: Job, *, config: AdoptConfig) -> None:
    """Take in a model from outside: check it, copy it, record its terms."""
    from lontar.models.adopt import inspect_model
    from lontar.models.files import read_json

    origin: JsonObject = {}
    if config.path is not None:
        folder, name = Path(config.path), Path(config.path).resolve().name
    else:
        name = str(config.repository)
        folder, origin = download(job, config)
    facts = inspect_model(folder)
    spdx = adopt_license(config, folder)
    files = [path for path in _files(folder) if path.name not in ("lontar.json", "manifest.json", "origin.json")]
    with job.progress.task("adopt", total=len(files), unit="files") as task:
        for path in files:
            job.unit(path.name, lambda target, path=path: shutil.copyfile(path, target))  # type: ignore[misc]
            task.advance()
    own = read_json(folder / "lontar.json") if (folder / "lontar.json").is_file() else {}
    normalization = own.get("normalization", [])
    write_json(job.dir / "lontar.json", {"format": "safetensors", "normalization": normalization, **origin})
    job.add_license(spdx, name, 1)
    job.metric(parameters=facts.parameters, vocabulary=facts.vocab_size)

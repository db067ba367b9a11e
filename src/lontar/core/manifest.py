"""The record every artifact carries: what it is, from what, with which settings, under which terms, at which cost.

A manifest is written last, so its presence means the artifact is complete. Two hashes name two things: `fingerprint`
is of the *derivation* (stage, version, seed, config, parents' content, everything else the output depends on) and
decides whether a finished step can be reused; `digest` is of the *content* and is the name by which children know
their parent, so that a rebuilt but identical parent invalidates nothing. `seal` is of the manifest itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from lontar.core.config import Config, JsonObject, Parsed, problems_of
from lontar.core.license import License
from lontar.errors import ConfigError, IntegrityError

FORMAT = 1
FILENAME = "manifest.json"
Sha256: TypeAlias = str


def canonical_json(value: Any) -> bytes:
    """The one byte string of a JSON value: sorted keys, no spaces, UTF-8, shortest floats.

    Raises:
        ConfigError: the value has no stable bytes (a function, an object's address, NaN, a key that is not text).
    """
    return json.dumps(
        _plain(value, ()), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8", "surrogatepass")


def _plain(value: Any, loc: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"{'.'.join(loc) or 'value'}: {value} has no JSON form")
        return value
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"), loc)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"{'.'.join(loc) or 'value'}: the key {key!r} is not text")
        return {key: _plain(item, (*loc, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*loc, str(i))) for i, item in enumerate(value)]
    raise ConfigError(
        f"{'.'.join(loc) or 'value'}: a {type(value).__name__} has no stable bytes",
        hint="only numbers, text, lists and mappings can enter a fingerprint",
    )


def sha256_bytes(data: bytes) -> Sha256:
    """Hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> Sha256:
    """Hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _inside(path: str) -> str:
    # Manifests come from elsewhere too: no name in them may lead out of the artifact's folder.
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
        raise ValueError(f"{path!r} does not lie inside the artifact")
    return path


PayloadPath: TypeAlias = Annotated[str, AfterValidator(_inside)]


class FileEntry(Config):
    """Size and hash of one payload file."""

    bytes: int
    sha256: Sha256


class Parent(Config):
    """A parent as its child knows it: by content (`digest`) and by record (`seal`, which names its lineage file)."""

    kind: str
    digest: Sha256
    seal: Sha256


class Environment(Config):
    """Where an artifact was made; recorded, never part of the fingerprint."""

    lontar: str
    python: str
    platform: str
    cpus: int
    libraries: dict[str, str] = Field(default_factory=dict)


class Cost(Config):
    """What making an artifact took. Times sum over resumed attempts; `peak_bytes` is the largest of them."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    attempts: int = 1


class Manifest(Config):
    """One artifact's record; see the module's docstring for the three hashes."""

    format: int = FORMAT
    kind: str
    stage: str
    stage_version: int
    seed: int
    config: JsonObject
    resources: JsonObject
    parents: dict[str, Parent | tuple[Parent, ...]]
    uses: dict[str, str]
    """Other things the output depends on and their digests: libraries, language files, plug-ins, outside files."""
    fingerprint: Sha256
    files: dict[PayloadPath, FileEntry]
    digest: Sha256
    complete: bool
    failures: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float]
    license: License
    environment: Environment
    created: datetime
    cost: Cost
    seal: Sha256 = ""

    def parent_list(self) -> list[tuple[str, Parent]]:
        """All parents with the name of their input; lists are numbered."""
        found: list[tuple[str, Parent]] = []
        for name, parent in sorted(self.parents.items()):
            if isinstance(parent, Parent):
                found.append((name, parent))
            else:
                found += [(f"{name}[{i}]", item) for i, item in enumerate(parent)]
        return found

    def sealed(self) -> Manifest:
        """A copy whose `seal` is right."""
        return self.model_copy(update={"seal": self.expected_seal()})

    def expected_seal(self) -> Sha256:
        """Hash of everything but the seal."""
        body = self.model_dump(mode="json")
        del body["seal"]
        return sha256_bytes(canonical_json(body))

    def identity(self) -> JsonObject:
        """What the fingerprint is made of."""
        return identity(
            self.stage,
            self.stage_version,
            self.seed,
            self.config,
            {n: p.digest for n, p in self.parent_list()},
            self.uses,
        )


def identity(
    stage: str, version: int, seed: int, config: JsonObject, parents: Mapping[str, Sha256], uses: Mapping[str, str]
) -> JsonObject:
    """Everything an output depends on, as one JSON object."""
    return {
        "stage": stage,
        "stage_version": version,
        "seed": seed,
        "config": config,
        "parents": dict(parents),
        "uses": dict(uses),
    }


def fingerprint(identity_: JsonObject) -> Sha256:
    """The name of a derivation. Config fields that only say where to find something are left out."""
    return sha256_bytes(canonical_json(identity_))


def content_digest(files: Mapping[str, FileEntry]) -> Sha256:
    """The name of a content: hash of paths, sizes and hashes."""
    return sha256_bytes(canonical_json({path: entry.model_dump() for path, entry in files.items()}))


def differences(old: JsonObject, new: JsonObject) -> list[str]:
    """Each leaf that differs between two identities as `path: old → new`."""
    before, after = _leaves(old), _leaves(new)
    return [
        f"{path}: {_short(before, path)} → {_short(after, path)}"
        for path in sorted(before.keys() | after.keys())
        if _bytes_at(before, path) != _bytes_at(after, path)
    ]


def _bytes_at(leaves: Mapping[str, Any], path: str) -> bytes | None:
    # As the fingerprint sees it: 1, 1.0 and True are equal in Python, null is not the same as absent.
    return canonical_json(leaves[path]) if path in leaves else None


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for key, item in value.items() for k, v in _leaves(item, f"{path}.{key}" if path else key).items()}
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return {k: v for i, item in enumerate(value) for k, v in _leaves(item, f"{path}.{i}").items()}
    return {path: value}


def _short(leaves: Mapping[str, Any], path: str) -> str:
    if path not in leaves:
        return "(none)"
    value = leaves[path]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return text[:12] + "…"
    return text if len(text) <= 60 else text[:57] + "…"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file.

    Raises:
        IntegrityError: it is damaged, or of a format this version does not know.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as err:
        raise IntegrityError(f"{path}: the manifest is damaged: {err}") from err
    if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
        raise IntegrityError(f"{path}: manifest format {data['format']}, this version reads {FORMAT}")
    try:
        return Manifest.model_validate(data)
    except ValidationError as err:
        first = problems_of(err, Manifest, Parsed(data, str(path)))[0]
        raise IntegrityError(f"{first.where}: the manifest is damaged: {first.message}") from err

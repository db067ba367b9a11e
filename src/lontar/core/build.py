"""The life of one artifact: reuse, refuse, resume, build, commit.

A step is built in a hidden sibling folder named by its fingerprint (`.model.1f2e….partial`) and renamed to its final
name when everything, manifest included, is on the disk: the rename is the commit. A folder under its final name is
therefore complete, whenever the power goes. A folder finished with other settings is never overwritten and never
served: the error says what changed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Literal

from lontar.core.artifact import LINEAGE, SCRATCH, Artifact, parent_of, payload_files
from lontar.core.config import Config, JsonObject
from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.core.license import combine, from_sources
from lontar.core.manifest import (
    FILENAME,
    Environment,
    FileEntry,
    Manifest,
    Parent,
    content_digest,
    differences,
    fingerprint,
    identity,
    read_manifest,
    sha256_file,
)
from lontar.core.progress import Progress
from lontar.core.shards import flush, write_json
from lontar.errors import ArtifactError, DriftError, IncompleteError, LockedError, NotAnArtifactError

Status = Literal["build", "reuse", "resume", "drift"]
Input = Artifact | tuple[Artifact, ...] | None


@dataclass(frozen=True)
class Options:
    """How to run, as distinct from what to make."""

    seed: int = 0
    resources: Resources = field(default_factory=Resources)
    progress: Progress | None = None
    rebuild: bool = False
    """move a finished artifact aside and make it again"""
    allow_incomplete: bool = False
    """accept parents some of whose items failed"""


@dataclass(frozen=True)
class Derivation:
    """Everything an output depends on, and the function that makes it."""

    stage: str
    version: int
    kind: str
    seed: int
    config: Config
    inputs: Mapping[str, Input]
    uses: Mapping[str, str]
    run: Callable[[Job], None]

    @property
    def parents(self) -> dict[str, Parent | tuple[Parent, ...]]:
        """The inputs as the manifest records them."""
        return {
            name: tuple(parent_of(item) for item in value) if isinstance(value, tuple) else parent_of(value)
            for name, value in sorted(self.inputs.items())
            if value is not None
        }

    @property
    def input_list(self) -> list[Artifact]:
        """All input artifacts."""
        values = (value for value in self.inputs.values() if value is not None)
        return [item for value in values for item in (value if isinstance(value, tuple) else (value,))]

    @property
    def settings(self) -> tuple[JsonObject, JsonObject]:
        """The resolved config, and apart from it the fields that only say where something is found."""
        whole = self.config.model_dump(mode="json")
        where = {name for name, info in type(self.config).model_fields.items() if _is_location(info.json_schema_extra)}
        return {k: v for k, v in whole.items() if k not in where}, {k: v for k, v in whole.items() if k in where}

    @property
    def identity(self) -> JsonObject:
        """What the fingerprint is made of."""
        digests: dict[str, str] = {}
        for name, parent in self.parents.items():
            if isinstance(parent, Parent):
                digests[name] = parent.digest
            else:
                digests |= {f"{name}[{i}]": item.digest for i, item in enumerate(parent)}
        return identity(self.stage, self.version, self.seed, self.settings[0], digests, self.uses)

    @property
    def fingerprint(self) -> str:
        """Name of this derivation."""
        return fingerprint(self.identity)


LOCATION: JsonObject = {"location": True}
"""Mark of a config field that says where something is found: its content enters the fingerprint (`uses`), not it."""


def _is_location(extra: Any) -> bool:
    return isinstance(extra, dict) and extra.get("location") is True


@dataclass(frozen=True)
class State:
    """What building `out` would do, and for drift the fields that changed."""

    status: Status
    changes: tuple[str, ...] = ()


def named(out: Path | str) -> Path:
    """`out` with a last part that can be renamed: `.` and `x/..` become absolute."""
    path = Path(out)
    return path.resolve() if path.name in ("", "..") else path


def partial_folder(out: Path, name: str) -> Path:
    """Where the derivation called `name` is built before it becomes `out`."""
    return out.parent / f".{out.name}.{name[:12]}.partial"


def inspect_state(derivation: Derivation, out: Path) -> State:
    """What building would do now. Nothing is changed.

    Raises:
        NotAnArtifactError: something else stands at `out`.
    """
    name = derivation.fingerprint
    if out.is_dir() and (out / FILENAME).is_file():
        manifest = read_manifest(out / FILENAME)
        if manifest.fingerprint != name:
            return State("drift", tuple(differences(manifest.identity(), derivation.identity)))
        return State("reuse" if manifest.complete else "resume")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NotAnArtifactError(f"{out}: exists and is not an artifact", hint="choose another --out, or move it away")
    if out.is_symlink() or out.is_mount():  # the commit is a rename, which would fail after all the work is done
        what = "symbolic link" if out.is_symlink() else "mount point"
        raise NotAnArtifactError(f"{out}: is a {what}", hint=f"choose a folder inside it: --out {out / 'NAME'}")
    return State("resume" if partial_folder(out, name).is_dir() else "build")


def drift_error(out: Path, changes: tuple[str, ...]) -> DriftError:
    """The error for a finished artifact with other settings: which fields, and the ways on."""
    listed = "\n".join(f"  {change}" for change in changes)
    return DriftError(
        f"{out} is finished, with other settings:\n{listed}",
        hint=f"--rebuild {out.name} moves the old one aside and builds anew; another --out keeps both; "
        "--reuse RUN takes equal steps from an earlier run",
    )


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the right to build `out`; released by the kernel when the process ends, however it ends.

    Raises:
        LockedError: another run holds it.
        ArtifactError: the folder for it cannot be made.
    """
    with disk_errors(out):
        folder = out.parent / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / out.name).open("a+", encoding="utf-8")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            stream.seek(0)
            holder = stream.read().strip() or "another process"
            raise LockedError(f"{out}: {holder} is building it", hint="wait for it, or choose another --out") from err
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}")
        stream.flush()
        yield


def build(derivation: Derivation, out: Path, options: Options) -> Artifact:
    """Make the artifact at `out`, or return the finished one. The caller holds its lock."""
    state = inspect_state(derivation, out)
    partial = partial_folder(out, derivation.fingerprint)
    if options.rebuild and out.exists():
        _refuse_incomplete(derivation, options)  # before the finished one is gone from its place
        move_aside(out)
        shutil.rmtree(partial, ignore_errors=True)
        state = State("build")
    if state.status == "drift":
        raise drift_error(out, state.changes)
    if state.status == "reuse":
        shutil.rmtree(out / SCRATCH, ignore_errors=True)  # left when the process ended between the rename and this
        return Artifact.open(out)
    _refuse_incomplete(derivation, options)
    with disk_errors(out):
        if out.is_dir() and (out / FILENAME).is_file():  # finished as incomplete: go on where it stopped
            out.rename(partial)
        return _build_in(partial, out, derivation, options)


def _build_in(partial: Path, out: Path, derivation: Derivation, options: Options) -> Artifact:
    job = Job(partial, seed=options.seed, resources=options.resources, progress=options.progress)
    (partial / FILENAME).unlink(missing_ok=True)
    job.sweep()
    derivation.run(job)
    manifest = _manifest(job, derivation, options)
    _write_lineage(partial / LINEAGE, derivation.input_list)
    write_json(partial / FILENAME, manifest.model_dump(mode="json"))
    _flush_payload(partial, manifest)
    if out.is_dir() and not any(out.iterdir()):
        out.rmdir()
    partial.rename(out)
    flush(out.parent)
    if manifest.complete:  # an incomplete one needs its markers to go on later
        shutil.rmtree(out / SCRATCH, ignore_errors=True)
    return Artifact.open(out)


def _manifest(job: Job, derivation: Derivation, options: Options) -> Manifest:
    files = {
        name: FileEntry(bytes=(job.dir / name).stat().st_size, sha256=sha256_file(job.dir / name))
        for name in payload_files(job.dir)
    }
    if not files:
        raise ArtifactError(f"{derivation.stage} wrote nothing", hint="a stage must write at least one file")
    config, locations = derivation.settings
    inherited = [item.manifest.license for item in derivation.input_list]
    return Manifest(
        kind=derivation.kind,
        stage=derivation.stage,
        stage_version=derivation.version,
        seed=derivation.seed,
        config=config,
        resources={**options.resources.model_dump(mode="json"), **locations},
        parents=derivation.parents,
        uses=dict(sorted(derivation.uses.items())),
        fingerprint=derivation.fingerprint,
        files=files,
        digest=content_digest(files),
        complete=not job.failures,
        failures=dict(sorted(job.failures.items())),
        metrics=dict(sorted(job.metrics.items())),
        license=combine([*inherited, from_sources(job.terms)]),
        environment=_environment(derivation),
        created=datetime.now(UTC).replace(microsecond=0),
        cost=job.spent(),
    ).sealed()


def _environment(derivation: Derivation) -> Environment:
    prefix = "library:"
    return Environment(
        lontar=_own_version(),
        python=platform.python_version(),
        platform=platform.platform(),
        cpus=os.cpu_count() or 1,
        libraries={k.removeprefix(prefix): v for k, v in derivation.uses.items() if k.startswith(prefix)},
    )


def _own_version() -> str:
    try:
        return installed_version("lontar")
    except PackageNotFoundError:  # a source tree on the path
        return "not installed"


def _write_lineage(folder: Path, parents: list[Artifact]) -> None:
    for parent in parents:
        folder.mkdir(exist_ok=True)
        records = [parent.path / FILENAME, *sorted((parent.path / LINEAGE).glob("*.json"))]
        for record, name in zip(records, [f"{parent.manifest.seal}.json", *(r.name for r in records[1:])], strict=True):
            shutil.copyfile(record, folder / name)


def _flush_payload(folder: Path, manifest: Manifest) -> None:
    files = [*(folder / name for name in manifest.files), *(folder / LINEAGE).glob("*.json")]
    folders = {parent for file in files for parent in file.parents if parent.is_relative_to(folder)}
    for path in [*files, *sorted(folders, reverse=True)]:
        flush(path)


def _refuse_incomplete(derivation: Derivation, options: Options) -> None:
    for item in derivation.input_list:
        if not item.manifest.complete and not options.allow_incomplete:
            raise IncompleteError(
                f"{item.path}: {len(item.manifest.failures)} of its items failed",
                hint="run its step again to retry them, or accept it with --allow-incomplete",
            )


def move_aside(out: Path) -> Path:
    """Rename a finished artifact to `<name>.old-<n>`; nothing is deleted."""
    n = 1
    while (target := out.parent / f"{out.name}.old-{n}").exists():
        n += 1
    out.rename(target)
    return target


_REFUSED = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG)


@contextlib.contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn a full disk, or a place that cannot be written, into an ArtifactError; other errors pass."""
    try:
        yield
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ArtifactError(
                f"the disk is full while building {out}: {err.filename or err.strerror}",
                hint="free some space and run the same command again: finished pieces are kept",
            ) from err
        place = Path(str(err.filename or out)).absolute()
        if err.errno not in _REFUSED:
            raise
        if place.is_relative_to(out.absolute().parent) or out.absolute().is_relative_to(place):
            raise ArtifactError(f"cannot write {out}: {place}: {err.strerror}", hint="choose another --out") from err
        raise ArtifactError(f"{place}: {err.strerror} (while building {out})") from err

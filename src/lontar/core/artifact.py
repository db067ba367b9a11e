"""Artifacts: finished folders, the only thing that connects stages.

A folder with a `manifest.json` is an artifact; `lineage/` beside it holds the manifests of all its ancestors, each in a
file named by its seal, so a folder copied to another machine still tells its whole story. Payload is every other file
whose path has no part that starts with a dot and that is not under `log/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import ValidationError

from lontar.core.config import JsonObject
from lontar.core.manifest import FILENAME, Manifest, Parent, content_digest, fingerprint, read_manifest, sha256_file
from lontar.core.records import Chat, Document
from lontar.core.shards import read_jsonl
from lontar.errors import ArtifactError, DataError, IntegrityError, KindError, NotAnArtifactError

LINEAGE = "lineage"
LOG = "log"
SCRATCH = ".scratch"
Split = Literal["train", "heldout"]


class Artifact:
    """A finished folder of any kind; `Artifact.open` returns the class of the kind found there."""

    kind: ClassVar[str] = ""
    _kinds: ClassVar[dict[str, type[Artifact]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Artifact._kinds[cls.kind] = cls

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a finished artifact. Payload is checked for presence and size, not hashed: `verify` does that.

        Raises:
            NotAnArtifactError: there is no manifest.
            KindError: it is of another kind.
            IntegrityError: the manifest is damaged, or a payload file is missing or has another size.
        """
        path = Path(path)
        if not (path / FILENAME).is_file():
            raise NotAnArtifactError(
                f"{path}: not an artifact ({'no manifest.json' if path.exists() else 'no such folder'})",
                hint="a run that was interrupted has no manifest yet: run it again to finish it. "
                "Material from elsewhere enters through `lontar adopt`",
            )
        manifest = read_manifest(path / FILENAME)
        found = Artifact._kinds.get(manifest.kind, Artifact)
        if not issubclass(found, cls):
            raise KindError(f"{path}: a {manifest.kind}, but a {cls.kind} was expected")
        for name, entry in manifest.files.items():
            file = path / name
            if not file.is_file() or file.stat().st_size != entry.bytes:
                state = f"has {file.stat().st_size} bytes, {entry.bytes} recorded" if file.is_file() else "is missing"
                raise IntegrityError(f"{file}: {state}", hint=f"lontar verify {path}")
        return found(path, manifest)

    @property
    def digest(self) -> str:
        """Content digest: the name by which children know this artifact."""
        return self.manifest.digest

    def verify(self) -> list[str]:
        """Re-hash everything; returns what is wrong in words, empty when all is well."""
        return [*verify_payload(self.path, self.manifest), *_verify_manifest(self.manifest), *self._verify_lineage()]

    def _verify_lineage(self) -> list[str]:
        problems = []
        for node in self.lineage().walk():
            if node.manifest is None:
                state = "damaged" if (self.path / LINEAGE / f"{node.seal}.json").is_file() else "missing"
                problems.append(f"{LINEAGE}/{node.seal}.json: {state} (parent {node.name!r})")
            elif node.name and node.manifest.expected_seal() != node.seal:
                problems.append(f"{LINEAGE}/{node.seal}.json: differs from its seal (parent {node.name!r})")
        return problems

    def lineage(self) -> Lineage:
        """The tree of ancestors, read from this folder alone."""
        return Lineage("", self.manifest.seal, self.manifest, _parents(self.manifest, self.path / LINEAGE, {}))


@dataclass(frozen=True)
class Lineage:
    """One artifact in a family tree. `manifest` is None when its record is missing or damaged."""

    name: str
    seal: str
    manifest: Manifest | None
    parents: tuple[Lineage, ...]

    def walk(self) -> Iterator[Lineage]:
        """This node and all its ancestors, depth first; shared ancestors once each."""
        seen: set[str] = set()
        stack = [self]
        while stack:
            node = stack.pop()
            if node.seal not in seen:
                seen.add(node.seal)
                yield node
                stack += reversed(node.parents)


def _parents(manifest: Manifest, folder: Path, known: dict[str, Lineage]) -> tuple[Lineage, ...]:
    found = []
    for name, parent in manifest.parent_list():
        if parent.seal not in known:  # shared ancestors are read once; the entry made first ends a forged circle
            record = _record(folder / f"{parent.seal}.json")
            known[parent.seal] = Lineage(name, parent.seal, record, ())
            above = _parents(record, folder, known) if record else ()
            known[parent.seal] = replace(known[parent.seal], parents=above)
        found.append(replace(known[parent.seal], name=name))
    return tuple(found)


def _record(file: Path) -> Manifest | None:
    try:
        return read_manifest(file) if file.is_file() else None
    except IntegrityError:
        return None


def payload_files(folder: Path) -> list[str]:
    """Relative paths of all payload files under `folder`, sorted.

    Raises:
        ArtifactError: a symbolic link stands among them: what it points to is not under the artifact's control.
    """
    found = payload_entries(folder)
    for name in found:
        if (folder / name).is_symlink():
            raise ArtifactError(f"{folder / name}: a symbolic link cannot be part of an artifact")
    return found


def payload_entries(folder: Path) -> list[str]:
    """As `payload_files`, with the symbolic links that stand among them."""
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or relative.parts[0] in (LINEAGE, LOG, FILENAME):
            continue
        if path.is_symlink() or path.is_file():
            found.append(relative.as_posix())
    return sorted(found)


def verify_payload(folder: Path, manifest: Manifest) -> list[str]:
    """What differs between the files in `folder` and those that `manifest` records, in words."""
    entries = payload_entries(folder)
    links = {name for name in entries if (folder / name).is_symlink()}
    present = set(entries) - links
    problems = [f"{name}: a symbolic link, which cannot be part of an artifact" for name in sorted(links)]
    problems += [f"{name}: missing" for name in sorted(manifest.files.keys() - present - links)]
    problems += [f"{name}: not recorded in the manifest" for name in sorted(present - manifest.files.keys())]
    for name in sorted(present & manifest.files.keys()):
        found = sha256_file(folder / name)
        if found != manifest.files[name].sha256:
            problems.append(
                f"{name}: content differs (sha256 {found[:12]}…, {manifest.files[name].sha256[:12]}… recorded)"
            )
    return problems


def _verify_manifest(manifest: Manifest) -> list[str]:
    problems = []
    if content_digest(manifest.files) != manifest.digest:
        problems.append(f"{FILENAME}: digest does not match the list of files")
    if manifest.expected_seal() != manifest.seal:
        problems.append(f"{FILENAME}: edited after it was written (its seal does not match)")
    elif fingerprint(manifest.identity()) != manifest.fingerprint:
        problems.append(f"{FILENAME}: fingerprint does not match what it is made of")
    return problems


def parent_of(artifact: Artifact) -> Parent:
    """The artifact as a child records it."""
    manifest = artifact.manifest
    return Parent(kind=manifest.kind, digest=manifest.digest, seal=manifest.seal)


class Corpus(Artifact):
    """Documents: `{train,heldout}/<lang>-<n>.jsonl.zst` and `counts.json`."""

    kind = "corpus"

    def langs(self, split: Split = "train") -> list[str]:
        """Languages that have documents in `split`, sorted."""
        return sorted(
            {name.split("/")[1].rsplit("-", 1)[0] for name in self.manifest.files if name.startswith(f"{split}/")}
        )

    def documents(self, split: Split = "train", langs: Iterable[str] | None = None) -> Iterator[Document]:
        """Documents of `split` in stored order, of the given languages or of all.

        Raises:
            DataError: a row is damaged; names file and line.
        """
        wanted = None if langs is None else set(langs)
        for name in sorted(n for n in self.manifest.files if n.startswith(f"{split}/")):
            if wanted is None or name.split("/")[1].rsplit("-", 1)[0] in wanted:
                for line, row in read_jsonl(self.path / name):
                    yield Document.from_row(row, f"{self.path / name}:{line}")


class Tokenizer(Artifact):
    """`tokenizer.json`, `tokenizer_config.json`, and for an extension `extension.json` and `report.json`."""

    kind = "tokenizer"


class Model(Artifact):
    """A complete Hugging Face folder, plus `lontar.json` (text normalization by name, weight format)."""

    kind = "model"


class Evaluation(Artifact):
    """`scores.json` and every answer under `samples/`."""

    kind = "evaluation"


class TaskPack(Artifact):
    """Tasks of somebody else's benchmark, imported: `pack.json`, `official/`, `rows/`, `examples/`."""

    kind = "task-pack"


class Endpoint(Artifact):
    """A remote API: URL, model name and declared terms in `endpoint.json`; an unpinned parent in every lineage."""

    kind = "endpoint"


class Records(Artifact):
    """Chats, preferences or prompts as `<split>/*.jsonl.zst`; chats as `<split>/<lang>-<n>.jsonl.zst`."""

    kind = "records"

    def langs(self, split: Split = "train") -> list[str]:
        """Languages that have records in `split`, sorted."""
        return sorted(
            {name.split("/")[1].rsplit("-", 1)[0] for name in self.manifest.files if name.startswith(f"{split}/")}
        )

    def chats(self, split: Split = "train", langs: Iterable[str] | None = None) -> Iterator[Chat]:
        """Chats of `split` in stored order, of the given languages or of all.

        Raises:
            DataError: a row is no chat; names file and line.
        """
        wanted = None if langs is None else set(langs)
        for name in sorted(n for n in self.manifest.files if n.startswith(f"{split}/")):
            if wanted is None or name.split("/")[1].rsplit("-", 1)[0] in wanted:
                for line, row in read_jsonl(self.path / name):
                    yield self._chat(row, f"{self.path / name}:{line}")

    @staticmethod
    def _chat(row: JsonObject, where: str) -> Chat:
        try:
            return Chat.model_validate({name: row[name] for name in Chat.model_fields if name in row})
        except ValidationError as err:
            first = err.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(f"{where}: field {place!r} of a chat: {first['msg']}") from err


class Report(Artifact):
    """Pages and tables for people."""

    kind = "report"

"""Data sets of the hub as rows: which files hold a config and a split, and what they say.

A data set is read from its files (parquet, Arrow, JSON lines, JSON, CSV), never by a script that it brings along. Which
files belong to a config and a split is what the front matter of its README says, else what their names say, else its
copy in parquet that the hub makes of most data sets.
"""

from __future__ import annotations

import csv
import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from lontar.core.extras import need
from lontar.core.license import UNKNOWN
from lontar.core.shards import read_jsonl
from lontar.errors import BackendError, DataError, UnavailableError
from lontar.eval.sea_helm.places import Hub
from lontar.models.adopt import hub_errors, license_of_card

CONVERTED = "refs/convert/parquet"
"""the branch with the hub's own copy in parquet: `<config>/<split>/0000.parquet`"""
ENDINGS = (".parquet", ".arrow", ".jsonl", ".json", ".csv")
README = "README.md"


class Repository(Protocol):
    """Files of data sets, by the name of the data set and the branch."""

    def names(self, path: str, branch: str) -> list[str]:
        """Names of all files; none where there is no such branch."""
        ...

    def file(self, path: str, branch: str, name: str) -> Path:
        """A file, fetched first where it is not here."""
        ...


@dataclass(frozen=True)
class Folder:
    """Data sets that were downloaded before: `<folder>/<org>/<name>/...`."""

    folder: Path

    def names(self, path: str, branch: str) -> list[str]:
        """Names of the files of a data set.

        Raises:
            BackendError: the folder has no such data set.
        """
        base = self.folder / path
        if branch != "main":
            return []
        if not base.is_dir():
            raise BackendError(f"hf:{path}: not in {self.folder}")
        return sorted(each.relative_to(base).as_posix() for each in base.rglob("*") if each.is_file())

    def file(self, path: str, branch: str, name: str) -> Path:
        """A file of a data set."""
        return self.folder / path / name


@dataclass(frozen=True)
class Online:
    """The Hugging Face hub."""

    def names(self, path: str, branch: str) -> list[str]:
        """Names of the files of a data set.

        Raises:
            BackendError: there is none, or its owner asks for consent; UnavailableError: the hub cannot be reached.
        """
        hub = need("huggingface_hub", extra="hub")
        errors = need("huggingface_hub.errors", extra="hub")
        with asked(path, branch):
            try:
                return sorted(hub.HfApi().list_repo_files(path, repo_type="dataset", revision=branch))
            except errors.RevisionNotFoundError:
                if branch == "main":
                    raise
                return []

    def file(self, path: str, branch: str, name: str) -> Path:
        """A file of a data set, in the client's cache."""
        hub = need("huggingface_hub", extra="hub")
        with asked(path, branch):
            return Path(hub.hf_hub_download(path, name, repo_type="dataset", revision=branch))


@contextmanager
def asked(path: str, branch: str) -> Iterator[None]:
    """The hub's errors in our words; a data set has another page than a model."""
    try:
        with hub_errors(path, branch, what="data set"):
            yield
    except UnavailableError:
        raise
    except BackendError as err:
        if "consent" in err.message or "access denied" in err.message:
            raise BackendError(err.message, hint=consent(path)) from err
        raise


def consent(path: str) -> str:
    """How to get at a data set whose owner asks for consent."""
    return (
        f"accept the terms at https://huggingface.co/datasets/{path} while logged in, make a token there, "
        "then set HF_TOKEN to it (or: hf auth login)"
    )


def open_hub(repository: Repository | None = None) -> Hub:
    """The hub as a place for rows; `repository` is another one to read from.

    Raises:
        MissingExtraError: the client is not installed.
    """
    if repository is None:
        need("huggingface_hub", extra="hub")
    reader = _Reader(repository or Online())
    return Hub(reader.rows, reader.license)


@dataclass(frozen=True)
class _Reader:
    repository: Repository
    _listed: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _read: dict[tuple[str, str | None, str], list[dict[str, Any]]] = field(default_factory=dict)

    def rows(self, path: str, config: str | None, split: str) -> list[dict[str, Any]]:
        """Rows of a config and a split; each is read once, since many tasks share a data set.

        Raises:
            DataError: no file belongs to them, or one is damaged.
        """
        key = (path, config, split)
        if key not in self._read:
            # Only one large data set is held at a time: tasks that share one stand side by side.
            self._read.clear()
            self._read[key] = self._load(path, config, split)
        return self._read[key]

    def license(self, path: str) -> str:
        """Terms that the data set's page states."""
        card = self._card(path)
        return (license_of_card(card) if card else None) or UNKNOWN

    def _load(self, path: str, config: str | None, split: str) -> list[dict[str, Any]]:
        for branch in ("main", CONVERTED):
            names = self._names(path, branch)
            chosen = choose(names, config, split, self._card(path) if branch == "main" else "")
            if chosen:
                files = [self.repository.file(path, branch, name) for name in chosen]
                return [row for file in files for row in read_table(file)]
        raise DataError(
            f"hf:{path}: no file of config {config or 'default'!r}, split {split!r}",
            hint="the data set has changed its layout: fetch it by hand, and give its rows with --data",
        )

    def _names(self, path: str, branch: str) -> list[str]:
        key = (path, branch)
        if key not in self._listed:
            self._listed[key] = self.repository.names(path, branch)
        return self._listed[key]

    def _card(self, path: str) -> str:
        if README not in self._names(path, "main"):
            return ""
        return self.repository.file(path, "main", README).read_text(encoding="utf-8", errors="replace")


# --- which files -----------------------------------------------------------------------------------------------------


def choose(names: Sequence[str], config: str | None, split: str, card: str = "") -> list[str]:
    """Files of a config and a split among `names`, sorted; none where the names do not tell."""
    data = [name for name in names if name.endswith(ENDINGS)]
    if patterns := _declared(card, config, split):
        return sorted(name for name in data if any(fnmatch.fnmatch(name, pattern) for pattern in patterns))
    wanted = [name for name in data if _has(name, split)]
    if config is not None:
        wanted = [name for name in wanted if _has(name, config)]
    # A data set of one split may not name it; `train` is what a reader of such files calls it.
    if not wanted and split == "train":
        wanted = (
            [name for name in data if _stem(name) == config] if config is not None else data if len(data) == 1 else []
        )
    best = next((ending for ending in ENDINGS if any(name.endswith(ending) for name in wanted)), "")
    return sorted(name for name in wanted if name.endswith(best))


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _has(name: str, word: str) -> bool:
    """Whether a folder of the path is `word`, or the file's name has it as a part of its own."""
    *folders, file = name.split("/")
    return (
        word in folders or re.search(rf"(?:^|[_.-]){re.escape(word)}(?:[_.-]|$)", file.rpartition(".")[0]) is not None
    )


def _declared(card: str, config: str | None, split: str) -> list[str]:
    """Patterns of files that the front matter of a README gives for a config and a split."""
    match = re.match(r"\s*---\n(.*?)\n---", card, re.DOTALL)
    if match is None:
        return []
    try:
        facts = yaml.safe_load(match[1])
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    configs = facts.get("configs") if isinstance(facts, dict) else None
    found: list[str] = []
    for entry in configs if isinstance(configs, list) else ():
        if isinstance(entry, Mapping) and str(entry.get("config_name", "default")) == (config or "default"):
            found += _patterns(entry.get("data_files"), split)
    return found


def _patterns(files: Any, split: str) -> list[str]:
    listed = files if isinstance(files, list) else [{"split": "train", "path": files}] if isinstance(files, str) else []
    paths = [each.get("path") for each in listed if isinstance(each, Mapping) and str(each.get("split")) == split]
    return [str(one) for path in paths for one in (path if isinstance(path, list) else [path]) if one]


# --- what they say ---------------------------------------------------------------------------------------------------


def read_table(path: Path) -> list[dict[str, Any]]:
    """Rows of a file.

    Raises:
        DataError: it is damaged; MissingExtraError: what reads it is not installed.
    """
    return _READERS[path.suffix](path)


def _parquet(path: Path) -> list[dict[str, Any]]:
    module = need("pyarrow.parquet", extra="data")
    return _arrow_rows(path, lambda: module.read_table(path))


def _arrow(path: Path) -> list[dict[str, Any]]:
    ipc = need("pyarrow.ipc", extra="data")
    errors = need("pyarrow", extra="data")

    def read() -> Any:
        with path.open("rb") as stream:
            try:
                return ipc.open_stream(stream).read_all()
            except errors.ArrowInvalid:
                stream.seek(0)
                return ipc.open_file(stream).read_all()

    return _arrow_rows(path, read)


def _arrow_rows(path: Path, read: Callable[[], Any]) -> list[dict[str, Any]]:
    errors = need("pyarrow", extra="data")
    try:
        rows: list[dict[str, Any]] = read().to_pylist()
    except (errors.ArrowException, OSError, ValueError) as err:
        raise DataError(f"{path}: cannot be read: {err}") from err
    return rows


def _jsonl(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path)]


def _json(path: Path) -> list[dict[str, Any]]:
    """One list of rows, or lines under the wrong ending."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return _jsonl(path)
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: a list of objects was expected")
    return rows


def _csv(path: Path) -> list[dict[str, Any]]:
    """Rows of a table of texts; a field that is a whole number everywhere is one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [dict(row) for row in csv.DictReader(stream)]
    except (OSError, ValueError, csv.Error) as err:
        raise DataError(f"{path}: cannot be read: {err}") from err
    for name in list(rows[0]) if rows else []:
        if all(re.fullmatch(r"-?\d{1,15}", str(row.get(name) or "")) for row in rows):
            for row in rows:
                row[name] = int(row[name])
    return rows


_READERS: Mapping[str, Callable[[Path], list[dict[str, Any]]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
}

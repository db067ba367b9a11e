"""From the sources of a config to shards of work: which files, cut where.

Shards are cut by bytes of input, never by the number of workers, so that the result is the same for any number of
them. A big uncompressed file is cut after line ends; a compressed one is one piece, read as a stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lontar
from lontar import languages, samples
from lontar.core.config import nearest
from lontar.core.extras import need
from lontar.data.config import Source
from lontar.errors import DataError
from lontar.models.adopt import hub_errors

# 8 MiB: about 4 s of ICU segmentation, so a killed run loses little and two workers stay busy on small corpora.
SHARD_BYTES = 8 << 20
SHARD_PIECES = 1000
# Bytes of text per byte of compressed JSON lines, roughly; only used to balance shards.
_RATIO = 4


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, and its name below the fixed part of the pattern: the name that ids and messages show."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a file: bytes for lines, row groups for Parquet; `end` None means up to its end.

    For synthetic text the file is the one of templates, and all documents of a language are one piece.
    """

    file: SourceFile
    start: int = 0
    end: int | None = None
    line: int = 1
    """number of its first line"""


@dataclass(frozen=True, slots=True)
class Shard:
    """Pieces of one source that are worked on together."""

    source: int
    pieces: tuple[Piece, ...]


def find_files(source: Source) -> list[SourceFile]:
    """Files of a source, sorted by name.

    Raises:
        DataError: there is none, or the path is a folder.
    """
    if source.hub is not None:
        return hub_files(source.hub, source.files)
    if source.kind == "sample":
        return _sample_files(source)
    if source.kind == "synthetic":
        return _template_files(source)
    base, rest = _fixed_part(Path(source.pattern).expanduser())
    if rest is None:
        if base.is_dir():
            raise DataError(f"{base}: is a folder", hint=f"name its files, for example {base}/*.jsonl")
        if not base.is_file():
            raise DataError(f"{base}: no such file", hint=f"paths are relative to the working folder, {Path.cwd()}")
        return [SourceFile(base, base.name)]
    found = sorted(p for p in base.glob(rest) if p.is_file() and not p.name.startswith("."))
    if not found:
        raise DataError(
            f"{source.pattern}: no file matches", hint=f"patterns are relative to the working folder, {Path.cwd()}"
        )
    return [SourceFile(p, p.relative_to(base).as_posix()) for p in found]


def hub_files(name: str, pattern: str) -> list[SourceFile]:
    """Files of a data set of the hub, from the client's cache or downloaded into it.

    Raises:
        DataError: the data set has no such file; BackendError, UnavailableError: it cannot be had.
    """
    repository, _, revision = name.partition("@")
    hub = need("huggingface_hub", extra="hub")
    with hub_errors(repository, revision, "data set"):
        found = hub.snapshot_download(repository, repo_type="dataset", revision=revision, allow_patterns=[pattern])
    root = Path(found)
    files = sorted(p for p in root.glob(pattern) if p.is_file())
    if not files:
        raise DataError(f"hf:{name}: no file matches {pattern!r}", hint="set `files` to the pattern of its files")
    return [SourceFile(p, p.relative_to(root).as_posix()) for p in files]


def _fixed_part(pattern: Path) -> tuple[Path, str | None]:
    """Split `a/b/*.jsonl` into `a/b` and `*.jsonl`; the second is None when nothing is a wildcard."""
    for i, part in enumerate(pattern.parts):
        if any(c in part for c in "*?["):
            return Path(*pattern.parts[:i]), "/".join(pattern.parts[i:])
    return pattern, None


def _sample_files(source: Source) -> list[SourceFile]:
    root = Path(lontar.__file__).parent / "samples"
    found = sorted((root / source.pattern).glob("*.jsonl"))
    if not found:
        names = ", ".join(sorted(p.name for p in root.iterdir() if any(p.glob("*.jsonl")))) if root.is_dir() else ""
        raise DataError(f"no packaged sample text is called {source.pattern!r}", hint=f"there is: {names or 'none'}")
    # A file that is not called after a language, such as `informal/taglish.jsonl`, says it row by row.
    codes = {language.code for language in languages.all_languages()}
    wanted = [p for p in found if source.langs is None or p.stem in source.langs or p.stem not in codes]
    if not wanted:
        raise DataError(
            f"sample {source.pattern!r} has none of {', '.join(source.langs or ())}",
            hint=f"it has {', '.join(p.stem for p in found)}",
        )
    return [SourceFile(p, p.name) for p in wanted]


def _template_files(source: Source) -> list[SourceFile]:
    known = samples.languages(source.pattern)
    for code in source.langs or ():
        if code not in known:
            raise DataError(f"no synthetic {source.pattern} in {code!r}", hint=nearest(code, known))
    folder = samples.path(source.pattern)
    return [
        SourceFile(folder / f"{code}.yaml", f"{source.pattern}/{code}.yaml") for code in sorted(source.langs or known)
    ]


def plan(sources: Iterable[Source]) -> list[Shard]:
    """All shards of all sources, in order; every file is looked at once.

    Raises:
        DataError: a file cannot be read.
    """
    return [
        Shard(index, pieces)
        for index, source in enumerate(sources)
        for pieces in _packed(_pieces(source, find_files(source)))
    ]


def _pieces(source: Source, files: Iterable[SourceFile]) -> Iterator[tuple[Piece, int]]:
    for file in files:
        if source.form == "parquet":
            yield from _row_groups(file)
        elif source.kind == "synthetic":
            yield Piece(file), SHARD_BYTES  # generating takes longer than reading: one language, one worker
        elif file.path.suffix in (".zst", ".gz"):
            yield Piece(file), _RATIO * file.path.stat().st_size
        elif source.kind == "text" and source.unit != "line":
            yield Piece(file), file.path.stat().st_size
        else:
            yield from _cut(file)


def _packed(pieces: Iterable[tuple[Piece, int]]) -> Iterator[tuple[Piece, ...]]:
    """Consecutive pieces together, up to `SHARD_BYTES`."""
    pack: list[Piece] = []
    size = 0
    for piece, n in pieces:
        if pack and (size + n > SHARD_BYTES or len(pack) >= SHARD_PIECES):
            yield tuple(pack)
            pack, size = [], 0
        pack.append(piece)
        size += n
    if pack:
        yield tuple(pack)


def _cut(file: SourceFile) -> Iterator[tuple[Piece, int]]:
    """Cut a file of lines after the first line end beyond each `SHARD_BYTES`."""
    try:
        size = file.path.stat().st_size
        if size <= SHARD_BYTES:
            yield Piece(file), size
            return
        with file.path.open("rb") as stream:
            start, line = 0, 1
            while block := stream.read(SHARD_BYTES):
                tail = b"" if block.endswith(b"\n") else stream.readline()
                end = start + len(block) + len(tail)
                yield Piece(file, start, end, line), end - start
                start, line = end, line + block.count(b"\n") + tail.count(b"\n")
    except OSError as err:
        raise DataError(f"{file.path}: cannot read: {err.strerror or err}") from err


def _row_groups(file: SourceFile) -> Iterator[tuple[Piece, int]]:
    parquet = need("pyarrow.parquet", extra="data")
    arrow = need("pyarrow", extra="data")
    try:
        meta = parquet.read_metadata(file.path)
    except (OSError, arrow.ArrowException) as err:
        raise DataError(f"{file.path}: cannot read as Parquet: {err}", hint="is the file whole?") from err
    line = 1
    for i in range(meta.num_row_groups):
        group = meta.row_group(i)
        yield Piece(file, i, i + 1, line), group.total_byte_size
        line += group.num_rows

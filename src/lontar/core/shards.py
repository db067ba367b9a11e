"""Files written whole or not at all, and JSON-lines shards with the same bytes for the same rows.

Every write goes to a hidden sibling, is flushed to the disk and renamed: a reader, or a run after a crash, sees the old
file or the new one and never half of either. Compressed shards use one zstd frame with fixed parameters and no
timestamp, so equal rows give equal bytes (for one version of the zstandard library).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from lontar.core.config import JsonObject, JsonValue
from lontar.core.manifest import canonical_json
from lontar.errors import DataError

# Level 3 keeps up with text processing in Python; level 10 saves 8 % more and costs 6 times the time.
ZSTD_LEVEL = 3
TEMPORARY = ".tmp-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with the same ending; renamed over it when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Force a file's bytes, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically, line ends as given."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: JsonValue) -> None:
    """Write indented JSON with sorted keys, atomically."""
    canonical_json(value)  # refuses what has no stable bytes
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def write_jsonl(path: Path, rows: Iterable[JsonObject]) -> int:
    """Write rows as JSON lines, compressed when the name ends in `.zst`; returns the number of rows."""
    n = 0
    with replacing(path) as temporary, temporary.open("wb") as raw:
        with _compressing(raw, path.name.endswith(".zst")) as stream:
            for row in rows:
                stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n")
                n += 1
    return n


@contextmanager
def _compressing(raw: BinaryIO, compress: bool) -> Iterator[BinaryIO]:
    if not compress:
        yield raw
        return
    with zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).stream_writer(raw, closefd=False) as writer:
        yield cast(BinaryIO, writer)


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; a name that ends in `.zst` is decompressed on the way.

    Raises:
        DataError: the file cannot be opened.
    """
    try:
        raw = path.open("rb")
    except OSError as err:
        raise DataError(f"{path}: cannot read: {err.strerror or err}") from err
    with raw:
        if path.name.endswith(".zst"):
            with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as reader:
                yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, reader), 1 << 16))
        else:
            yield raw


def read_jsonl(path: Path) -> Iterator[tuple[int, JsonObject]]:
    """Yield (line number from 1, row); empty lines are passed over.

    Raises:
        DataError: naming file and line: not UTF-8, not JSON, not an object, or a damaged archive.
    """
    number = 0
    with open_binary(path) as stream:
        try:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, parse_row(line, f"{path}:{number}")
        except zstandard.ZstdError as err:
            raise DataError(f"{path}: damaged zstd data after line {number}: {err}") from err


def parse_row(line: bytes, where: str) -> JsonObject:
    """Parse one line as a JSON object.

    Raises:
        DataError: naming `where` and the byte that is wrong.
    """
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as err:
        raise DataError(
            f"{where}: not UTF-8 at byte {err.start} of the line", hint="convert the file to UTF-8"
        ) from err
    except json.JSONDecodeError as err:
        raise DataError(f"{where}: not JSON at column {err.colno}: {err.msg}") from err
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object (got {type(row).__name__})")
    return row

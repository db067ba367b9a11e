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
from typing import Any, BinaryIO, cast

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
                stream.write(_row_bytes(row, f"{path}: row {n + 1}"))
                n += 1
    return n


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines that end in a line feed each, compressed when the name ends in `.zst`."""
    with replacing(path) as temporary, temporary.open("wb") as raw:
        with _compressing(raw, path.name.endswith(".zst")) as stream:
            for line in lines:
                stream.write(line)


def _row_bytes(row: JsonObject, where: str) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8") + b"\n"
    except ValueError as err:  # NaN, or half of a surrogate pair: other readers of the file would stop there
        raise DataError(f"{where}: has no JSON form in UTF-8: {err}") from err


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
            yield cast(BinaryIO, io.BufferedReader(ZstdFrames(raw), 1 << 17))
        else:
            yield raw


class ZstdFrames(io.RawIOBase):
    """Frames of a zstd file. Unlike zstandard's own stream reader it notices a file that was cut off in a frame."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._ready, self._packed = raw, memoryview(b""), b""
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with decompressed bytes; EOFError when the file ends inside a frame."""
        while not self._ready and (self._packed or self._read_more()):
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._ready = memoryview(self._frame.decompress(self._packed))
            self._packed = self._frame.unused_data if self._frame.eof else b""
            self._frame = None if self._frame.eof else self._frame
        n = min(len(buffer), len(self._ready))
        buffer[:n], self._ready = self._ready[:n], self._ready[n:]
        return n

    def _read_more(self) -> bool:
        self._packed = self._raw.read(1 << 16)
        if not self._packed and self._frame is not None:
            raise EOFError("the file ends in the middle of a frame")
        return bool(self._packed)


def read_jsonl(path: Path, *, surrogates: bool = False) -> Iterator[tuple[int, JsonObject]]:
    """Yield (line number from 1, row); empty lines are passed over.

    Args:
        path: a file of JSON lines.
        surrogates: let escapes for half of a surrogate pair through, to be dealt with by the caller.

    Raises:
        DataError: naming file and line: not UTF-8, not JSON, not an object, or a damaged archive.
    """
    number = 0
    with open_binary(path) as stream:
        try:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, parse_row(line, f"{path}:{number}", surrogates=surrogates)
        except (zstandard.ZstdError, EOFError) as err:
            raise DataError(f"{path}: damaged zstd data after line {number}: {err}") from err
        except OSError as err:
            raise DataError(f"{path}: cannot read after line {number}: {err.strerror or err}") from err


def parse_row(line: bytes, where: str, *, surrogates: bool = False) -> JsonObject:
    """Parse one line as a JSON object.

    Raises:
        DataError: naming `where` and the byte that is wrong.
    """
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_refuse)
        if b"\\u" in line and not surrogates:  # an escape may be half of a surrogate pair, which no UTF-8 file can hold
            json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as err:
        raise DataError(
            f"{where}: not UTF-8 at byte {err.start} of the line", hint="convert the file to UTF-8"
        ) from err
    except json.JSONDecodeError as err:
        raise DataError(f"{where}: not JSON at column {err.colno}: {err.msg}") from err
    except (ValueError, RecursionError) as err:  # NaN, a number of thousands of digits, half a surrogate, deep nesting
        raise DataError(f"{where}: JSON that cannot be kept: {err}") from err
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object (got {type(row).__name__})")
    return row


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")

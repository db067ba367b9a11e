"""Files as a stream of rows, each with the place it stands at; memory holds one line (or one Parquet batch) at a time.

What is wrong with a line is a `BadInputError` that carries a short reason for the counts and a message for people.
"""

from __future__ import annotations

import functools
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import zstandard

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.core.shards import ZstdFrames, parse_row
from lontar.data.config import Source
from lontar.data.sources import Piece, SourceFile
from lontar.errors import DataError
from lontar.samples import stories

# Longer lines are damage (a binary file, a lost line end), and would have to be held in memory whole.
MAX_LINE_BYTES = 256 << 20
_BOM = b"\xef\xbb\xbf"


class BadInputError(DataError):
    """One line or row that cannot be read; `reason` is its name in the counts."""

    def __init__(self, reason: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason

    def plain(self) -> DataError:
        """The same as an error that can cross to another process."""
        return DataError(self.message, hint=self.hint)


@dataclass(frozen=True, slots=True)
class Entry:
    """One document as it stands in its file."""

    where: str
    """`path:line`, for messages"""
    locator: str
    """`name:line`, the id of a document that has none"""
    bytes: int
    """its size in the file"""
    row: Callable[[], JsonObject]
    """its fields; raises BadInputError"""


def entries(source: Source, piece: Piece) -> Iterator[Entry]:
    """All documents of a piece, in order.

    Raises:
        DataError: the file cannot be read, is damaged, or a line is too long.
    """
    if source.form == "parquet":
        yield from _parquet(source, piece)
    elif source.kind == "synthetic":
        yield from _synthetic(source, piece)
    elif source.kind != "text":
        for number, line in _lines(piece):
            if line.strip():
                where = f"{piece.file.path}:{number}"
                yield Entry(where, f"{piece.file.name}:{number}", len(line), _json_row(line, where))
    else:
        for number, block in _UNITS[source.unit](piece):
            if block.strip():
                where = f"{piece.file.path}:{number}"
                yield Entry(where, f"{piece.file.name}:{number}", len(block), _text_row(block, where))


def _json_row(line: bytes, where: str) -> Callable[[], JsonObject]:
    def read() -> JsonObject:
        decode(line, where)
        try:
            return parse_row(line, where)
        except DataError as err:
            raise BadInputError(
                "invalid_json", err.message, hint=err.hint or "each line must be one JSON object"
            ) from err

    return read


def _text_row(block: bytes, where: str) -> Callable[[], JsonObject]:
    return lambda: {"text": decode(block, where).strip("\r\n")}


def decode(data: bytes, where: str) -> str:
    """Bytes as UTF-8.

    Raises:
        BadInputError: naming the byte, counted from 0 at `where`.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise BadInputError(
            "invalid_utf8",
            f"{where}:{err.start}: not UTF-8 (byte 0x{data[err.start]:02x} at offset {err.start})",
            hint="convert the file to UTF-8, or count such lines and go on with on_error: skip",
        ) from err


@contextmanager
def _open(file: SourceFile) -> Iterator[BinaryIO]:
    try:
        raw = file.path.open("rb")
    except OSError as err:
        raise DataError(f"{file.path}: cannot read: {err.strerror or err}") from err
    with raw:
        if file.path.suffix == ".gz":
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        elif file.path.suffix == ".zst":
            yield cast(BinaryIO, io.BufferedReader(ZstdFrames(raw), 1 << 17))
        else:
            yield raw


def _lines(piece: Piece) -> Iterator[tuple[int, bytes]]:
    """(line number, line with its end) of a piece; a byte order mark at the start of the file is passed over."""
    path, number, at = piece.file.path, piece.line - 1, piece.start
    try:
        with _open(piece.file) as stream:
            if piece.start:
                stream.seek(piece.start)
            while (piece.end is None or at < piece.end) and (line := stream.readline(MAX_LINE_BYTES + 1)):
                number, at = number + 1, at + len(line)
                if len(line) > MAX_LINE_BYTES:
                    raise DataError(f"{path}:{number}: a line of more than {MAX_LINE_BYTES >> 20} MiB", hint=_HINT)
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except (zstandard.ZstdError, zlib.error, EOFError, OSError) as err:
        raise DataError(f"{path}: damaged after line {number}: {err}", hint="is the file whole?") from err


_HINT = "is it a text file? For a text that is one line, cut it into lines first"


def _paragraphs(piece: Piece) -> Iterator[tuple[int, bytes]]:
    block: list[bytes] = []
    first = 1
    for number, line in _lines(piece):
        if line.strip():
            first = first if block else number
            block.append(line)
        elif block:
            yield first, b"".join(block)
            block = []
    if block:
        yield first, b"".join(block)


def _whole(piece: Piece) -> Iterator[tuple[int, bytes]]:
    yield 1, b"".join(line for _, line in _lines(piece))


_UNITS: dict[str, Callable[[Piece], Iterator[tuple[int, bytes]]]] = {
    "line": _lines,
    "paragraph": _paragraphs,
    "file": _whole,
}


def _synthetic(source: Source, piece: Piece) -> Iterator[Entry]:
    for number, row in enumerate(stories.generate(piece.file.path.stem, source.count, source.seed), start=1):
        name = f"{piece.file.name}:{number}"
        yield Entry(name, name, len(str(row["text"]).encode("utf-8")), functools.partial(dict, row))


def _parquet(source: Source, piece: Piece) -> Iterator[Entry]:
    parquet, arrow = need("pyarrow.parquet", extra="data"), need("pyarrow", extra="data")
    number = piece.line - 1
    try:
        with parquet.ParquetFile(piece.file.path) as file:
            for batch in file.iter_batches(batch_size=256, row_groups=[piece.start]):
                for row in batch.to_pylist():
                    number += 1
                    name = f"{piece.file.name}:{number}"
                    size = len(str(row.get(source.text_field) or "").encode("utf-8", "surrogatepass"))
                    yield Entry(f"{piece.file.path}:{number}", name, size, functools.partial(dict, row))
    except (OSError, arrow.ArrowException) as err:
        raise DataError(f"{piece.file.path}: damaged after row {number}: {err}", hint="is the file whole?") from err

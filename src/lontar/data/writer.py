"""Shards of a corpus, written side by side: one open file for each split and language, and one for decisions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import zstandard

from lontar.core.artifact import Split
from lontar.core.config import JsonObject
from lontar.core.shards import ZSTD_LEVEL
from lontar.data.decisions import DECISIONS

# 64 MiB of text: big enough to compress well, small enough to share among workers.
SHARD_TEXT_BYTES = 64 << 20


@dataclass
class _Open:
    raw: BinaryIO
    stream: zstandard.ZstdCompressionWriter
    text_bytes: int = 0

    @classmethod
    def at(cls, path: Path) -> Self:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.open("wb")
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        return cls(raw, compressor.stream_writer(raw, closefd=False))

    def write(self, row: JsonObject) -> None:
        self.stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n")

    def close(self) -> None:
        self.stream.close()  # type: ignore[no-untyped-call]
        self.raw.close()


class CorpusWriter:
    """Appends rows to `<split>/<lang>-<n>.jsonl.zst` under a folder, in order. Equal rows give equal bytes.

    The files become visible as payload with the artifact's own commit, so they are written in place.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_TEXT_BYTES) -> None:
        self._folder, self._shard_bytes = folder, shard_bytes
        self._open: dict[tuple[str, str], _Open] = {}
        self._shards: dict[tuple[str, str], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        for shard in self._open.values():
            shard.close()
        self._open.clear()

    def write(self, split: Split, lang: str, row: JsonObject, text_bytes: int) -> None:
        """Append one row with `text_bytes` bytes of text."""
        key = (split, lang)
        if key in self._open and self._open[key].text_bytes + text_bytes > self._shard_bytes:
            self._open.pop(key).close()
        shard = self._open.get(key) or self._begin(key)
        shard.write(row)
        shard.text_bytes += text_bytes

    def open_decisions(self) -> None:
        """Begin the file of decisions, which is there even when no row comes."""
        self._open["", DECISIONS] = _Open.at(self._folder / DECISIONS)

    def decide(self, row: JsonObject) -> None:
        """Append one row to the decisions."""
        self._open["", DECISIONS].write(row)

    def _begin(self, key: tuple[str, str]) -> _Open:
        n = self._shards.get(key, 0)
        self._shards[key] = n + 1
        return self._open.setdefault(key, _Open.at(self._folder / key[0] / f"{key[1]}-{n:05d}.jsonl.zst"))

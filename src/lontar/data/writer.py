"""Shards of a corpus, written side by side: one open file for each split and language."""

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

# 64 MiB of text: big enough to compress well, small enough to share among workers.
SHARD_TEXT_BYTES = 64 << 20


@dataclass
class _Open:
    raw: BinaryIO
    stream: zstandard.ZstdCompressionWriter
    text_bytes: int = 0

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
        shard.stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n")
        shard.text_bytes += text_bytes

    def _begin(self, key: tuple[str, str]) -> _Open:
        n = self._shards.get(key, 0)
        self._shards[key] = n + 1
        path = self._folder / key[0] / f"{key[1]}-{n:05d}.jsonl.zst"
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.open("wb")
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        self._open[key] = _Open(raw, compressor.stream_writer(raw, closefd=False))
        return self._open[key]

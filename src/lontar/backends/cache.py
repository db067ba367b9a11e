"""Answers on disk, by what was asked of whom.

One JSON line per answer, appended with a single write under a lock: after `kill -9` at most the last line is damaged,
and it is passed over. The key is the hash of prompt, settings and model identity, so a changed model never gets old
answers.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import BinaryIO, cast

from lontar.backends.base import ModelIdentity
from lontar.core.config import JsonObject, JsonValue
from lontar.core.manifest import canonical_json, sha256_bytes


def cache_key(identity: ModelIdentity, request: JsonValue) -> str:
    """The name of a request to a model.

    Raises:
        ConfigError: the request has no stable bytes.
    """
    return sha256_bytes(canonical_json({"model": identity.key, "request": request}))


class Cache:
    """A file of answers. Several processes may append to it; each sees what was there when it opened it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._rows: dict[str, JsonValue] = dict(_read(path)) if path.is_file() else {}

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> JsonValue | None:
        """The answer under `key`, or None."""
        return self._rows.get(key)

    def put(self, key: str, value: JsonValue) -> None:
        """Keep an answer: in memory now, and with the system before this returns, so that a kill loses nothing."""
        if key in self._rows:
            return
        row = json.dumps({"key": key, "value": value}, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        stream = self._open()
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            if (end := stream.seek(0, os.SEEK_END)) > 0:
                stream.seek(end - 1)
                row = row if stream.read(1) == b"\n" else b"\n" + row  # a line that was cut off stays alone
            written = 0
            while written < len(row):  # a full disk or a signal may cut a write short
                written += os.write(stream.fileno(), row[written:])
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)
        self._rows[key] = value

    def close(self) -> None:
        """Close the file; the next `put` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = cast(BinaryIO, self.path.open("ab+", buffering=0))
        return self._file


def _read(path: Path) -> list[tuple[str, JsonValue]]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            row: JsonObject = json.loads(line)
            found.append((str(row["key"]), row["value"]))
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill: it will be asked again
    return found

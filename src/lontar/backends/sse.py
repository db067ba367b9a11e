"""Server-sent events as model servers send them: the standard, and the ways in which they miss it.

Network pieces may end anywhere, in the middle of a line or a character. Lines are taken from bytes and decoded whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from lontar.core.config import JsonObject
from lontar.errors import UnavailableError

DONE = "[DONE]"
# 16 MiB: far above any honest event, far below what hurts.
MAX_EVENT_BYTES = 1 << 24


class EventReader:
    """Collects bytes and gives the data of each complete event."""

    def __init__(self) -> None:
        self._bytes = b""
        self._lines: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """Take a piece of the stream; yield the data of the events that it completes.

        Raises:
            UnavailableError: an event does not end.
        """
        self._bytes += piece
        *lines, self._bytes = self._bytes.split(b"\n")
        for raw in lines:
            yield from self._line(raw.removesuffix(b"\r").decode("utf-8", "replace"))
        if len(self._bytes) + sum(map(len, self._lines)) > MAX_EVENT_BYTES:
            raise UnavailableError(f"the server sent an event of more than {MAX_EVENT_BYTES} bytes")

    def end(self) -> Iterator[str]:
        """The stream is over: yield what was not closed by an empty line."""
        yield from self.feed(b"\n\n")

    def _line(self, line: str) -> Iterator[str]:
        if not line:
            if self._lines:
                data, self._lines = "\n".join(self._lines), []
                yield data
            return
        name, _, value = line.removeprefix("\ufeff").partition(":")
        if name != "data":
            return  # comments that keep the connection open, event names, ids
        value = value.removeprefix(" ")
        # Some servers leave out the empty line: a whole object, or the end mark, is an event of its own.
        if self._lines and (value == DONE or _is_object("\n".join(self._lines))):
            data, self._lines = "\n".join(self._lines), []
            yield data
        self._lines.append(value)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def event_object(data: str) -> JsonObject:
    """The JSON object of an event.

    Raises:
        UnavailableError: it is none; the request may be tried again.
    """
    try:
        value = json.loads(data)
    except ValueError as err:
        shown = data if len(data) <= 80 else data[:77] + "..."
        raise UnavailableError(f"the server sent broken JSON: {shown!r}") from err
    if not isinstance(value, dict):
        raise UnavailableError(f"the server sent {type(value).__name__} where an object was expected")
    return value

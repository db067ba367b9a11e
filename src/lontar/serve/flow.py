"""A stream between a back-end and a client that may leave at any moment.

One task owns the whole work (its place at the gate, its time limit, the back-end's iterator) and hands pieces over
through a short queue. Whoever reads may be slow, or cancel; the task is then ended and with it the generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from lontar.serve.gate import Gate, Place

T = TypeVar("T")
Receive = Callable[[], Awaitable[Any]]

# Pieces that may be made before the client has taken the first of them.
_AHEAD = 16


class GoneError(Exception):
    """The client has closed the connection."""


async def until_gone(receive: Receive) -> None:
    """Return when the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client closes the connection.

    Raises:
        GoneError: the client was gone first.
    """
    task, watcher = asyncio.ensure_future(work), asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise GoneError
        return task.result()
    finally:
        for each in (task, watcher):
            each.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


class Flow(Generic[T]):
    """Pieces of an answer while it is made. Read it with `async for`, and call `aclose` in the end."""

    def __init__(self, pieces: AsyncIterator[T], gate: Gate, timeout_s: float) -> None:
        self._queue: asyncio.Queue[T | Exception | None] = asyncio.Queue(_AHEAD)
        self._task = asyncio.ensure_future(self._work(pieces, gate, timeout_s))
        self._peeked: list[T | Exception | None] = []

    async def _work(self, pieces: AsyncIterator[T], gate: Gate, timeout_s: float) -> None:
        last: Exception | None = None
        try:
            async with asyncio.timeout(timeout_s), Place(gate), aclosing(pieces):  # type: ignore[type-var]
                async for piece in pieces:
                    await self._queue.put(piece)
        except Exception as err:  # noqa: BLE001 - raised again by whoever reads
            last = err
        await self._queue.put(last)

    async def started(self) -> None:
        """Wait for the first piece.

        Raises:
            Exception: whatever the work raised before it gave one.
        """
        first = await self._queue.get()
        if isinstance(first, Exception):
            raise first
        self._peeked.append(first)

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            item = self._peeked.pop() if self._peeked else await self._queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                return
            yield item

    async def aclose(self) -> None:
        """End the work, finished or not."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

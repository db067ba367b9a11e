"""How many requests run at once and how many may wait; beyond that the answer is 429 with a time to come back."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from types import TracebackType
from typing import Self

from lontar.serve.schema import RequestError


class Gate:
    """A bounded queue in front of a back-end, first come, first served: `async with Place(gate): ...`."""

    def __init__(self, running: int, waiting: int) -> None:
        self.limit, self.most_waiting = running, waiting
        self.running = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._typical_s = 1.0

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    async def acquire(self) -> float:
        """Take a place; returns the time it began, for `release`.

        Raises:
            RequestError: 429, the queue is full.
        """
        if self.running >= self.limit or self._queue:
            if len(self._queue) >= self.most_waiting:
                raise self._busy()
            await self._wait()
        else:
            self.running += 1
        return asyncio.get_running_loop().time()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn  # whoever leaves hands the place over, so `running` stays as it is
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._hand_over()  # the place came at the same moment
            else:
                self._queue.remove(turn)
            raise

    def release(self, begun: float) -> None:
        """Give the place back."""
        taken = asyncio.get_running_loop().time() - begun
        self._typical_s += 0.2 * (taken - self._typical_s)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def _busy(self) -> RequestError:
        wait = max(1, math.ceil(self._typical_s * (len(self._queue) + 1) / self.limit))
        return RequestError(
            f"{self.running} requests are running and {len(self._queue)} waiting; come back in about {wait} s",
            status=429,
            type="rate_limit_error",
            code="queue_full",
            headers={"retry-after": str(min(wait, 300))},
        )


class Place:
    """A place at the gate for the time of a `with` block."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._begun = gate, 0.0

    async def __aenter__(self) -> Self:
        self._begun = await self._gate.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._gate.release(self._begun)

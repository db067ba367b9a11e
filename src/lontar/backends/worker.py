"""One thread that runs all the model's work, a step at a time.

A piece of work is a generator: it yields what is ready (None when nothing is yet). The thread takes one step of each
piece in turn, so two answers grow side by side and the event loop is never blocked. When a caller goes away, its work
is dropped before the next step.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Generator
from typing import Any, TypeVar

from lontar.errors import BackendError, LontarError

T = TypeVar("T")
Steps = Generator[T | None, None, None]


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Job:
    def __init__(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.loop = asyncio.get_running_loop()
        self.out: asyncio.Queue[Any] = asyncio.Queue()
        self.dropped = False

    def step(self) -> bool:
        """Do one step; False when the work is over."""
        if self.dropped:
            self.steps.close()
            return False
        try:
            item = next(self.steps)
        except StopIteration:
            self.deliver(_End())
            return False
        except LontarError as err:
            self.deliver(_End(err))
            return False
        except Exception as err:  # noqa: BLE001 - whatever it is, it belongs to the caller of this work, not the thread
            failure = BackendError(f"the model failed: {type(err).__name__}: {err}", hint=_hint(err))
            failure.__cause__ = err
            self.deliver(_End(failure))
            return False
        return True if item is None else self.deliver(item)

    def deliver(self, item: Any) -> bool:
        """Hand over to the caller's event loop; False when that has ended."""
        try:
            self.loop.call_soon_threadsafe(self.out.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self.steps.close()
            return False
        return True


def _hint(err: Exception) -> str | None:
    return "use a smaller model, or another device" if "out of memory" in str(err).lower() else None


class Worker:
    """The thread; it starts with the first piece of work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def stream(self, steps: Steps[T]) -> AsyncIterator[T]:
        """Yield what `steps` yields.

        Raises:
            BackendError: the worker is closed, or the model failed.
        """
        job = _Job(steps)
        self._start()
        self._inbox.put(job)
        try:
            while not isinstance(item := await job.out.get(), _End):
                yield item
            if item.error is not None:
                raise item.error
        finally:
            job.dropped = True

    async def last(self, steps: Steps[T]) -> T:
        """The last thing that `steps` yields."""
        found: list[T] = [item async for item in self.stream(steps)]
        return found[-1]

    async def aclose(self) -> None:
        """End the thread after its current step."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._inbox.put(None)
            await asyncio.to_thread(thread.join)

    def _start(self) -> None:
        if self._closed:
            raise BackendError("the back-end is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        active: deque[_Job] = deque()
        while True:
            while not self._inbox.empty() or not active:
                job = self._inbox.get()
                if job is None:
                    for left in active:
                        left.deliver(_End(BackendError("the back-end was closed while it worked")))
                        left.steps.close()
                    return
                active.append(job)
            current = active.popleft()
            if current.step():
                active.append(current)

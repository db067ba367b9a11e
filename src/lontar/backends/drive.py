"""Many requests against one back-end: bounded concurrency that adapts, retries, failures as values.

What happens to one request stays with it: it ends as a result or as `Failed` with a reason, never as a missing row or a
silent zero. What would happen to every request (a wrong key, an ability that is missing) is raised at once. Concurrency
grows by one per round of answers and halves when the server is unavailable (additive increase, multiplicative decrease:
Chiu and Jain 1989), so one setting fits a laptop and a farm.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lontar.errors import BackendError, DataError, UnavailableError

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that never succeeded."""

    reason: str
    attempts: int = 1
    unavailable: bool = False
    """whether the back-end was out of reach each time, as against a request that it refuses"""


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard to try."""

    concurrency: int = 8
    """most requests under way"""
    retries: int = 5
    """further attempts when the back-end is unavailable"""
    first_delay_s: float = 0.5
    """first pause; each further one is twice as long, with jitter"""
    most_delay_s: float = 60.0
    timeout_s: float | None = 600.0
    """longest that one attempt may take"""
    max_failures: int | None = None
    """give up when more requests than this have failed; none: never"""
    max_unavailable: int | None = None
    """give up when so many requests in a row have failed because the back-end is unavailable; none: never"""
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)
    """how to wait; tests put a clock of their own here"""


class _Window:
    """How many requests may be under way just now."""

    def __init__(self, most: int) -> None:
        self.size, self.most = float(most), most
        self._active = self._round = 0
        self._free = asyncio.Condition()

    async def enter(self) -> int:
        """Wait for a place; returns the round it was taken in."""
        async with self._free:
            await self._free.wait_for(lambda: self._active < max(1, int(self.size)))
            self._active += 1
            return self._round

    async def leave(self) -> None:
        """Give the place back."""
        async with self._free:
            self._active -= 1
            self._free.notify_all()

    def grow(self) -> None:
        """An answer came: one more place per full round of them."""
        self.size = min(float(self.most), self.size + 1 / max(1.0, self.size))

    def shrink(self, entered: int) -> None:
        """The server is busy: half the places, once per round, since all under way hit the same moment."""
        if entered == self._round:
            self._round += 1
            self.size = max(1.0, self.size / 2)


class Driver:
    """Calls to one back-end from any number of tasks: a window that adapts, retries, failures as values."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.window = _Window(self.policy.concurrency)
        self.failures: list[str] = []
        self._unavailable = 0
        self.retries = 0
        """attempts that came to nothing and were made again"""
        self._resume_at = 0.0

    async def call(self, attempt: Callable[[int], Awaitable[R]]) -> R | Failed:
        """Make a call, given the number of the attempt from 0 on, until it succeeds.

        Raises:
            BackendError: it would befall every call, or more than `max_failures` calls have failed.
        """
        result = await self.attempted(attempt)
        self.count(result)
        return result

    def count(self, result: object) -> None:
        """Count a failure, unless `call` has done so.

        Raises:
            BackendError: more than `max_failures` calls have failed.
        """
        if not isinstance(result, Failed):
            self._unavailable = 0
            return
        self._unavailable = self._unavailable + 1 if result.unavailable else 0
        self.failures.append(result.reason)
        limit, down = self.policy.max_failures, self.policy.max_unavailable
        first = "\n".join(f"  {reason}" for reason in sorted(set(self.failures))[:3])
        if limit is not None and len(self.failures) > limit:
            raise BackendError(
                f"{len(self.failures)} requests failed, max_failures is {limit}:\n{first}",
                hint="what was answered is kept: run the same command again to go on, or raise max_failures",
            )
        if down is not None and self._unavailable >= down:
            raise BackendError(
                f"{self._unavailable} requests in a row found the server unavailable:\n{first}",
                hint="what was answered is kept: run the same command again when the server is back",
            )

    async def attempted(self, call: Callable[[int], Awaitable[R]]) -> R | Failed:
        """As `call`, without counting failures."""
        reason = ""
        for attempt in range(self.policy.retries + 1):
            await self._pause_for_all()
            entered = await self.window.enter()
            try:
                async with asyncio.timeout(self.policy.timeout_s):
                    result = await call(attempt)
            except DataError as err:
                return Failed(str(err), attempt + 1)
            except (UnavailableError, TimeoutError) as err:
                reason = str(err) or f"no answer in {self.policy.timeout_s} s"
                self.window.shrink(entered)
                asked = err.retry_after_s if isinstance(err, UnavailableError) else None
            else:
                self.window.grow()
                return result
            finally:
                await self.window.leave()
            if attempt < self.policy.retries:
                self.retries += 1
                await self._back_off(attempt, asked)
        return Failed(reason, self.policy.retries + 1, unavailable=True)

    async def _back_off(self, attempt: int, asked_s: float | None) -> None:
        if asked_s is not None:
            # The server named a time: nobody calls before it. Jitter keeps us from all coming back in one instant.
            asked_s = min(asked_s, self.policy.most_delay_s)
            self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + asked_s)
            await self.policy.sleep(asked_s * (1 + 0.1 * random.random()))
            return
        longest = min(self.policy.most_delay_s, self.policy.first_delay_s * 2**attempt)
        await self.policy.sleep(longest * (0.5 + 0.5 * random.random()))

    async def _pause_for_all(self) -> None:
        wait = self._resume_at - asyncio.get_running_loop().time()
        if wait > 0:
            await self.policy.sleep(wait)


def _ignore(index: int, result: object) -> None:
    """Default for `on_done`."""


async def run(
    call: Callable[[Q], Awaitable[R]],
    requests: Iterable[Q],
    policy: Policy | None = None,
    *,
    on_done: Callable[[int, R | Failed], None] = _ignore,
) -> list[R | Failed]:
    """Answer every request; results in the order of the requests.

    Args:
        call: answers one request.
        requests: taken one by one, as places become free.
        policy: how hard to try.
        on_done: called with index and result as each one is done, in any order.

    Raises:
        BackendError: for all of them alike (CapabilityError, a wrong key, ...), or more than `max_failures` failed.
    """
    policy = policy or Policy()
    driver, results = Driver(policy), dict[int, R | Failed]()
    items = iter(enumerate(requests))

    async def work() -> None:
        # All workers share one iterator: the next free worker takes the next request.
        for index, request in items:
            result = results[index] = await driver.attempted(lambda _, r=request: call(r))  # type: ignore[misc]
            on_done(index, result)
            driver.count(result)

    await all_of(work() for _ in range(max(1, policy.concurrency)))
    return [results[index] for index in sorted(results)]


async def all_of(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run jobs side by side; the first error, or a cancellation from outside, ends the others too."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run_sync(
    call: Callable[[Q], Awaitable[R]],
    requests: Iterable[Q],
    policy: Policy | None = None,
    *,
    on_done: Callable[[int, R | Failed], None] = _ignore,
    runner: asyncio.Runner | None = None,
) -> list[R | Failed]:
    """`run` for callers without an event loop; `runner` keeps one loop, and open connections, over many calls."""
    work = run(call, requests, policy, on_done=on_done)
    return runner.run(work) if runner is not None else asyncio.run(work)

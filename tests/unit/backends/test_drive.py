from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lontar.backends import ModelIdentity
from lontar.backends.cache import Cache, cache_key
from lontar.backends.drive import Failed, Policy, _Window, run, run_sync
from lontar.errors import BackendError, CapabilityError, DataError, UnavailableError


class Waits:
    """A clock that does not pass time, but remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


def quick(**options: object) -> Policy:
    return Policy(**{"sleep": Waits(), **options})  # type: ignore[arg-type]


def test_order_is_kept_and_concurrency_is_bounded() -> None:
    active, most = 0, 0

    async def call(n: int) -> int:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await asyncio.sleep(0.001 * (5 - n % 5))
        active -= 1
        return n * n

    assert run_sync(call, range(40), Policy(concurrency=4)) == [n * n for n in range(40)]
    assert 1 < most <= 4


def test_every_request_ends_as_a_result_or_a_reason() -> None:
    tries: dict[int, int] = {}

    async def call(n: int) -> int:
        tries[n] = tries.get(n, 0) + 1
        if n % 5 == 1:
            raise DataError(f"row {n} is too long")
        if n % 5 == 2:
            raise UnavailableError("busy")
        if n % 5 == 3 and tries[n] < 3:
            raise UnavailableError("busy just now")
        return n

    seen: list[int] = []
    results = run_sync(call, range(20), quick(retries=2), on_done=lambda i, _: seen.append(i))
    assert sorted(seen) == list(range(20))
    for n, result in enumerate(results):
        if n % 5 == 1:
            assert result == Failed(f"row {n} is too long", 1), "a request that is wrong is not tried again"
        elif n % 5 == 2:
            assert result == Failed("busy", 3, unavailable=True)
        else:
            assert result == n


@pytest.mark.parametrize("error", [CapabilityError("cannot"), BackendError("wrong key"), ValueError("a bug")])
def test_what_would_befall_all_stops_the_run(error: Exception) -> None:
    cancelled, started = 0, 0

    async def call(n: int) -> int:
        nonlocal cancelled, started
        started += 1
        if n == 3:
            await asyncio.sleep(0.01)
            raise error
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return n

    begin = time.monotonic()
    with pytest.raises(type(error)):
        run_sync(call, range(100), Policy(concurrency=8))
    assert time.monotonic() - begin < 5
    assert (started, cancelled) == (8, 7)


def test_backing_off_grows_and_honors_what_the_server_asks() -> None:
    waits = Waits()

    async def busy(n: int) -> int:
        raise UnavailableError("busy")

    run_sync(busy, [1], Policy(retries=4, first_delay_s=1, most_delay_s=4, sleep=waits))
    assert [0.5 <= wait / longest <= 1.0 for wait, longest in zip(waits.asked, (1, 2, 4, 4), strict=True)] == [True] * 4

    async def asks(n: int) -> int:
        raise UnavailableError("busy", retry_after_s=7.0)

    waits = Waits()
    run_sync(asks, [1], Policy(retries=1, sleep=waits))
    assert 7.0 <= waits.asked[0] <= 7.7
    assert len(waits.asked) == 2, "and no new request starts before that time"


def test_a_hanging_request_is_a_failure() -> None:
    async def hangs(n: int) -> int:
        await asyncio.sleep(60)
        return n

    found = run_sync(hangs, [1], quick(retries=1, timeout_s=0.01))
    assert found == [Failed("no answer in 0.01 s", 2, unavailable=True)]


def test_too_many_failures_end_it_with_the_reasons() -> None:
    async def wrong(n: int) -> int:
        raise DataError(f"row {n % 2}")

    with pytest.raises(BackendError, match=r"3 requests failed, max_failures is 2:\n  row 0\n  row 1"):
        run_sync(wrong, range(100), quick(max_failures=2, concurrency=1))


def test_cancelling_leaves_nothing_running() -> None:
    running = 0

    async def call(n: int) -> int:
        nonlocal running
        running += 1
        try:
            await asyncio.sleep(60)
        finally:
            running -= 1
        return n

    async def scenario() -> None:
        task = asyncio.create_task(run(call, range(10), Policy(concurrency=4)))
        await asyncio.sleep(0.01)
        assert running == 4
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert running == 0

    asyncio.run(scenario())


def test_the_window_halves_once_per_round_and_grows_back() -> None:
    async def scenario() -> None:
        window = _Window(8)
        rounds = [await window.enter() for _ in range(8)]
        for entered in rounds:
            window.shrink(entered)
        assert window.size == 4, "eight refusals at one moment are one sign"
        window.shrink(1)
        window.shrink(2)
        window.shrink(3)
        assert window.size == 1, "never less than one"
        for _ in range(2):
            window.grow()
        assert window.size == 2.5, "one more per round: 1 + 1 + 1/2"
        for _ in range(100):
            window.grow()
        assert window.size == 8

    asyncio.run(scenario())


def test_the_number_under_way_falls_while_the_server_is_busy() -> None:
    active, most_later = 0, 0
    refused = 0

    async def call(n: int) -> int:
        nonlocal active, most_later, refused
        active += 1
        try:
            await asyncio.sleep(0.001)
            if refused < 24:
                refused += 1
                raise UnavailableError("429")
            most_later = max(most_later, active)
            return n
        finally:
            active -= 1

    results = run_sync(call, range(12), quick(concurrency=16, retries=20))
    assert results == list(range(12))
    assert most_later < 12


def test_one_runner_keeps_one_loop() -> None:
    loops = set()

    async def call(n: int) -> int:
        loops.add(id(asyncio.get_running_loop()))
        return n

    with asyncio.Runner() as runner:
        for _ in range(3):
            run_sync(call, [1, 2], runner=runner)
    assert len(loops) == 1


# --- cache


def test_a_cache_outlives_its_process_and_a_cut_off_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "answers.jsonl"
    identity = ModelIdentity(name="m", backend="openai", url="http://x/v1")
    keys = [cache_key(identity, {"prompt": p}) for p in ("ก", "b", "c")]
    cache = Cache(path)
    cache.put(keys[0], {"text": "ข\ud800"})
    cache.put(keys[1], {"text": "two"})
    cache.put(keys[1], {"text": "never"})
    with path.open("ab") as stream:
        stream.write(b'{"key": "half')
    again = Cache(path)
    assert len(again) == 2
    assert again.get(keys[0]) == {"text": "ข\ud800"}
    assert again.get(keys[1]) == {"text": "two"}
    again.put(keys[2], [1, 2])
    third = Cache(path)
    assert third.get(keys[2]) == [1, 2]
    assert len(third) == 3


def test_keys_tell_models_prompts_and_settings_apart() -> None:
    one, two = (ModelIdentity(name="m", backend="hf", digest=d) for d in "ab")
    keys = {cache_key(i, {"prompt": p, "seed": s}) for i in (one, two) for p in ("x", "y") for s in (1, 2)}
    assert len(keys) == 8
    assert cache_key(one, {"a": 1, "b": 2}) == cache_key(one, {"b": 2, "a": 1})

import asyncio

import pytest

from lontar.serve.flow import Flow, GoneError, unless_gone
from lontar.serve.gate import Gate, Place
from lontar.serve.schema import RequestError


def run(work):
    return asyncio.run(asyncio.wait_for(work, 5))


def test_no_more_run_than_may_and_they_come_in_order():
    async def main():
        gate, most, order = Gate(2, 10), [0], []

        async def job(i):
            async with Place(gate):
                most[0] = max(most[0], gate.running)
                order.append(i)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(job(i) for i in range(8)))
        return most[0], order, gate.running, gate.waiting

    assert run(main()) == (2, list(range(8)), 0, 0)


def test_a_full_queue_says_when_to_come_back():
    async def main():
        gate = Gate(1, 1)
        await gate.acquire()
        waiting = asyncio.ensure_future(gate.acquire())
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as caught:
            await gate.acquire()
        gate.release(0.0)
        await waiting
        return caught.value

    error = run(main())
    assert error.status == 429 and int(error.headers["retry-after"]) >= 1


def test_whoever_gives_up_waiting_leaves_no_gap():
    async def main():
        gate = Gate(1, 5)
        begun = await gate.acquire()
        first, second = asyncio.ensure_future(gate.acquire()), asyncio.ensure_future(gate.acquire())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        gate.release(begun)
        gate.release(await second)
        third = asyncio.ensure_future(gate.acquire())
        await asyncio.sleep(0)
        begun = await third
        fourth = asyncio.ensure_future(gate.acquire())
        await asyncio.sleep(0)
        gate.release(begun)
        fourth.cancel()  # at the moment its place came
        await asyncio.gather(fourth, return_exceptions=True)
        return gate.running, gate.waiting

    assert run(main()) == (0, 0)


def test_a_client_that_leaves_cancels_the_work():
    async def main():
        ended = []

        async def work():
            try:
                await asyncio.sleep(10)
            finally:
                ended.append(True)

        async def receive():
            return {"type": "http.disconnect"}

        with pytest.raises(GoneError):
            await unless_gone(receive, work())
        return ended

    assert run(main()) == [True]


def test_a_flow_gives_its_place_back_however_it_ends():
    async def main():
        gate, closed = Gate(1, 1), []

        async def pieces(n, error=None):
            try:
                for i in range(n):
                    yield i
                if error:
                    raise error
                await asyncio.sleep(10 if n > 50 else 0)
            finally:
                closed.append(True)

        whole = Flow(pieces(40), gate, 5)
        assert [i async for i in whole] == list(range(40))
        await whole.aclose()

        failing = Flow(pieces(3, ValueError("x")), gate, 5)
        await failing.started()
        found = []
        with pytest.raises(ValueError, match="x"):
            async for i in failing:
                found.append(i)
        await failing.aclose()
        assert found == [0, 1, 2]

        left = Flow(pieces(1000), gate, 5)
        await left.started()
        await left.aclose()

        slow = Flow(pieces(60), gate, 0.05)
        with pytest.raises(TimeoutError):
            async for _ in slow:
                pass
        await slow.aclose()
        return gate.running, len(closed)

    assert run(main()) == (0, 4)

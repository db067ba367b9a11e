"""A real server on a free port of this machine, in a thread, and the real `openai` client."""

import asyncio
import contextlib
import logging
import threading
import time

import pytest

from lontar.backends.echo import Echo
from lontar.serve.server import bind, prepared

NAME = "tiny"


class Watched(Echo):
    """An echo that can be slow or fail, and counts what was begun and what was closed early."""

    def __init__(self, *, pause_s: float = 0.0, fail_after: int | None = None, error: Exception | None = None, **given):
        super().__init__(**given)
        self.pause_s, self.fail_after, self.error = pause_s, fail_after, error
        self.begun = self.finished = self.cancelled = 0
        self.seen = []

    async def stream(self, prompt, sampling, /):
        self.begun += 1
        self.seen.append((prompt, sampling))
        sent = 0
        try:
            async for delta in super().stream(prompt, sampling):
                await asyncio.sleep(self.pause_s)
                if self.fail_after is not None and sent >= self.fail_after:
                    if self.error is None:
                        return
                    raise self.error
                sent += 1
                yield delta
            self.finished += 1
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise


@contextlib.contextmanager
def running(backend, name=NAME, host="127.0.0.1", **given):
    listening = bind(host, 0)
    ready = threading.Event()
    urls = []
    server = prepared(backend, listening, name, ready=lambda url: (urls.append(url), ready.set()), **given)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield urls[0]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def url():
    with running(Echo(), context_length=2000) as found:
        yield found


@contextlib.contextmanager
def client_of(url, key="unused", **given):
    import openai

    with openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=20, **given) as found:
        yield found


@pytest.fixture(scope="session")
def client(url):
    with client_of(url) as found:
        yield found


@pytest.fixture
def raw(url):
    import httpx

    with httpx.Client(base_url=url.removesuffix("/v1"), timeout=20) as found:
        yield found


@pytest.fixture(autouse=True)
def _log_level():
    logging.getLogger("lontar.serve").setLevel(logging.INFO)


def eventually(check, seconds=5.0):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def say(text):
    return [{"role": "user", "content": text}]

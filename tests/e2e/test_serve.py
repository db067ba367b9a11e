"""The adapted model as a client meets it: `lontar serve` in a process of its own and the real `openai` package."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Nano, environment


@pytest.fixture(scope="module")
def url(nano: Nano) -> Iterator[str]:
    command = [sys.executable, "-m", "lontar", "serve", str(nano.folder / "export"), "--port", "0", "--name", "nano"]
    process = subprocess.Popen(command, env=environment(nano.home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("http://127.0.0.1:"), line
    yield line.split()[0]
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)  # it ends in order, then lets the signal have its way


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=url, api_key="unused", max_retries=0) as made:
        yield made


def test_chat_and_stream_give_the_same_answer(client: Any) -> None:
    messages = [{"role": "user", "content": "ສະບາຍດີ, apa kabar?"}]
    asked = {"model": "nano", "messages": messages, "max_tokens": 24, "temperature": 0}
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].finish_reason in ("stop", "length")
    assert whole.usage.completion_tokens <= 24
    pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)]
    assert "".join(pieces) == whole.choices[0].message.content
    assert "\ufffd" not in "".join(pieces)


def test_completions_models_and_health(client: Any, url: str) -> None:
    answer = client.completions.create(model="nano", prompt="Every morning my mother", max_tokens=8, temperature=0)
    assert answer.choices[0].text
    assert [model.id for model in client.models.list()] == ["nano"]
    with urllib.request.urlopen(url.removesuffix("/v1") + "/health") as reply:
        assert reply.status == 200


def test_errors_name_the_field(client: Any) -> None:
    openai = pytest.importorskip("openai")
    messages = [{"role": "user", "content": "hi"}]
    with pytest.raises(openai.NotFoundError, match="model"):
        client.chat.completions.create(model="other", messages=messages)
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.chat.completions.create(model="nano", messages=messages, temperature=-1)


def test_chat_on_the_terminal(nano: Nano) -> None:
    command = [sys.executable, "-m", "lontar", "chat", str(nano.folder / "export"), "--max-tokens", "8", "--seed", "1"]
    done = subprocess.run(
        command, env=environment(nano.home), input=b"Selamat pagi\n\n", capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.strip()

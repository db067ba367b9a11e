from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lontar.backends import Sampling, Usage, collect, open_backend
from lontar.backends.drive import Failed, Policy, run
from lontar.backends.http import api_key, base_url, retry_after
from lontar.backends.openai import OpenAI
from lontar.core.records import Message
from lontar.errors import BackendError, CapabilityError, ConfigError, DataError, UnavailableError
from tests.unit.backends.conftest import Handler, event_stream, serving

web = pytest.importorskip("aiohttp.web")
CHAT = (Message(role="user", content="jam berapa?"),)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LONTAR_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def asking(handler: Handler, ask: Callable[[OpenAI], Awaitable[Any]]) -> Any:
    async def scenario() -> Any:
        async with serving(handler) as url:
            backend = open_backend("openai", url, model="m")
            try:
                return await ask(backend)
            finally:
                await backend.aclose()

    return asyncio.run(scenario())


def answering(prompt: Any = CHAT, **sampling: Any) -> Callable[[OpenAI], Awaitable[Any]]:
    async def ask(backend: OpenAI) -> Any:
        return await collect(backend.stream(prompt, Sampling(**sampling)))

    return ask


def chunk(text: str | None = None, finish: str | None = None, index: int = 0, **more: Any) -> str:
    choice = {"index": index, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice], **more}, ensure_ascii=False)}\n\n"


WHOLE = (
    chunk("สวัส")
    + chunk("ดี")
    + chunk(finish="stop")
    + 'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}\n\n'
    + "data: [DONE]\n\n"
)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_stream_in_any_pieces(size: int) -> None:
    raw = WHOLE.encode()
    answer = asking(event_stream(*[raw[i : i + size] for i in range(0, len(raw), size)]), answering())[0]
    assert (answer.text, answer.finish_reason, answer.usage) == ("สวัสดี", "stop", Usage(9, 2))


def test_a_missing_end_mark_is_fine_but_a_missing_end_is_not() -> None:
    assert asking(event_stream(chunk("a"), chunk(finish="length")), answering())[0].finish_reason == "length"
    with pytest.raises(UnavailableError, match="broke off"):
        asking(event_stream(chunk("a"), chunk("b")), answering())


def test_errors_and_broken_json_inside_a_stream() -> None:
    with pytest.raises(UnavailableError, match="overloaded"):
        asking(event_stream(chunk("a"), 'data: {"error": {"message": "overloaded", "code": 503}}\n\n'), answering())
    with pytest.raises(DataError, match="too long"):
        error = {"error": {"message": "too long", "type": "invalid_request_error"}}
        asking(event_stream(f"data: {json.dumps(error)}\n\n"), answering())
    with pytest.raises(UnavailableError, match="broken JSON"):
        asking(event_stream(chunk("a"), 'data: {"choices": [{"del\n\n'), answering())


def test_what_is_sent() -> None:
    bodies: list[tuple[str, Any]] = []

    async def handler(request: Any) -> Any:
        bodies.append((request.path, await request.json()))
        text = WHOLE if "chat" in request.path else WHOLE.replace('"delta": {"content": "ดี"}', '"text": "ດີ"')
        return await event_stream(text)(request)

    async def ask(backend: OpenAI) -> list[str]:
        sampling = Sampling(max_tokens=5, temperature=0.5, top_p=0.9, seed=3, stop=("x",), logprobs=2)
        prompts: list[Any] = [CHAT, "text", (1, 2)]
        return [(await collect(backend.stream(prompt, sampling)))[0].text for prompt in prompts]

    assert asking(handler, ask) == ["สวัสดี", "ດີ", "ດີ"]
    (chat_path, chat), (path, text), (_, ids) = bodies
    assert (chat_path, path) == ("/v1/chat/completions", "/v1/completions")
    assert chat["messages"] == [{"role": "user", "content": "jam berapa?"}]
    assert (chat["logprobs"], chat["top_logprobs"], text["logprobs"]) == (True, 2, 2)
    assert (text["prompt"], ids["prompt"]) == ("text", [1, 2])
    for body in (chat, text, ids):
        assert {k: body[k] for k in ("model", "max_tokens", "temperature", "top_p", "seed", "stop", "stream")} == {
            "model": "m", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x"], "stream": True,
        }  # fmt: skip


def test_a_refused_field_is_left_out_or_renamed() -> None:
    bodies: list[Any] = []

    async def handler(request: Any) -> Any:
        body = await request.json()
        bodies.append(body)
        for name, instead in (("stream_options", "drop"), ("max_tokens", "max_completion_tokens")):
            if name in body:
                return web.json_response({"error": {"message": f"Unsupported: {name}, use {instead}"}}, status=400)
        return await event_stream(WHOLE)(request)

    async def ask(backend: OpenAI) -> None:
        for _ in range(2):
            await collect(backend.stream(CHAT, Sampling(max_tokens=5)))

    asking(handler, ask)
    assert len(bodies) == 4, "learned once"
    assert bodies[-1]["max_completion_tokens"] == 5


def status(code: int, body: Any = None, **headers: str) -> Handler:
    async def handler(request: Any) -> Any:
        return web.json_response(body or {"error": {"message": "because"}}, status=code, headers=headers)

    return handler


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(code, DataError) for code in (400, 413, 422)],
        *[(code, BackendError) for code in (302, 401, 403, 404)],
        *[(code, UnavailableError) for code in (408, 429, 500, 503)],
    ],
)
def test_statuses(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"HTTP {code}: because") as caught:
        asking(status(code), answering())
    assert type(caught.value) is kind


def test_retry_after_reaches_the_caller() -> None:
    with pytest.raises(UnavailableError) as caught:
        asking(status(429, **{"Retry-After": "3"}), answering())
    assert caught.value.retry_after_s == 3.0
    assert retry_after({"Retry-After-Ms": "1500"}) == 1.5
    assert retry_after({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}) == 0.0
    assert retry_after({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}) > 1e6  # type: ignore[operator]
    assert [retry_after({"Retry-After": text}) for text in ("soon", "", "-5")] == [None, None, 0.0]


def test_nobody_listens() -> None:
    async def scenario() -> None:
        async with serving(status(200)) as url:
            pass
        backend = OpenAI(url, model="m")
        try:
            with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
                await collect(backend.stream(CHAT, Sampling()))
        finally:
            await backend.aclose()

    asyncio.run(scenario())


def test_a_server_with_faults_answers_all_in_the_end() -> None:
    seen: dict[str, int] = {}

    async def handler(request: Any) -> Any:
        prompt = (await request.json())["prompt"]
        n = seen[prompt] = seen.get(prompt, 0) + 1
        fault = (int(prompt) + n) % 4
        if fault == 0:
            return web.json_response({"error": {"message": "busy"}}, status=503)
        if fault == 1:
            return await event_stream('data: {"choices": [{"te')(request)
        if fault == 2:
            raise ConnectionResetError
        text = json.dumps({"choices": [{"index": 0, "text": f"answer {prompt}", "finish_reason": "stop"}]})
        return await event_stream(f"data: {text}\n\ndata: [DONE]\n\n")(request)

    async def instantly(seconds: float) -> None:
        await asyncio.sleep(0)

    async def ask(backend: OpenAI) -> list[str | Failed]:
        async def call(prompt: str) -> str:
            return (await collect(backend.stream(prompt, Sampling(max_tokens=5))))[0].text

        return await run(call, [str(n) for n in range(40)], Policy(sleep=instantly))

    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    assert asking(handler, ask) == [f"answer {n}" for n in range(40)]


# --- keys


def test_keys_come_from_the_environment_and_stay_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONTAR_API_KEY", "sk-secret")
    sent: list[str | None] = []

    async def handler(request: Any) -> Any:
        sent.append(request.headers.get("Authorization"))
        return web.json_response({"error": {"message": "Incorrect API key: sk-secret"}}, status=401)

    with pytest.raises(BackendError) as caught:
        asking(handler, answering())
    assert sent == ["Bearer sk-secret"]
    assert "sk-secret" not in str(caught.value)
    assert "LONTAR_API_KEY" in str(caught.value)
    assert "sk-secret" not in repr(OpenAI("http://h/v1", model="m").describe())


def test_a_vendors_key_does_not_travel_to_other_hosts() -> None:
    theirs = {"OPENAI_API_KEY": "k"}
    assert api_key("https://api.openai.com/v1", theirs) == "k"
    assert api_key("http://localhost:8000/v1", theirs) == "k"
    assert api_key("https://example.org/v1", theirs) is None
    assert api_key("https://openai.com.example.org/v1", theirs) is None
    assert api_key("https://example.org/v1", {**theirs, "OPENAI_BASE_URL": "https://example.org/v1"}) == "k"
    assert api_key("https://example.org/v1", {**theirs, "LONTAR_API_KEY": "ours"}) == "ours"
    assert api_key("https://example.org/v1", {}) is None


def test_urls() -> None:
    assert base_url("http://localhost:8000") == "http://localhost:8000/v1"
    assert base_url("https://h/api/v2/") == "https://h/api/v2"
    for bad in ("localhost:8000", "ftp://h", "", "https://"):
        with pytest.raises(ConfigError, match="not the URL"):
            base_url(bad)
    for bad in ("https://user:secret@h/v1", "https://h/v1?key=secret"):
        with pytest.raises(ConfigError) as caught:
            base_url(bad)
        assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match="which model"):
        OpenAI("http://h")


# --- likelihoods and embeddings


def echoed(request_body: Any) -> dict[str, Any]:
    """What a server echoes whose tokens are a line break or two characters."""
    text = request_body["prompt"]
    first = 1 if text[0] == "\n" else 2
    parts = [text[:first], *(text[i : i + 2] for i in range(first, len(text), 2))]
    values = [None, *[-1.0 - i for i in range(len(parts) - 1)]]
    offsets = [0, *range(first, len(text), 2)]
    tops = [None, *[{part: -0.5, "other": -0.25} for part in parts[1:]]]
    logprobs = {"tokens": parts, "token_logprobs": values, "text_offset": offsets, "top_logprobs": tops}
    return {"choices": [{"text": text, "logprobs": logprobs}]}


def test_likelihoods_of_the_tokens_that_end_in_the_continuation() -> None:
    async def handler(request: Any) -> Any:
        body = await request.json()
        assert (body["echo"], body["max_tokens"]) == (True, 0)
        return web.json_response(echoed(body))

    async def ask(backend: OpenAI) -> Any:
        return await backend.score("abc", "defgh", top=1), await backend.score("", "xyz")

    after, alone = asking(handler, ask)
    assert [t.text for t in after.tokens] == ["cd", "ef", "gh"], "a token over the border counts"
    assert after.logprob == -1.0 - 2.0 - 3.0
    assert after.tokens[0].top == (("other", -0.25),)
    assert not after.greedy
    assert [t.text for t in alone.tokens] == ["xy", "z"], "after a line break every token has a probability"


def test_likelihoods_from_a_server_that_normalizes_or_sends_parts_of_characters() -> None:
    def answer(tokens: list[str], offsets: list[int] | None = None) -> Handler:
        async def handler(request: Any) -> Any:
            values = [None, *[-1.0] * (len(tokens) - 1)]
            logprobs = {"tokens": tokens, "token_logprobs": values, "text_offset": offsets}
            return web.json_response({"choices": [{"text": "", "logprobs": logprobs}]})

        return handler

    stripped = asking(answer(["a", " b", " c"]), lambda backend: backend.score("  a b", " c"))
    assert [t.text for t in stripped.tokens] == [" c"]
    parts = asking(answer(["a", "bytes:\\xe0", "bytes:\\xb8\\x81"], [0, 1, 1]), lambda backend: backend.score("a", "ก"))
    assert parts.n_tokens == 2
    with pytest.raises(CapabilityError):
        asking(answer(["a", "b"]), lambda backend: backend.score("x", "y"))


def test_servers_without_likelihoods_say_so() -> None:
    async def none(request: Any) -> Any:
        return web.json_response({"choices": [{"text": "", "logprobs": None}]})

    for handler in (none, status(400), status(404)):
        with pytest.raises(CapabilityError, match="no likelihoods of a given text"):
            asking(handler, lambda backend: backend.score("a", "b"))
    with pytest.raises(CapabilityError, match="after a chat"):
        asking(none, lambda backend: backend.score(CHAT, "b"))
    with pytest.raises(BackendError, match="HTTP 401"):
        asking(status(401), lambda backend: backend.score("a", "b"))


def test_embeddings_have_unit_norm_and_keep_their_order() -> None:
    async def handler(request: Any) -> Any:
        return web.json_response({"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}]})

    found = asking(handler, lambda backend: backend.embed(["a", "b"]))
    assert found.tolist() == [pytest.approx([0.6, 0.8]), [0, 1]]

import asyncio
import json
import threading

import pytest

from lontar.errors import BackendError, CapabilityError, DataError, UnavailableError
from lontar.serve import Limits
from tests.unit.serve.conftest import NAME, Watched, client_of, eventually, running, say

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed)
httpx = pytest.importorskip("httpx")
openai = pytest.importorskip("openai")

ODD = [
    "ສະບາຍດີ ຊາວໂລກ",
    "မင်္ဂလာပါ ကမ္ဘာကြီး",
    "សួស្តី​ពិភពលោក",
    "👩‍👩‍👧‍👦 🇸🇬 e\u0301",
    "\u200b\u200d\u2028\u2029\ufeff",
    'a "quoted"\n\ttext \\ with \x01 and \x7f',
    "data: [DONE]\n\ndata: x",
    "𠮷野家 ༀ",
]


def chat(client, text="halo", **given):
    return client.chat.completions.create(model=NAME, messages=say(text), **given)


def gathered(stream):
    chunks = list(stream)
    texts = {}
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    return chunks, texts


@pytest.mark.parametrize("text", ODD)
def test_an_answer_arrives_as_it_was_made_whole_or_in_pieces(client, text):
    answer = chat(client, text)
    assert answer.choices[0].message.content == text
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", NAME, "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(text), len(text))
    assert answer.id.startswith("chatcmpl-") and answer.choices[0].message.role == "assistant"
    chunks, texts = gathered(chat(client, text, stream=True))
    assert texts == {0: text}
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[1].choices[0].delta.role is None
    assert [c.choices[0].finish_reason for c in chunks][-1] == "stop" and len({c.id for c in chunks}) == 1


def test_usage_comes_last_when_asked_for(client):
    chunks, _ = gathered(chat(client, "halo", stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 8
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.usage is None for chunk in chat(client, "halo", stream=True))


def test_several_answers(client):
    answer = chat(client, "halo", n=3)
    assert [(c.index, c.message.content) for c in answer.choices] == [(0, "halo"), (1, "halo"), (2, "halo")]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 12)
    chunks, texts = gathered(chat(client, "halo", n=2, stream=True))
    assert texts == {0: "halo", 1: "halo"}
    assert sorted(c.choices[0].index for c in chunks if c.choices[0].finish_reason) == [0, 1]


@pytest.mark.parametrize("stream", [False, True])
def test_stop_and_length(client, stream):
    def ends(**given):
        found = chat(client, "satu dua tiga", stream=stream, **given)
        if not stream:
            return found.choices[0].message.content, found.choices[0].finish_reason
        chunks, texts = gathered(found)
        return texts[0], chunks[-1].choices[0].finish_reason

    assert ends(stop="dua") == ("satu ", "stop")
    assert ends(stop=["tiga", "dua"]) == ("satu ", "stop")
    assert ends(max_tokens=4) == ("satu", "length")
    assert ends(max_completion_tokens=2) == ("sa", "length")


def test_sampling_reaches_the_back_end():
    backend = Watched()
    with running(backend) as url, client_of(url) as client:
        chat(
            client,
            temperature=0.5,
            top_p=0.25,
            seed=7,
            stop=["x", ""],
            n=2,
            max_tokens=9,
            logprobs=True,
            top_logprobs=3,
        )
        chat(client)
    (prompt, asked), (_, plain) = backend.seen
    assert prompt[0].content == "halo"
    assert asked.model_dump() == {
        "temperature": 0.5, "top_p": 0.25, "seed": 7, "stop": ("x",), "n": 2, "max_tokens": 9, "top_k": 0,
        "shrink": False,
        "logprobs": 3,
    }  # fmt: skip
    assert (plain.temperature, plain.max_tokens, plain.logprobs, plain.seed) == (1.0, None, None, None)


def test_a_conversation_with_a_developer_message(client):
    messages = [
        {"role": "developer", "content": "be brief"},
        *say("satu"),
        {"role": "assistant", "content": "dua"},
        {"role": "user", "content": [{"type": "text", "text": "ti"}, {"type": "text", "text": "ga"}]},
    ]
    answer = client.chat.completions.create(model=NAME, messages=messages)
    assert answer.choices[0].message.content == "tiga"


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(client, stream):
    found = chat(client, "ສະ", logprobs=True, top_logprobs=1, stream=stream)
    choices = [c for chunk in found for c in chunk.choices] if stream else found.choices
    tokens = [t for c in choices if c.logprobs for t in c.logprobs.content]
    assert [t.token for t in tokens] == ["ສ", "ະ"]
    assert all(t.logprob < 0 and bytes(t.bytes).decode() == t.token == t.top_logprobs[0].token for t in tokens)


def test_top_logprobs_need_logprobs(client):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, top_logprobs=2)
    assert caught.value.param == "top_logprobs"


@pytest.mark.parametrize(
    ("given", "kind", "param", "code"),
    [
        ({"model": "gpt-x"}, openai.NotFoundError, "model", "model_not_found"),
        ({"frequency_penalty": 1.5}, openai.BadRequestError, "frequency_penalty", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, "tools", "unsupported_parameter"),
        ({"extra_body": {"guided_regex": "x"}}, openai.BadRequestError, "guided_regex", "unknown_parameter"),
        ({"messages": say("x" * 2001)}, openai.BadRequestError, "messages", "context_length_exceeded"),
        ({"max_tokens": 1999}, openai.BadRequestError, "messages", "context_length_exceeded"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_errors_name_the_field(client, given, kind, param, code, stream):
    with pytest.raises(kind) as caught:
        client.chat.completions.create(**{"model": NAME, "messages": say("halo"), "stream": stream, **given})
    assert (caught.value.param, caught.value.code, caught.value.type) == (param, code, "invalid_request_error")


def test_a_prompt_that_just_fits_is_answered_whole(client):
    assert chat(client, "x" * 1000, max_tokens=1000).choices[0].message.content == "x" * 1000


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CapabilityError("no logprobs here"), 400, "unsupported_parameter"),
        (DataError("the template takes no system message"), 400, "invalid_value"),
        (UnavailableError("busy", retry_after_s=7), 503, "unavailable"),
        (BackendError("out of memory"), 500, "backend_error"),
        (ZeroDivisionError("secret detail"), 500, "internal_error"),
        (None, 500, "backend_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_back_end_that_fails_before_the_first_piece(error, status, code, stream):
    with running(Watched(fail_after=0, error=error)) as url, client_of(url) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            chat(client, logprobs=True, stream=stream)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert "secret" not in str(caught.value)
    if status == 503:
        assert caught.value.response.headers["retry-after"] == "7"
    if code == "unsupported_parameter":
        assert caught.value.param == "logprobs"


@pytest.mark.parametrize("error", [BackendError("lost the model"), None])
def test_a_failure_in_mid_stream_is_an_error_event_and_no_fake_end(error):
    with running(Watched(fail_after=3, error=error)) as url:
        with client_of(url) as client, pytest.raises(openai.APIError, match=r"lost the model|finished 0 of 1"):
            list(chat(client, "satu dua", stream=True))
        body = {"model": NAME, "messages": say("satu dua"), "stream": True}
        text = httpx.post(f"{url}/chat/completions", json=body).text
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1]) == "sat"
    assert all(e["choices"][0]["finish_reason"] is None for e in events[:-1])
    assert events[-1]["error"]["code"] == "backend_error" and "[DONE]" not in text


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_generation(stream):
    backend = Watched(pause_s=0.02)
    with running(backend) as url:
        body = {"model": NAME, "messages": say("x" * 5000), "stream": stream}
        with httpx.Client() as http:
            if stream:
                with http.stream("POST", f"{url}/chat/completions", json=body) as response:
                    next(response.iter_lines())
            else:
                with pytest.raises(httpx.ReadTimeout):
                    http.post(f"{url}/chat/completions", json=body, timeout=0.3)
        eventually(lambda: backend.cancelled == 1)
        eventually(lambda: httpx.get(url.replace("/v1", "/health")).json()["running"] == 0)
    assert backend.finished == 0


def test_a_full_queue_answers_429_with_a_time():
    backend = Watched(pause_s=0.01)
    with running(backend, limits=Limits(running=1, waiting=1)) as url, client_of(url) as client:
        results = []

        def ask():
            results.append(chat(client, "x" * 60).choices[0].message.content)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        health = url.replace("/v1", "/health")
        for i, thread in enumerate(threads):
            thread.start()
            eventually(lambda i=i: (lambda h: h["running"] + h["waiting"] == i + 1)(httpx.get(health).json()))
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError) as caught:
                chat(client, stream=stream)
            assert int(caught.value.response.headers["retry-after"]) >= 1 and caught.value.code == "queue_full"
        for thread in threads:
            thread.join()
    assert results == ["x" * 60] * 2


def test_too_slow_is_504_or_an_error_event():
    with running(Watched(pause_s=0.05), limits=Limits(timeout_s=0.3)) as url, client_of(url) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            chat(client, "x" * 100)
        assert caught.value.status_code == 504
        with pytest.raises(openai.APIError, match="took too long"):
            list(chat(client, "x" * 100, stream=True))


def test_many_at_once_each_get_their_own_answer(url):
    async def main():
        async with openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as client:

            async def ask(i):
                text = f"{ODD[i % len(ODD)]} {i} " * 5
                if i % 2:
                    return text, (await client.chat.completions.create(model=NAME, messages=say(text))).choices[
                        0
                    ].message.content
                stream = await client.chat.completions.create(model=NAME, messages=say(text), stream=True)
                return text, "".join([c.choices[0].delta.content or "" async for c in stream])

            return await asyncio.gather(*(ask(i) for i in range(40)))

    assert all(asked == got for asked, got in asyncio.run(main()))

import pytest

from lontar.backends.base import Delta, ModelIdentity
from tests.unit.serve.conftest import NAME, client_of, running

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed)
openai = pytest.importorskip("openai")


def complete(client, prompt="ສະບາຍດີ", **given):
    return client.completions.create(model=NAME, prompt=prompt, **{"max_tokens": 100, **given})


def test_one_prompt(client):
    answer = complete(client)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("ສະບາຍດີ", "stop")
    assert answer.object == "text_completion" and answer.usage.total_tokens == 14


def test_sixteen_tokens_unless_told_otherwise(client):
    answer = client.completions.create(model=NAME, prompt="x" * 50)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("x" * 16, "length")


@pytest.mark.parametrize("stream", [False, True])
def test_several_prompts_and_answers_are_numbered_through(client, stream):
    found = complete(client, ["satu", "dua"], n=2, stream=stream)
    texts = {}
    for choice in [c for chunk in found for c in chunk.choices] if stream else found.choices:
        texts[choice.index] = texts.get(choice.index, "") + choice.text
    assert texts == {0: "satu", 1: "satu", 2: "dua", 3: "dua"}
    if not stream:
        assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 14)


def test_token_ids(client):
    assert complete(client, [72, 105]).choices[0].text == "72 105"
    assert [c.text for c in complete(client, [[72], [105]]).choices] == ["72", "105"]


def test_echo(client):
    assert complete(client, "satu ", echo=True).choices[0].text == "satu satu "
    assert complete(client, [72, 105], echo=True, max_tokens=0).choices[0].text == "Hi"


@pytest.mark.parametrize("max_tokens", [0, 1])
@pytest.mark.parametrize("stream", [False, True])
def test_echo_with_logprobs_scores_the_prompt(client, max_tokens, stream):
    found = complete(client, "ສະບາຍດີ", echo=True, logprobs=1, max_tokens=max_tokens, stream=stream)
    choices = [c for chunk in found for c in chunk.choices] if stream else found.choices
    scored = [c.logprobs for c in choices if c.logprobs and c.logprobs.tokens]
    tokens = [t for part in scored for t in part.tokens]
    assert "".join(tokens) == "ສະບາຍດີ" + "ສ" * max_tokens
    assert [o for part in scored for o in part.text_offset] == list(range(7 + max_tokens))
    values = [v for part in scored for v in part.token_logprobs]
    assert len(values) == 7 + max_tokens and all(v < 0 for v in values)
    assert choices[-1].finish_reason == "length"


def test_the_same_prompt_has_the_same_score(client):
    first, second = (
        complete(client, "satu dua", echo=True, logprobs=1, max_tokens=0).choices[0].logprobs.token_logprobs
        for _ in "ab"
    )
    assert first == second


def test_usage_of_a_prompt_that_is_only_scored(client):
    usage = complete(client, "satu", echo=True, logprobs=0, max_tokens=0).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (4, 0)


class Plain:
    """Generates, and nothing else."""

    async def stream(self, prompt, sampling, /):
        yield Delta("ya", finish_reason="stop")

    def describe(self):
        return ModelIdentity(name="plain", backend="plain")


def test_what_a_back_end_cannot_do_is_named():
    with running(Plain()) as url, client_of(url) as client:
        assert complete(client, echo=True).choices[0].text == "ສະບາຍດີya"
        assert complete(client).usage.total_tokens == 0
        for given, param in (({"echo": True, "logprobs": 1}, "logprobs"), ({"echo": True, "prompt": [1]}, "echo")):
            with pytest.raises(openai.BadRequestError, match="cannot score likelihoods") as caught:
                client.completions.create(model=NAME, **{"prompt": "x", **given})
            assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"logprobs": 50}, "logprobs"),
    ],
)
def test_errors_name_the_field(client, given, param):
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, **given)
    assert caught.value.param == param

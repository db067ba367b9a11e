import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lontar.serve.schema import NEUTRAL, ChatRequest, CompletionRequest, RequestError, parse

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hai"}]}
TEXT = {"model": "m", "prompt": "hai"}


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"temperatur": 1}, "temperatur", "unknown_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": True}, "temperature", "invalid_value"),
        ({"top_p": 0}, "top_p", "invalid_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 1.0}, "n", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_value"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages.0.content", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": "x", "audio": 1}]}, "messages.0.audio", "unknown_parameter"),
        ({"stream_options": {"include_usag": True}}, "stream_options.include_usag", "unknown_parameter"),
    ],
)
def test_what_is_wrong_is_named(change, param, code):
    body = {k: v for k, v in {**CHAT, **change}.items() if v is not None}
    with pytest.raises(RequestError) as caught:
        parse(ChatRequest, body)
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)
    assert caught.value.message.startswith(param)


def test_an_image_is_refused_by_name():
    part = {"type": "image_url", "image_url": {"url": "http://x"}}
    with pytest.raises(RequestError) as caught:
        parse(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": [part]}]})
    assert caught.value.param.startswith("messages.0.content.0")


def test_a_misspelled_field_has_a_hint():
    with pytest.raises(RequestError, match="did you mean temperature"):
        parse(ChatRequest, {**CHAT, "temperatur": 1})


def test_fields_that_ask_for_nothing_are_let_pass():
    defaults = {name: values[0] for name, values in NEUTRAL.items()}
    parse(ChatRequest, {**CHAT, **defaults, "logit_bias": None, "frequency_penalty": 0.0, "temperature": None})


def test_false_is_not_zero():
    with pytest.raises(RequestError):
        parse(ChatRequest, {**CHAT, "frequency_penalty": False})


@pytest.mark.parametrize("body", [[], "x", None, 5])
def test_a_body_is_an_object(body):
    with pytest.raises(RequestError, match="JSON object"):
        parse(ChatRequest, body)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_prompts(prompt, prompts):
    assert parse(CompletionRequest, {**TEXT, "prompt": prompt}).prompts == prompts


@pytest.mark.parametrize("prompt", [[], [[]], [1, "a"], [-1], 5, [["a"]]])
def test_what_is_no_prompt(prompt):
    with pytest.raises(RequestError) as caught:
        parse(CompletionRequest, {**TEXT, "prompt": prompt})
    assert caught.value.param.startswith("prompt")


def test_parts_of_a_message_are_joined_and_stops_are_a_list():
    parts = [{"type": "text", "text": "ສະ"}, {"type": "text", "text": "ບາຍ"}]
    asked = parse(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": parts}], "stop": "x"})
    assert asked.messages[0].text == "ສະບາຍ" and asked.stops == ("x",)


def test_the_newer_name_of_the_limit_wins():
    assert parse(ChatRequest, {**CHAT, "max_tokens": 5, "max_completion_tokens": 7}).limit == 7
    assert parse(ChatRequest, CHAT).limit is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({*ChatRequest.model_fields, *CompletionRequest.model_fields, *NEUTRAL, "user", "x"})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), st.sampled_from([ChatRequest, CompletionRequest]))
def test_any_body_is_taken_or_refused_by_name_and_never_fails_otherwise(change, model):
    try:
        parse(model, {**(CHAT if model is ChatRequest else TEXT), **change})
    except RequestError as error:
        assert error.status == 400 and error.param.split(".")[0] in change

"""Properties of chat readers: what is written in either format is read back; what is not a chat is a named error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.core.records import Message
from lontar.data.chat_readers import ROLES, check_order, detect, read_messages
from lontar.data.readers import BadInputError

words = st.text(min_size=1, max_size=20).filter(lambda t: t.strip())


@st.composite
def conversations(draw):
    """Turns in an order that can be learned from."""
    roles = ["system"] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        roles += ["user", "assistant"]
        for _ in range(draw(st.integers(0, 2))):
            roles += ["tool", "assistant"]
    return [Message(role=role, content=draw(words)) for role in roles]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def named(kind, role, draw):
    return draw(st.sampled_from(sorted(name for name, known in ROLES[kind].items() if known == role)))


@given(conversations(), st.sampled_from(["openai", "sharegpt"]), st.data())
def test_what_is_written_is_read(messages, kind, data):
    who, what = {"openai": ("role", "content"), "sharegpt": ("from", "value")}[kind]
    turns = [{who: named(kind, m.role, data.draw), what: m.content} for m in messages]
    row = {data.draw(st.sampled_from(["messages", "conversations"])): turns}
    assert detect(row, "x:1") == kind
    assert list(read_messages(row, kind, "x:1")) == messages


@given(conversations(), st.data())
def test_parts_of_text_are_one_text(messages, data):
    turns = []
    for message in messages:
        at = data.draw(st.integers(0, len(message.content)))
        parts = [{"type": "text", "text": part} for part in (message.content[:at], message.content[at:])]
        turns.append({"role": message.role, "content": parts})
    assert list(read_messages({"messages": turns}, "openai", "x:1")) == messages


@given(conversations(), st.data())
def test_a_turn_left_out_shows(messages, data):
    """But for a system message, and for whole exchanges, nothing can go missing unseen."""
    at = data.draw(st.integers(0, len(messages) - 1))
    rest = messages[:at] + messages[at + 1 :]
    roles = [m.role for m in rest]
    # A result of a tool may be one of several, and an answer between two of them may be absent.
    if messages[at].role in ("system", "tool") or (at + 1 < len(messages) and messages[at + 1].role == "tool"):
        return
    if messages[at].role == "assistant" and at and messages[at - 1].role == "tool" and roles[at : at + 1] == ["tool"]:
        return
    with pytest.raises(BadInputError):
        check_order(rest, "x:1: messages")


@given(
    st.dictionaries(st.sampled_from(["messages", "conversations", "lang"]), json_values, max_size=3)
    | st.fixed_dictionaries({"messages": st.lists(st.dictionaries(st.sampled_from(["role", "content"]), json_values))})
)
def test_anything_else_is_an_error_that_names_its_place(row):
    try:
        read_messages(row, detect(row, "x:1"), "x:1")
    except BadInputError as err:
        assert err.message.startswith("x:1: ") and err.hint and err.reason
        json.dumps(err.message)
    else:
        pytest.fail(f"{row} was read")

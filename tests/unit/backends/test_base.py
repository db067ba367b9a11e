from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lontar import backends
from lontar.backends import (
    Counter,
    Delta,
    Embedder,
    Generator,
    LikelihoodScorer,
    ModelIdentity,
    Sampling,
    TokenLogprob,
    TokenScores,
    Usage,
    collect,
    require,
)
from lontar.backends.base import is_messages, prompt_json, prompt_text
from lontar.backends.echo import Echo
from lontar.core import plugins
from lontar.core.records import Message
from lontar.errors import CapabilityError, ConfigError, UnknownNameError


class OnlyGenerates:
    async def stream(self, prompt: object, sampling: Sampling, /) -> AsyncIterator[Delta]:
        yield Delta("x", finish_reason="stop")

    def describe(self) -> ModelIdentity:
        return ModelIdentity(name="m", backend="only")


def test_require_gives_the_backend_or_names_what_it_can_do() -> None:
    backend = OnlyGenerates()
    assert require(backend, Generator) is backend
    with pytest.raises(CapabilityError, match=r"'only' cannot score likelihoods; it can generate, describe itself"):
        require(backend, LikelihoodScorer)
    with pytest.raises(CapabilityError, match="do nothing we know of"):
        require(object(), Embedder)
    assert require(Echo(), Counter).count("abc") == 3


def test_open_backend_hints_at_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match="did you mean echo"):
        backends.open_backend("ecco")
    with pytest.raises(ConfigError, match="no option 'sead'") as caught:
        backends.open_backend("echo", sead=1)
    assert caught.value.hint == "did you mean seed?"


def test_a_plugin_file_adds_a_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from lontar.backends import register_backend\n"
        "from lontar.backends.echo import Echo\n"
        "def opened(target, *, loud: bool = False):\n"
        "    'Echo, but ours.'\n"
        "    return Echo(answer=lambda prompt: 'HELLO' if loud else 'hello')\n"
        "register_backend('mine', opened)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("LONTAR_HOME", str(tmp_path))
    monkeypatch.setattr(plugins, "_loaded", set())
    monkeypatch.setattr(backends, "_BACKENDS", dict(backends._BACKENDS))
    assert ("mine", "Echo, but ours.") in backends.all_backends()
    backend = backends.open_backend("mine", "anything", loud=True)
    assert asyncio.run(collect(backend.stream("", Sampling())))[0].text == "HELLO"


def test_a_name_cannot_be_taken_twice() -> None:
    with pytest.raises(ConfigError, match="defined by both"):
        backends.register_backend("echo", "elsewhere:Echo")
    with pytest.raises(ConfigError, match="module:Class"):
        backends.register_backend("other", "no_class")


def test_prompts() -> None:
    chat = (Message(role="user", content="hai"),)
    assert is_messages(chat)
    assert not is_messages((1, 2))
    assert not is_messages(())
    assert prompt_json(chat) == [{"role": "user", "content": "hai"}]
    assert prompt_json((1, 2)) == [1, 2]
    assert [prompt_text(p) for p in (chat, "a", (7, 8), ())] == ["hai", "a", "7 8", ""]


def test_collect_keeps_answers_apart() -> None:
    async def pieces() -> AsyncIterator[Delta]:
        yield Delta("a", (1,), index=1)
        yield Delta("b", (2,), index=0)
        yield Delta("c", (3,), index=1, finish_reason="length", usage=Usage(4, 2))
        yield Delta(index=0, finish_reason="stop")

    first, second = asyncio.run(collect(pieces()))
    assert (first.text, first.token_ids, first.finish_reason) == ("b", (2,), "stop")
    assert (second.text, second.token_ids, second.finish_reason, second.usage) == ("ac", (1, 3), "length", Usage(4, 2))


def test_scores_sum_and_identities_differ() -> None:
    scores = TokenScores((TokenLogprob(1, "a", -1.5), TokenLogprob(2, "b", -0.5)))
    assert (scores.logprob, scores.n_tokens) == (-2.0, 2)
    one, two = (ModelIdentity(name="m", backend="hf", digest=d) for d in ("a", "b"))
    assert one.key != two.key
    assert one.key == ModelIdentity(name="m", backend="hf", digest="a").key

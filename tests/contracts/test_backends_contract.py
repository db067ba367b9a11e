"""Every back-end: what it claims to do it does, the same way twice, and it lets go of everything when closed."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from lontar import backends
from lontar.backends import (
    BatchGenerator,
    BatchScorer,
    Closing,
    Counter,
    Delta,
    Described,
    Embedder,
    Generation,
    Generator,
    LikelihoodScorer,
    ModelIdentity,
    Sampling,
    TokenScores,
    abilities,
    collect,
    open_backend,
)
from lontar.errors import CapabilityError
from tests.unit.backends.conftest import write_tiny_model

T = TypeVar("T")
PROMPTS = ["Pasar buka jam", "ตลาดเปิด", "ဈေးသည်", "x"]
# Back-ends that need a server are tested against one in tests/unit/backends.
LOCAL = ["echo", "hf"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.fixture(params=LOCAL)
def backend(request: pytest.FixtureRequest, folder: Path) -> Iterator[Any]:
    if request.param == "hf" and not (folder / "config.json").is_file():
        write_tiny_model(folder)
    yield open_backend(request.param, folder)


def does(backend: Any, ask: Callable[[], Awaitable[T]]) -> T:
    async def closing() -> T:
        try:
            return await ask()
        finally:
            await backend.aclose()

    return asyncio.run(closing())


def needs(backend: Any, protocol: type) -> None:
    if not isinstance(backend, protocol):
        pytest.skip(f"cannot {protocol.__name__}")


def test_every_builtin_backend_is_tested_somewhere() -> None:
    builtin = {name for name, entry in backends._BACKENDS.items() if entry.origin == "lontar"}
    assert builtin == {*LOCAL, "openai"}
    assert all(summary for name, summary in backends.all_backends() if name in builtin)


@pytest.mark.parametrize("name", [*LOCAL, "openai"])
def test_options_are_keyword_only_with_defaults(name: str) -> None:
    parameters = list(inspect.signature(backends._entry(name).factory()).parameters.values())
    assert parameters[0].name == "target"
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is not p.empty for p in parameters[1:])


def test_it_says_who_it_is_and_closes(backend: Any) -> None:
    assert isinstance(backend, Described) and isinstance(backend, Closing)
    assert abilities(backend)
    one, two = backend.describe(), backend.describe()
    assert isinstance(one, ModelIdentity) and one == two and one.key == two.key
    assert one.digest or one.url
    asyncio.run(backend.aclose())
    asyncio.run(backend.aclose())


def test_streams(backend: Any) -> None:
    needs(backend, Generator)
    sampling = Sampling(max_tokens=6, temperature=0.8, seed=3)

    async def ask() -> list[list[Delta]]:
        return [[d async for d in backend.stream(prompt, sampling)] for prompt in [*PROMPTS, *PROMPTS]]

    before = threading.active_count()
    streams = does(backend, ask)
    half = len(PROMPTS)
    assert streams[:half] == streams[half:], "same seed, same answer"
    for deltas in streams:
        assert [d.finish_reason for d in deltas[:-1]] == [None] * (len(deltas) - 1), "one end, at the end"
        assert deltas[-1].finish_reason in ("stop", "length")
        assert deltas[-1].usage is not None and deltas[-1].usage.tokens_out <= 6
        assert not any("\ufffd" in d.text for d in deltas)
    assert threading.active_count() <= before


def test_stop_texts_and_limits(backend: Any) -> None:
    needs(backend, Generator)

    async def ask() -> tuple[Generation, Generation, Generation]:
        whole, none = [
            (await collect(backend.stream("abcdef", Sampling(max_tokens=n, seed=1, temperature=1.0))))[0]
            for n in (30, 0)
        ]
        stop = whole.text[1:3]
        sampling = Sampling(max_tokens=30, seed=1, temperature=1.0, stop=(stop,) if stop else ())
        return whole, none, (await collect(backend.stream("abcdef", sampling)))[0]

    whole, none, stopped = does(backend, ask)
    assert (none.text, none.finish_reason) == ("", "length")
    stop = whole.text[1:3]
    assert stopped.text == (whole.text[: whole.text.index(stop)] if stop else whole.text)


def test_several_answers(backend: Any) -> None:
    needs(backend, Generator)
    answers = does(backend, lambda: collect(backend.stream("abc", Sampling(max_tokens=4, n=3))))
    assert len(answers) == 3


def test_likelihoods(backend: Any) -> None:
    needs(backend, LikelihoodScorer)

    async def ask() -> list[TokenScores]:
        return [await backend.score("", text, top=1) for text in [*PROMPTS, *PROMPTS]]

    scores = does(backend, ask)
    half = len(PROMPTS)
    for one, two, text in zip(scores[:half], scores[half:], PROMPTS, strict=True):
        assert one == two
        assert one.logprob < 0 and one.n_tokens > 0
        assert "".join(token.text for token in one.tokens) == text, "the texts of the tokens are the text"
        assert all(len(token.top) == 1 for token in one.tokens)


def test_batches_answer_like_single_requests(backend: Any) -> None:
    needs(backend, BatchGenerator)
    needs(backend, BatchScorer)
    sampling = Sampling(max_tokens=5)

    async def ask() -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        many = await backend.generate_many(PROMPTS, sampling)
        single = [(await collect(backend.stream(prompt, sampling)))[0] for prompt in PROMPTS]
        scored = await backend.score_many([("", prompt) for prompt in PROMPTS])
        alone = [await backend.score("", prompt) for prompt in PROMPTS]
        return many, single, scored, alone

    many, single, scored, alone = does(backend, ask)
    assert many == single
    assert [s.logprob for s in scored] == pytest.approx([s.logprob for s in alone], abs=1e-3)


def test_counting(backend: Any) -> None:
    needs(backend, Counter)
    assert all(backend.count(prompt) > 0 for prompt in PROMPTS)
    assert backend.count((5, 6, 7)) == 3


def test_embeddings(backend: Any) -> None:
    needs(backend, Embedder)
    vectors = does(backend, lambda: backend.embed([*PROMPTS, PROMPTS[0]]))
    assert vectors.shape[0] == 5 and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (vectors[0] == vectors[4]).all() and (vectors[0] != vectors[1]).any()


def test_what_it_cannot_do_is_an_error_with_the_reason(backend: Any) -> None:
    for protocol in (Generator, LikelihoodScorer, Embedder, Counter):
        if not isinstance(backend, protocol):
            with pytest.raises(CapabilityError, match=backend.describe().backend):
                backends.require(backend, protocol)

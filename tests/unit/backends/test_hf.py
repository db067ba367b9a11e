from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lontar.backends import Generation, Sampling, TokenScores, collect, open_backend
from lontar.backends.hf import HuggingFace
from lontar.backends.hf_score import Request, batches
from lontar.core.records import Message
from lontar.errors import BackendError, CapabilityError, DataError
from tests.unit.backends.conftest import CONTEXT, TEXTS, write_tiny_model

torch = pytest.importorskip("torch")
T = TypeVar("T")
CHAT = (Message(role="user", content="Pasar buka jam berapa?"),)


def does(backend: HuggingFace, work: Coroutine[Any, Any, T]) -> T:
    async def closing() -> T:
        try:
            return await work
        finally:
            await backend.aclose()

    return asyncio.run(closing())


@pytest.fixture
def backend(tiny: Path) -> HuggingFace:
    opened: HuggingFace = open_backend("hf", tiny, device="cpu")
    return opened


@pytest.fixture(scope="module")
def reference(tiny: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoModelForCausalLM.from_pretrained(tiny, local_files_only=True)


def greedy_reference(model: Any, ids: list[int], n: int) -> list[int]:
    """Greedy tokens with the whole text read anew at each step: no cache to be wrong."""
    tokens = list(ids)
    with torch.no_grad():
        for _ in range(n):
            logits = model(torch.tensor([tokens])).logits[0, -1, :300]
            tokens.append(int(logits.argmax()))
            if tokens[-1] in (0, 2):
                break
    return tokens[len(ids) :]


def test_greedy_answers_equal_generation_without_a_cache(backend: HuggingFace, reference: Any) -> None:
    async def work() -> list[Generation]:
        return [
            (await collect(backend.stream(prompt, Sampling(max_tokens=20))))[0] for prompt in (TEXTS[1][:8], TEXTS[0])
        ]

    for prompt, answer in zip((TEXTS[1][:8], TEXTS[0]), does(backend, work()), strict=True):
        expected = greedy_reference(reference, list(backend._ids(prompt)), 20)
        assert list(answer.token_ids) == [t for t in expected if t not in (0, 2)]
        assert answer.usage.tokens_in == backend.count(prompt)


def test_a_long_prompt_is_read_in_pieces_without_a_difference(
    backend: HuggingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = does(backend, collect(backend.stream(TEXTS[3], Sampling(max_tokens=8))))
    monkeypatch.setattr("lontar.backends.hf_generate.PREFILL", 7)
    again = HuggingFace(backend._loaded.folder, device="cpu")
    assert does(again, collect(again.stream(TEXTS[3], Sampling(max_tokens=8))))[0].token_ids == whole[0].token_ids


def test_batches_write_what_single_requests_write(backend: HuggingFace) -> None:
    prompts = [*TEXTS, TEXTS[2][:5], "a", CHAT, (5, 6, 7), "x" * 400]
    sampling = Sampling(max_tokens=12)

    async def work() -> tuple[list[Generation | Exception], list[Any]]:
        many = await backend.generate_many(prompts, sampling)
        single = [(await collect(backend.stream(p, sampling)))[0] for p in prompts[:-1]]
        return many, single

    many, single = does(backend, work())
    assert isinstance(many[-1], DataError), "a prompt that does not fit is an error in its place"
    assert many[:-1] == single


def test_text_never_holds_half_characters(backend: HuggingFace) -> None:
    async def work() -> list[str]:
        sampling = Sampling(max_tokens=100, temperature=1.5, seed=4)
        return [delta.text async for delta in backend.stream("", sampling)]

    shown = does(backend, work())
    assert "\ufffd" not in "".join(shown)
    assert sum(1 for part in shown if not part) > 5, "an untrained model writes half characters, which are held back"


def test_seeds_and_several_answers(backend: HuggingFace) -> None:
    async def work() -> list[list[Generation]]:
        seeds = (7, 7, 8)
        return [
            await collect(backend.stream("Pasar", Sampling(max_tokens=12, temperature=1.0, seed=s, n=2))) for s in seeds
        ]

    one, again, other = does(backend, work())
    assert one == again != other
    assert one[0].token_ids != one[1].token_ids


def test_stop_texts_end_the_answer_and_are_not_in_it(backend: HuggingFace) -> None:
    async def work() -> tuple[str, list[Generation]]:
        whole = (await collect(backend.stream("Pasar", Sampling(max_tokens=60, temperature=1.0, seed=1))))[0].text
        stop = whole[3:5]
        return whole, await collect(
            backend.stream("Pasar", Sampling(max_tokens=60, temperature=1.0, seed=1, stop=(stop,)))
        )

    whole, (stopped,) = does(backend, work())
    assert stopped.text == whole[: whole.index(whole[3:5])]
    assert stopped.finish_reason == "stop"


def test_lengths(backend: HuggingFace) -> None:
    async def work() -> None:
        none = (await collect(backend.stream("a", Sampling(max_tokens=0))))[0]
        assert (none.text, none.finish_reason, none.usage.tokens_out) == ("", "length", 0)
        exact = (CONTEXT - backend.count("a"),)[0]
        assert (await collect(backend.stream("a", Sampling(max_tokens=exact))))[0].usage.tokens_out <= exact
        with pytest.raises(DataError, match=rf"prompt has \d+ tokens and the answer may have {exact + 1}"):
            await collect(backend.stream("a", Sampling(max_tokens=exact + 1)))
        with pytest.raises(DataError, match=f"context holds {CONTEXT}"):
            await collect(backend.stream("z" * (CONTEXT + 1), Sampling(max_tokens=1)))
        with pytest.raises(DataError, match="outside the vocabulary"):
            await collect(backend.stream((5, 100_000), Sampling(max_tokens=1)))
        assert (await collect(backend.stream("a", Sampling())))[0].usage.tokens_out <= exact

    does(backend, work())


def test_likelihoods_equal_a_plain_forward_pass(backend: HuggingFace, reference: Any) -> None:
    whole = [0, *backend._ids(TEXTS[1])]
    with torch.no_grad():
        logprobs = reference(torch.tensor([whole])).logits[0].log_softmax(-1)
    expected = [float(logprobs[i, token]) for i, token in enumerate(whole[1:])]

    scores = does(backend, backend.score("", TEXTS[1], top=2))
    assert [t.logprob for t in scores.tokens] == pytest.approx(expected, abs=1e-4)
    assert "".join(t.text for t in scores.tokens) == TEXTS[1]
    assert all(len(t.top) == 2 and t.top[0][1] >= t.logprob - 1e-6 for t in scores.tokens)
    assert scores.logprob == pytest.approx(sum(expected), abs=1e-3)


def test_a_text_is_as_likely_as_its_parts(backend: HuggingFace) -> None:
    async def work() -> list[float]:
        ids = tuple(backend._loaded.tokenizer.encode(" opens").ids)
        head = (0, *backend._ids("The market"))
        scores = [
            await backend.score("", "The market opens"),
            await backend.score("", "The market"),
            await backend.score("The market", " opens"),
            await backend.score(head, ids),
            await backend.score(head, " opens"),
        ]
        return [score.logprob for score in scores]

    whole, head, tail, by_ids, mixed = does(backend, work())
    assert whole == pytest.approx(head + tail, abs=1e-4)
    assert tail == pytest.approx(by_ids, abs=1e-4) == pytest.approx(mixed, abs=1e-4)


def test_score_many_equals_score(backend: HuggingFace) -> None:
    pairs: list[Any] = [("", text) for text in TEXTS] + [(TEXTS[0], " Yes."), (CHAT, "jam tujuh"), ("", "y" * 500)]

    async def work() -> tuple[list[TokenScores | Exception], list[TokenScores]]:
        return await backend.score_many(pairs), [await backend.score(*pair) for pair in pairs[:-1]]

    many, single = does(backend, work())
    assert isinstance(many[-1], DataError)
    for one, other in zip(many, single, strict=False):
        assert isinstance(one, TokenScores)
        assert one.logprob == pytest.approx(other.logprob, abs=1e-3)
        assert [t.id for t in one.tokens] == [t.id for t in other.tokens]


def test_wide_logits_are_cut_into_columns_without_a_difference(
    backend: HuggingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> tuple[TokenScores, TokenScores]:
        whole = await backend.score("", TEXTS[2])
        monkeypatch.setattr("lontar.backends.hf_score.LOGITS_BYTES", 4 * 304 * 5)
        return whole, await backend.score("", TEXTS[2])

    whole, cut = does(backend, work())
    assert [t.logprob for t in cut.tokens] == pytest.approx([t.logprob for t in whole.tokens], abs=1e-4)


def test_empty_continuations(backend: HuggingFace) -> None:
    scores = does(backend, backend.score("abc", ""))
    assert (scores.tokens, scores.logprob) == ((), 0.0)


def test_batches_depend_on_lengths_alone() -> None:
    requests = [Request(tuple(range(n)), 1) for n in (5, 300, 4, 299, 6, 2)]
    found = batches(requests, max_tokens=600)
    assert found == [[5, 2, 0, 4], [3, 1]]
    assert all(len(rows) * max(len(requests[i].ids) for i in rows) <= 600 for rows in found)
    assert batches([]) == []


def test_normalization_is_the_models_own(backend: HuggingFace) -> None:
    assert backend._ids("cafe\u0301") == backend._ids("caf\u00e9")
    assert backend.count("\ud800") > 0, "a lone surrogate is no reason to fail"


def test_the_space_before_a_continuation_is_part_of_it(backend: HuggingFace) -> None:
    # The model's normalization strips lines; what is cut in two is still one text.
    async def work() -> list[str]:
        prompts: list[Any] = ["The market", CHAT, backend._ids("The market")]
        return ["".join(t.text for t in (await backend.score(p, " opens at seven")).tokens) for p in prompts]

    assert does(backend, work()) == [" opens at seven"] * 3


def test_a_chat_needs_a_template(tiny: Path, tmp_path: Path) -> None:
    base = HuggingFace(write_tiny_model(tmp_path / "base", template=False), device="cpu")
    with pytest.raises(CapabilityError, match="no chat template"):
        does(base, collect(base.stream(CHAT, Sampling(max_tokens=1))))
    chat = HuggingFace(tiny, device="cpu")
    assert chat.count(CHAT) > chat.count(CHAT[0].content)
    assert does(chat, collect(chat.stream(CHAT, Sampling(max_tokens=3))))[0].usage.tokens_out > 0


def test_the_event_loop_is_free_and_answers_take_turns(backend: HuggingFace) -> None:
    order: list[str] = []
    ticks = 0

    async def answer(name: str) -> None:
        async for _ in backend.stream(name, Sampling(max_tokens=30, temperature=1.0, seed=3)):
            order.append(name)

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async def work() -> None:
        ticking = asyncio.create_task(tick())
        await asyncio.gather(answer("a"), answer("b"))
        ticking.cancel()

    does(backend, work())
    changes = sum(x != y for x, y in itertools.pairwise(order))
    assert changes > 8
    assert ticks > 8


def test_a_client_that_leaves_ends_its_work(backend: HuggingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = 0
    forward = backend._engine.model.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal runs
        runs += 1
        time.sleep(0.005)
        return forward(*args, **kwargs)

    monkeypatch.setattr(backend._engine.model, "forward", counted)

    async def work() -> None:
        async with aclosing(backend.stream("a", Sampling(max_tokens=100, temperature=1.0, seed=2))) as stream:  # type: ignore[type-var]
            async for _ in stream:
                break
        await asyncio.sleep(0.05)
        done = runs
        await asyncio.sleep(0.1)
        assert runs == done < 60

    does(backend, work())


def test_closing_ends_the_thread_and_later_requests_fail(backend: HuggingFace) -> None:
    does(backend, collect(backend.stream("a", Sampling(max_tokens=1))))
    assert not [t for t in threading.enumerate() if t.name.startswith("hf ") and t is backend._worker._thread]
    with pytest.raises(BackendError, match="closed"):
        asyncio.run(collect(backend.stream("a", Sampling(max_tokens=1))))
    asyncio.run(backend.aclose())


def test_a_failing_model_is_an_error_and_not_a_hang(backend: HuggingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(backend._engine.model, "forward", breaks)
    with pytest.raises(BackendError, match="out of memory") as caught:
        does(backend, collect(backend.stream("a", Sampling(max_tokens=1))))
    assert caught.value.hint is not None and "smaller" in caught.value.hint


def test_logprobs_of_an_answer(backend: HuggingFace) -> None:
    answer = does(backend, collect(backend.stream("Pasar", Sampling(max_tokens=10, logprobs=3))))[0]
    assert len(answer.logprobs) == len(answer.token_ids)
    assert "".join(t.text for t in answer.logprobs) == answer.text
    for token in answer.logprobs:
        assert len(token.top) == 3
        assert token.logprob == pytest.approx(token.top[0][1]), "greedy: the chosen one is the likeliest"


def test_identity_follows_the_files(backend: HuggingFace, tmp_path: Path) -> None:
    other = HuggingFace(write_tiny_model(tmp_path / "tiny", seed=1), device="cpu")
    same = HuggingFace(backend._loaded.folder, device="cpu")
    assert backend.describe() == same.describe()
    assert backend.describe().digest != other.describe().digest
    assert backend.describe().facts["context_length"] == CONTEXT


@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gemma3"])
def test_batches_and_columns_make_no_difference_in_any_architecture(
    architecture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lontar.models.tiny import make_model
    from lontar.models.vocab import train_bpe

    folder = tmp_path / architecture
    folder.mkdir()
    make_model(folder, "nano", architecture, tokenizer=train_bpe(TEXTS, 300), seed=1)
    opened = HuggingFace(folder, device="cpu")
    # Longer than the sliding window of the tiny Gemma.
    prompts = ["Pasar", TEXTS[2], " ".join(TEXTS * 2)]

    async def work() -> tuple[list[Any], list[Any], list[TokenScores]]:
        many = await opened.generate_many(prompts, Sampling(max_tokens=8))
        single = [(await collect(opened.stream(p, Sampling(max_tokens=8))))[0] for p in prompts]
        whole = await opened.score("", prompts[2])
        monkeypatch.setattr("lontar.backends.hf_score.LOGITS_BYTES", 4 * 300 * 50)
        return many, single, [whole, await opened.score("", prompts[2])]

    many, single, (whole, cut) = does(opened, work())
    assert [a.token_ids for a in many] == [a.token_ids for a in single]
    assert [t.logprob for t in cut.tokens] == pytest.approx([t.logprob for t in whole.tokens], abs=1e-4)

"""One model behind a queue: answers are kept, several come at once where the server gives them, stalls are retried."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lontar.backends import Generation, Prompt
from lontar.backends.base import Delta, ModelIdentity, Sampling, TokenLogprob, TokenScores, Usage, prompt_text
from lontar.backends.cache import Cache
from lontar.backends.drive import Driver, Failed, Policy
from lontar.core.records import Message
from lontar.errors import BackendError, DataError, UnavailableError
from lontar.eval import voice as voices
from lontar.eval.voice import IMPOSSIBLE, Pulse, Reply, Voice, likelihood_of
from lontar.scoring import Likelihood


async def no_sleep(seconds: float) -> None:
    """Time passes at once."""
    await asyncio.sleep(0)


class Talker:
    """Says what a function of prompt and settings says: a text, pieces, or an error."""

    def __init__(self, answer: Callable[[Any, Sampling], Any], name: str = "talker") -> None:
        self.answer, self.name = answer, name
        self.asked: list[tuple[Any, Sampling]] = []

    @property
    def texts(self) -> list[str]:
        """What was asked."""
        return [prompt_text(prompt) for prompt, _ in self.asked]

    async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        self.asked.append((prompt, sampling))
        said = self.answer(prompt, sampling)
        await asyncio.sleep(0)
        if isinstance(said, BaseException):
            raise said
        if not isinstance(said, str):
            for piece in said:
                yield piece
            return
        for char in said:
            yield Delta(char)
        yield Delta(finish_reason="stop", usage=Usage(3, len(said)))

    def describe(self) -> ModelIdentity:
        return ModelIdentity(name=self.name, backend="talker")


class Batcher(Talker):
    """The same for many prompts at once; it has likelihoods, too."""

    async def generate_many(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[Generation | Exception]:
        found: list[Generation | Exception] = []
        for prompt in prompts:
            self.asked.append((prompt, sampling))
            said = self.answer(prompt, sampling)
            found.append(Generation(said, usage=Usage(3, len(said))) if isinstance(said, str) else said)
        return found

    async def score_many(self, pairs: Sequence[tuple[Prompt, Any]], /) -> list[TokenScores | Exception]:
        return [scores_of(text) for _, text in pairs]


def scores_of(text: str, each: float = -1.0) -> TokenScores:
    return TokenScores(tuple(TokenLogprob(0, char, each) for char in text))


def speaking(backend: Any, cache: Path | None = None, **policy: Any) -> Voice:
    driver = Driver(Policy(**{"sleep": no_sleep, "retries": 2, **policy}))
    return Voice(backend, driver, None if cache is None else Cache(cache))


def three(**more: Any) -> list[Sampling]:
    return [Sampling(max_tokens=9, temperature=1.0, seed=seed, **more) for seed in (5, 6, 7)]


def several(prompt: Any, sampling: Sampling) -> list[Delta]:
    """As a server: the usage is that of all answers."""
    return [Delta(f"{i}", index=i, finish_reason="stop", usage=Usage(4, 7)) for i in range(sampling.n)]


def texts_of(replies: Sequence[Reply | Failed]) -> list[str]:
    return [reply.text if isinstance(reply, Reply) else f"! {reply.reason}" for reply in replies]


# --- several answers of one request


def test_one_request_gives_the_answers_of_all_runs(tmp_path: Path) -> None:
    backend = Talker(several)
    voice = speaking(backend, tmp_path / "c.jsonl")
    found = asyncio.run(voice.replies("q", three()))
    assert texts_of(found) == ["0", "1", "2"]
    assert [(s.n, s.seed) for _, s in backend.asked] == [(3, 5)]
    assert [r.tokens_in for r in found if isinstance(r, Reply)] == [4, 0, 0], "the prompt was read once"
    assert [r.tokens_out for r in found if isinstance(r, Reply)] == [3, 2, 2]
    assert asyncio.run(speaking(backend, tmp_path / "c.jsonl").replies("q", three())) == found
    assert len(backend.asked) == 1


def test_a_server_that_ignores_n_is_asked_once_per_seed(tmp_path: Path) -> None:
    backend = Talker(lambda prompt, s: f"{s.seed}")
    voice = speaking(backend, tmp_path / "c.jsonl")
    assert texts_of(asyncio.run(voice.replies("q", three()))) == ["5", "6", "7"]
    assert [(s.n, s.seed) for _, s in backend.asked] == [(3, 5), (1, 6), (1, 7)]
    assert texts_of(asyncio.run(voice.replies("r", three()))) == ["5", "6", "7"]
    assert [(s.n, s.seed) for _, s in backend.asked[3:]] == [(1, 5), (1, 6), (1, 7)], "asked for several once"
    n = len(backend.asked)
    for order in (("q", "r"), ("r", "q")):
        again = speaking(backend, tmp_path / "c.jsonl")
        for prompt in order:
            assert texts_of(asyncio.run(again.replies(prompt, three()))) == ["5", "6", "7"]
    assert len(backend.asked) == n, "nothing answered is asked again, in whatever form and order"


def test_answers_that_came_together_are_used_when_the_server_is_known_not_to_give_several(tmp_path: Path) -> None:
    backend = Talker(several)
    asyncio.run(speaking(backend, tmp_path / "c.jsonl").replies("q", three()))
    again = speaking(backend, tmp_path / "c.jsonl")
    again._alone = True
    assert texts_of(asyncio.run(again.replies("q", three()))) == ["0", "1", "2"]
    assert len(backend.asked) == 1


def test_a_server_that_refuses_n_costs_no_failure() -> None:
    backend = Talker(lambda prompt, s: DataError("n must be 1") if s.n > 1 else "yes")
    voice = speaking(backend, max_failures=0)
    assert texts_of(asyncio.run(voice.replies("q", three()))) == ["yes"] * 3
    assert voice.driver.failures == []


def test_a_server_out_of_reach_is_not_asked_again_for_each_run() -> None:
    backend = Talker(lambda prompt, s: UnavailableError("down"))
    voice = speaking(backend)
    assert texts_of(asyncio.run(voice.replies("q", three()))) == ["! down"] * 3
    assert len(backend.asked) == 3 and not voice._alone, "three attempts at one request"
    assert voice.driver.failures == ["down"]


# --- up to a text


@pytest.mark.parametrize(
    ("pieces", "tokens"), [(["a So", ": b"], 2), (["a So: b"], 1), ([*"a So: b"], 5), (["a S", "", "o", ":"], 4)]
)
def test_a_text_ends_the_answer_and_stays_in_it(pieces: list[str], tokens: int) -> None:
    backend = Talker(lambda *_: [Delta(piece) for piece in pieces] + [Delta(finish_reason="length")])
    (reply,) = asyncio.run(speaking(backend).replies("q", [Sampling()], until="So:"))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.matched, reply.finish) == ("a So:", "So:", "stop")
    assert reply.tokens_out == tokens


def test_looking_for_a_text_takes_linear_time() -> None:
    backend = Talker(lambda *_: [Delta("ก" * 100) for _ in range(20_000)])
    (reply,) = asyncio.run(speaking(backend).replies("q", [Sampling()], until="So:"))
    assert isinstance(reply, Reply) and len(reply.text) == 2_000_000 and reply.matched == ""


# --- what goes wrong


def test_an_answer_that_ends_before_it_begins_is_asked_again_and_never_kept(tmp_path: Path) -> None:
    left = [[], "yes"]
    voice = speaking(Talker(lambda *_: left.pop(0)), tmp_path / "c.jsonl")
    assert texts_of(asyncio.run(voice.replies("q", [Sampling()]))) == ["yes"]
    empty = speaking(Talker(lambda *_: [], name="mute"), tmp_path / "c.jsonl")
    assert texts_of(asyncio.run(empty.replies("q", [Sampling()]))) == [
        "! the server has ended its answer before it began"
    ]
    assert len(Cache(tmp_path / "c.jsonl")) == 1


def test_a_timeout_of_the_back_ends_own_is_a_failure_with_a_reason() -> None:
    voice = speaking(Talker(lambda *_: TimeoutError("socket")))
    assert texts_of(asyncio.run(voice.replies("q", [Sampling()]))) == ["! socket"]


def test_what_befalls_all_requests_is_raised() -> None:
    with pytest.raises(BackendError, match="no key"):
        asyncio.run(speaking(Talker(lambda *_: BackendError("no key"))).replies("q", [Sampling()]))


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "", "ก" * 3_000_000])
def test_any_text_is_kept_and_comes_back_the_same(tmp_path: Path, text: str) -> None:
    backend = Talker(lambda *_: [Delta(text, finish_reason="stop", thinking=text)])
    first = asyncio.run(speaking(backend, tmp_path / "c.jsonl").replies("q", [Sampling()]))
    again = asyncio.run(speaking(backend, tmp_path / "c.jsonl").replies("q", [Sampling()]))
    assert first == again and len(backend.asked) == 1
    assert isinstance(first[0], Reply)
    first[0].text.encode("utf-8")
    assert first[0].text == (text if text != "\ud800" else "\\ud800") == first[0].thinking


def test_models_do_not_get_the_answers_of_others(tmp_path: Path) -> None:
    for name in ("one", "two"):
        found = asyncio.run(
            speaking(Talker(lambda *_, name=name: name, name), tmp_path / "c.jsonl").replies("q", [Sampling()])
        )
        assert texts_of(found) == [name]


# --- stalls


def test_a_stream_that_stalls_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "LEAST_SILENCE_S", 0.02)
    monkeypatch.setattr(voices, "ANSWERS_TO_LEARN_FROM", 2)
    closed: list[int] = []

    class Stalling(Talker):
        async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
            self.asked.append((prompt, sampling))
            number = len(self.asked)
            try:
                yield Delta("a")
                if number == 3:
                    await asyncio.sleep(30)
                yield Delta("b", finish_reason="stop")
            finally:
                closed.append(number)

    backend = Stalling(lambda *_: "")
    voice = speaking(backend)

    async def work() -> list[str]:
        return [texts_of(await voice.replies(f"q{i}", [Sampling()]))[0] for i in range(3)]

    assert asyncio.run(work()) == ["ab"] * 3
    assert backend.texts == ["q0", "q1", "q2", "q2"] and closed == [1, 2, 3, 4], "the stalled request was let go"
    assert voice.driver.retries == 1


def test_the_longest_silence_to_bear_grows_with_what_was_seen_and_with_attempts() -> None:
    pulse = Pulse()
    assert pulse.limit(0) is None
    for _ in range(20):
        pulse.saw(3.0)
    assert (pulse.limit(0), pulse.limit(2)) == (30.0, 120.0)
    assert Pulse(0.001, 20).limit(0) == 10.0


# --- many at once


def test_replies_of_a_batch_are_kept_together(tmp_path: Path) -> None:
    backend = Batcher(lambda prompt, s: f"{prompt}!")
    found = asyncio.run(speaking(backend, tmp_path / "c.jsonl").many(["a", "b"], Sampling()))
    assert asyncio.run(speaking(backend, tmp_path / "c.jsonl").many(["a", "b"], Sampling())) == found
    assert texts_of(found) == ["a!", "b!"] and len(backend.asked) == 2


def test_a_batch_of_which_one_failed_is_not_kept(tmp_path: Path) -> None:
    backend = Batcher(lambda prompt, s: UnavailableError("gone") if prompt == "b" else "yes")
    voice = speaking(backend, tmp_path / "c.jsonl")
    found = asyncio.run(voice.many(["a", "b"], Sampling()))
    assert texts_of(found) == ["yes", "! gone"] and voice.driver.failures == ["gone"]
    assert isinstance(found[1], Failed) and found[1].unavailable
    assert len(Cache(tmp_path / "c.jsonl")) == 0


# --- likelihoods


def test_what_is_given_does_not_count() -> None:
    assert likelihood_of(scores_of("So: x"), behind=3) == Likelihood(logprob=-2.0, n_tokens=2)
    assert likelihood_of(scores_of("abc")).n_tokens == 3


def test_a_probability_of_zero_is_a_number_and_no_number_is_a_failure() -> None:
    assert likelihood_of(scores_of("a", -math.inf)).logprob == IMPOSSIBLE
    assert math.exp(IMPOSSIBLE) == 0
    for bad in (math.nan, math.inf):
        with pytest.raises(DataError, match="no number"):
            likelihood_of(scores_of("a", bad))
    with pytest.raises(DataError, match="no likelihood of the text"):
        likelihood_of(scores_of("ab"), behind=2)


def test_a_bad_likelihood_fails_alone(tmp_path: Path) -> None:
    class Odd(Batcher):
        async def score_many(self, pairs: Any, /) -> list[TokenScores | Exception]:
            return [scores_of("a", math.nan), scores_of("a"), DataError("too long")]

    voice = speaking(Odd(lambda *_: ""), tmp_path / "c.jsonl")
    pair = ((Message(role="user", content="q"),), "a")
    bad, good, refused = asyncio.run(voice.likelihoods([pair] * 3))
    assert isinstance(bad, Failed) and isinstance(refused, Failed) and good == Likelihood(logprob=-1.0, n_tokens=1)

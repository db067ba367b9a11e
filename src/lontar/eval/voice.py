"""One model as an evaluation speaks with it: a back-end, a queue that adapts, and a file of what was answered.

An answer is on disk before it is used, under the hash of prompt, settings and model identity: a run that was killed
asks again only what was under way.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from lontar.backends import BatchGenerator, BatchScorer, Described, Generation, Generator, LikelihoodScorer, Prompt
from lontar.backends.base import Delta, Sampling, TokenScores, Usage, collect, prompt_json, require
from lontar.backends.cache import Cache, cache_key
from lontar.backends.drive import Driver, Failed
from lontar.core.config import JsonObject, JsonValue
from lontar.errors import DataError, UnavailableError
from lontar.scoring import Likelihood

# In place of minus infinity, which JSON cannot hold: the logarithm of a probability that is 0 to any float.
IMPOSSIBLE = -1e9
# A server that has sent nothing for ten times its longest silence so far, and for this long, is taken to have stalled.
SILENCE_FACTOR, LEAST_SILENCE_S, ANSWERS_TO_LEARN_FROM = 10.0, 10.0, 20


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and what it took."""

    text: str
    thinking: str = ""
    finish: str = "stop"
    matched: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_thinking: int = 0
    seconds: float = 0.0


@dataclass
class Pulse:
    """How long a server is silent between two pieces of an answer; tells a stall from a slow answer."""

    longest_s: float = 0.0
    answers: int = 0

    def limit(self, attempt: int) -> float | None:
        """Longest silence to bear, twice as long with each further attempt; None while too little is known."""
        if self.answers < ANSWERS_TO_LEARN_FROM:
            return None
        return float(max(LEAST_SILENCE_S, SILENCE_FACTOR * self.longest_s) * 2**attempt)

    def saw(self, silence_s: float) -> None:
        """An answer is complete; this was its longest silence."""
        self.answers += 1
        self.longest_s = max(self.longest_s, silence_s)


@dataclass
class Voice:
    """A back-end that is asked through one queue."""

    backend: Any
    driver: Driver = field(default_factory=Driver)
    cache: Cache | None = None
    timed: bool = False
    """whether replies carry seconds; those of a local model do not, so that equal runs give equal files"""
    pulse: Pulse = field(default_factory=Pulse)
    tokens_in: int = 0
    """read for answers that were not kept from before"""
    tokens_out: int = 0
    _alone: bool = False
    """the server has refused, or ignored, to give several answers to one request"""

    @property
    def batches(self) -> bool:
        """Whether it answers many prompts at once."""
        return isinstance(self.backend, BatchGenerator)

    @property
    def scores_batches(self) -> bool:
        """Whether it tells many likelihoods at once."""
        return isinstance(self.backend, BatchScorer)

    def key(self, request: JsonValue) -> str:
        """Under which the answer to a request is kept."""
        return cache_key(require(self.backend, Described).describe(), request)

    # --- answers

    async def many(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Reply | Failed]:
        """One reply per prompt, all at once; they are kept together, since results may depend on the company."""
        key = ""
        if self.cache is not None:
            asked: JsonValue = [prompt_json(prompt) for prompt in prompts]
            key = self.key({"prompts": asked, "sampling": sampling.model_dump(mode="json")})
            known = self.cache.get(key)
            if isinstance(known, list):
                return [Reply(**cast(Any, row)) for row in known]
        found = await cast(BatchGenerator, self.backend).generate_many(prompts, sampling)
        replies = [_failure(item) if isinstance(item, Exception) else _reply(item) for item in found]
        self._spent(reply for reply in replies if isinstance(reply, Reply))
        if self.cache is not None and not any(isinstance(reply, Failed) for reply in replies):
            self.cache.put(key, [_row(reply) for reply in replies if isinstance(reply, Reply)])
        for reply in replies:
            self.driver.count(reply)
        return replies

    async def replies(self, prompt: Prompt, samplings: Sequence[Sampling], until: str = "") -> list[Reply | Failed]:
        """Replies to one prompt, one for each sampling; one request for all where the server can do that.

        Args:
            prompt: chat or text.
            samplings: they differ in their seed only.
            until: a text that ends the answer and stays part of it.
        """
        found: list[Reply | Failed] = []
        if len(samplings) > 1 and not until:
            found += await self._several(prompt, samplings)
        return found + [await self._one(prompt, sampling, until) for sampling in samplings[len(found) :]]

    async def _several(self, prompt: Prompt, samplings: Sequence[Sampling]) -> list[Reply | Failed]:
        """Replies of one request; fewer, or none, where the server does not give several."""
        sampling = samplings[0].model_copy(update={"n": len(samplings)})
        request = _request(prompt, sampling)
        # What was answered before is used in the form that it was asked in, whatever is known of the server by now.
        if self._kept_before(request) is None and (self._alone or self._kept_before(_request(prompt, samplings[0]))):
            return []
        rows = await self._kept(request, lambda attempt: self._stream(prompt, sampling, "", attempt), counted=False)
        if isinstance(rows, Failed):
            if rows.unavailable:
                self.driver.count(rows)
                return [rows] * sampling.n
            self._alone = True
            return []
        self._alone = self._alone or len(rows) < sampling.n
        return list(rows[: sampling.n])

    async def _one(self, prompt: Prompt, sampling: Sampling, until: str) -> Reply | Failed:
        request = _request(prompt, sampling, until)
        rows = await self._kept(request, lambda attempt: self._stream(prompt, sampling, until, attempt))
        return rows if isinstance(rows, Failed) else rows[0]

    def _kept_before(self, request: JsonValue) -> list[Reply] | None:
        known = self.cache.get(self.key(request)) if self.cache is not None else None
        return [Reply(**cast(Any, row)) for row in known] if isinstance(known, list) and known else None

    async def _kept(
        self,
        request: JsonValue,
        fresh: Callable[[int], Awaitable[list[Reply]]],
        *,
        counted: bool = True,
    ) -> list[Reply] | Failed:
        if known := self._kept_before(request):
            return known
        rows = await (self.driver.call(fresh) if counted else self.driver.attempted(fresh))
        if self.cache is not None and isinstance(rows, list):
            self.cache.put(self.key(request), [_row(row) for row in rows])
        return rows

    async def _stream(self, prompt: Prompt, sampling: Sampling, until: str, attempt: int) -> list[Reply]:
        generator, begin = require(self.backend, Generator), time.monotonic()
        watched = _watched(generator.stream(prompt, sampling), self.pulse, attempt, until)
        async with aclosing(cast(Any, watched)) as stream:
            answers = await collect(stream)
        if not answers:
            raise UnavailableError("the server has ended its answer before it began")
        seconds = round(time.monotonic() - begin, 3) if self.timed else 0.0
        replies = [_reply(answer, seconds, share=len(answers), first=i == 0) for i, answer in enumerate(answers)]
        self._spent(replies)
        return replies

    def _spent(self, replies: Iterable[Reply]) -> None:
        for reply in replies:
            self.tokens_in += reply.tokens_in
            self.tokens_out += reply.tokens_out

    # --- likelihoods

    async def likelihoods(self, pairs: Sequence[tuple[Prompt, str]]) -> list[Likelihood | Failed]:
        """One per pair of a prompt and what follows it, all at once."""
        key = ""
        if self.cache is not None:
            key = self.key({"pairs": [[prompt_json(prompt), text] for prompt, text in pairs]})
            known = self.cache.get(key)
            if isinstance(known, list):
                return [Likelihood.model_validate(row) for row in known]
        found = await cast(BatchScorer, self.backend).score_many(pairs)
        rows = [_likelihood(item) for item in found]
        if self.cache is not None and not any(isinstance(row, Failed) for row in rows):
            self.cache.put(key, [cast(Likelihood, row).model_dump(mode="json") for row in rows])
        return rows

    async def scores(self, prompt: Prompt, text: str, behind: int = 0) -> Likelihood | Failed:
        """How likely `text` is after the prompt; its first `behind` characters are given and do not count."""
        request: JsonObject = {"prompt": prompt_json(prompt), "continuation": text}
        if behind:
            request["behind"] = behind
        key = self.key(request) if self.cache is not None else ""
        known = self.cache.get(key) if self.cache is not None else None
        if isinstance(known, dict):
            return Likelihood.model_validate(known)
        scorer = require(self.backend, LikelihoodScorer)

        async def fresh(attempt: int) -> Likelihood:
            return likelihood_of(await scorer.score(prompt, text), behind)

        row = await self.driver.attempted(fresh)
        if self.cache is not None and isinstance(row, Likelihood):
            self.cache.put(key, row.model_dump(mode="json"))
        return row


async def _watched(stream: Any, pulse: Pulse, attempt: int, until: str) -> AsyncIterator[Delta]:
    """The pieces of a stream; UnavailableError when it stalls, and the end of it once `until` was written."""
    limit, longest, tail, pieces_seen = pulse.limit(attempt), 0.0, "", 0
    async with aclosing(stream) as pieces:
        begin = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(limit) as clock:
                    piece = await anext(pieces)
            except StopAsyncIteration:
                break
            except TimeoutError as err:
                if limit is None or not clock.expired():
                    raise  # of the back-end's own
                raise UnavailableError(f"the server has sent nothing for {limit:.0f} s") from err
            longest, begin = max(longest, time.monotonic() - begin), time.monotonic()
            if until:
                text, pieces_seen = tail + piece.text, pieces_seen + 1
                if (end := text.find(until)) >= 0:
                    over = len(text) - end - len(until)
                    kept = piece.text[: len(piece.text) - over]
                    # The server tells its count at the end only, which we do not wait for: a piece is mostly a token.
                    used = piece.usage or Usage(0, pieces_seen)
                    yield Delta(kept, finish_reason="stop", usage=used, thinking=piece.thinking, matched=until)
                    break
                tail = text[len(text) - len(until) + 1 :] if len(text) >= len(until) else text
            yield piece
    pulse.saw(longest)


def likelihood_of(scores: TokenScores, behind: int = 0) -> Likelihood:
    """The sum over the tokens that end behind the first `behind` characters.

    Raises:
        DataError: there is no such token, or the sum is no number.
    """
    tokens, at = [], 0
    for token in scores.tokens:
        at += len(token.text)
        if at > behind or not behind:
            tokens.append(token)
    if behind and not tokens:
        raise DataError("the back-end gave no likelihood of the text that was asked for")
    logprob = max(float(sum(t.logprob for t in tokens)), IMPOSSIBLE)
    if not math.isfinite(logprob):
        raise DataError(f"the back-end gave a likelihood that is no number: {logprob}")
    return Likelihood(logprob=logprob, n_tokens=len(tokens), greedy=scores.greedy)


def _likelihood(item: TokenScores | Exception) -> Likelihood | Failed:
    try:
        return _failure(item) if isinstance(item, Exception) else likelihood_of(item)
    except DataError as err:
        return _failure(err)


def _request(prompt: Prompt, sampling: Sampling, until: str = "") -> JsonObject:
    request: JsonObject = {"prompt": prompt_json(prompt), "sampling": sampling.model_dump(mode="json")}
    return {**request, "until": until} if until else request


def _reply(answer: Generation, seconds: float = 0.0, *, share: int = 1, first: bool = True) -> Reply:
    used = answer.usage
    # Tokens of a request with several answers are told together: the prompt is counted once, the rest in equal parts.
    out, thought = (_part(total, share, first) for total in (used.tokens_out, used.tokens_thinking))
    return Reply(
        text=storable(answer.text),
        thinking=storable(answer.thinking),
        finish=answer.finish_reason,
        matched=answer.matched,
        tokens_in=used.tokens_in if first else 0,
        tokens_out=out,
        tokens_thinking=thought,
        seconds=seconds if first else 0.0,
    )


def _part(total: int, share: int, first: bool) -> int:
    return total // share + (total % share if first else 0)


def storable(text: str) -> str:
    """A text that UTF-8 can hold: half of a surrogate pair is written out as an escape."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def _row(reply: Reply) -> JsonObject:
    default = Reply("")
    names = (name for name in Reply.__slots__ if getattr(reply, name) != getattr(default, name))
    return {"text": reply.text, **{name: getattr(reply, name) for name in names}}


def _failure(error: Exception) -> Failed:
    """A failure of one request as a value; whatever would befall every request is raised."""
    if isinstance(error, DataError | UnavailableError):
        return Failed(str(error), unavailable=isinstance(error, UnavailableError))
    raise error

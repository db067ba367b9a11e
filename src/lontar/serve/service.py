"""One model behind the HTTP interface: what it is called, what it can take, and its answers as streams of pieces.

Both endpoints are streams of `Delta` inside; a whole answer is a stream that was gathered. Nothing is shortened to fit:
a prompt that is too long is an error.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lontar.backends.base import (
    Counter,
    Delta,
    Described,
    Generator,
    LikelihoodScorer,
    Prompt,
    Sampling,
    TokenIds,
    TokenLogprob,
    Usage,
    require,
)
from lontar.core.config import nearest
from lontar.core.records import Message, Messages
from lontar.errors import BackendError, CapabilityError, DataError, UnavailableError
from lontar.serve.gate import Gate
from lontar.serve.schema import ChatRequest, CompletionRequest, RequestError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes on."""

    body_bytes: int = 4 << 20
    running: int = 8
    """requests that generate at once"""
    waiting: int = 64
    """requests that may wait; more are told to come back"""
    timeout_s: float = 600.0
    """longest time for one request, waiting included"""


class Service:
    """A back-end under the name clients ask for."""

    def __init__(self, backend: object, name: str, limits: Limits, context_length: int | None = None) -> None:
        self.backend = require(backend, Generator)
        self.identity = require(backend, Described).describe()
        self.name, self.limits = name, limits
        self.gate = Gate(limits.running, limits.waiting)
        found = context_length or self.identity.facts.get("context_length")
        self.context_length = found if isinstance(found, int) else None

    @property
    def fingerprint(self) -> str:
        """Short name of what answers: changes when the model does."""
        return f"lontar-{(self.identity.digest or self.identity.key)[:12]}"

    def check_model(self, asked: str) -> None:
        """Refuse other names.

        Raises:
            RequestError: 404, with the name that is served.
        """
        if asked != self.name:
            hint = nearest(asked, [self.name])
            raise RequestError(
                f"the model {asked!r} is not served here ({hint})", status=404, param="model", code="model_not_found"
            )

    def described(self, created: int) -> dict[str, Any]:
        """The model as `/v1/models` shows it."""
        return {
            "id": self.name,
            "object": "model",
            "created": created,
            "owned_by": "lontar",
            "context_length": self.context_length,
            "digest": self.identity.digest,
            "backend": self.identity.backend,
        }

    async def count(self, prompt: Prompt) -> int | None:
        """Tokens of a prompt, or None when the back-end cannot count."""
        # Templates and tokenizers take milliseconds on long prompts: other requests go on meanwhile.
        return await asyncio.to_thread(self.backend.count, prompt) if isinstance(self.backend, Counter) else None

    async def check_length(self, prompt: Prompt, limit: int | None, param: str) -> None:
        """Refuse a prompt that leaves no room for the answer asked for.

        Raises:
            RequestError: 400, context_length_exceeded.
        """
        try:
            n = await self.count(prompt)
        except CapabilityError as err:  # a chat, and a model without a chat template
            raise as_request_error(err, param) from err
        except DataError as err:
            raise _prompt_error(err, param) from err
        if self.context_length is None or n is None:
            return
        wanted = 1 if limit is None else limit
        if n + wanted > self.context_length:
            raise RequestError(
                f"this model's context holds {self.context_length} tokens; the prompt has {n} and the answer may take "
                f"{wanted} more",
                param=param,
                code="context_length_exceeded",
            )

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncIterator[Delta]:
        """All pieces of all answers to a prompt.

        Raises:
            BackendError: the back-end ended before its answers did.
        """
        finished = set()
        async with aclosing(self.backend.stream(prompt, sampling)) as pieces:  # type: ignore[type-var]
            async for delta in pieces:
                if delta.finish_reason is not None:
                    finished.add(delta.index)
                yield delta
        if len(finished) != sampling.n:
            raise BackendError(f"the back-end finished {len(finished)} of {sampling.n} answers")

    async def score(self, prompt: str | TokenIds, top: int) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of every token of a prompt.

        Token ids are taken as they are: nothing stands before the first, so it has none (NaN). Text is read as the
        model reads any text, so its first token follows the start of a text.

        Raises:
            CapabilityError: the back-end cannot score.
        """
        scorer = require(self.backend, LikelihoodScorer)
        if isinstance(prompt, str):
            return (await scorer.score("", prompt, top=top)).tokens
        head = (await scorer.score(prompt[:1], prompt[:1])).tokens  # for the text of the first token
        rest = (await scorer.score(prompt[:1], prompt[1:], top=top)).tokens if len(prompt) > 1 else ()
        return (replace(head[0], logprob=math.nan, top=()), *rest)


def messages_of(asked: ChatRequest) -> Messages:
    """The conversation as the back-end takes it; `developer` is another word for `system`."""
    return tuple(Message(role="system" if m.role == "developer" else m.role, content=m.text) for m in asked.messages)


def sampling_of(asked: ChatRequest | CompletionRequest, limit: int | None, logprobs: int | None) -> Sampling:
    """How to generate, from what both endpoints share."""
    return Sampling(
        max_tokens=limit,
        temperature=float(asked.temperature),
        top_p=float(asked.top_p),
        seed=asked.seed,
        stop=asked.stops,
        n=asked.n,
        logprobs=logprobs,
    )


def chat_sampling(asked: ChatRequest) -> Sampling:
    """How to generate a chat answer.

    Raises:
        RequestError: `top_logprobs` without `logprobs`.
    """
    if asked.top_logprobs is not None and not asked.logprobs:
        raise RequestError("top_logprobs: needs logprobs: true", param="top_logprobs", code="invalid_value")
    return sampling_of(asked, asked.limit, (asked.top_logprobs or 0) if asked.logprobs else None)


async def completion_pieces(
    service: Service, asked: CompletionRequest, number: int, prompt: str | TokenIds
) -> AsyncIterator[Delta]:
    """Pieces of the answers to prompt `number`; answer i of n has the index `number * n + i`."""
    first = number * asked.n
    if asked.echo:
        shown = await _echoed(service, asked, prompt)
        for i in range(asked.n):
            yield replace(shown, index=first + i)
    if asked.max_tokens == 0:
        usage = Usage(await service.count(prompt) or 0, 0)
        for i in range(asked.n):
            yield Delta(finish_reason="length", index=first + i, usage=usage)
        return
    pieces = service.stream(prompt, sampling_of(asked, asked.max_tokens, asked.logprobs))
    async with aclosing(pieces):  # type: ignore[type-var]
        async for delta in pieces:
            yield replace(delta, index=first + delta.index)


async def _echoed(service: Service, asked: CompletionRequest, prompt: str | TokenIds) -> Delta:
    if asked.logprobs is None and isinstance(prompt, str):
        return Delta(prompt)
    tokens = await service.score(prompt, asked.logprobs or 0)
    text = prompt if isinstance(prompt, str) else "".join(token.text for token in tokens)
    return Delta(text, logprobs=tokens)


def _prompt_error(err: DataError, param: str) -> RequestError:
    """What a back-end that checks prompts while it counts has found."""
    too_long = "context holds" in err.message
    return RequestError(err.message, param=param, code="context_length_exceeded" if too_long else "invalid_value")


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """Results of all, in order; when one fails the others are cancelled."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def as_request_error(err: Exception, param: str | None = None) -> RequestError:
    """Any error as clients see it; `param` is the field that asked for what a back-end cannot do."""
    if isinstance(err, RequestError):
        return err
    if isinstance(err, CapabilityError):
        return RequestError(err.message, param=param, code="unsupported_parameter")
    if isinstance(err, DataError):
        return RequestError(err.message, code="invalid_value")
    if isinstance(err, TimeoutError):
        return RequestError("the answer took too long", status=504, type="server_error", code="timeout")
    if isinstance(err, UnavailableError):
        wait = "1" if err.retry_after_s is None else str(max(1, round(err.retry_after_s)))
        return RequestError(
            err.message, status=503, type="server_error", code="unavailable", headers={"retry-after": wait}
        )
    if isinstance(err, BackendError):
        return RequestError(err.message, status=500, type="server_error", code="backend_error")
    return RequestError(
        "something went wrong in the server; its log tells more", status=500, type="server_error", code="internal_error"
    )

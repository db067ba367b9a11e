"""One request to generate, from the checked body to the last byte: the same for chats and completions.

What the two endpoints make of an answer is given as a `Shape`: how a whole answer looks, and how a piece of one does.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import NoReturn, Protocol

from starlette.requests import Request
from starlette.responses import Response

from lontar.backends.base import Delta, Generation, collect
from lontar.serve import answers
from lontar.serve.answers import Head, JsonObject, Tally, chat_choice, chat_chunk_choice, completion_choice
from lontar.serve.flow import Flow, GoneError, unless_gone
from lontar.serve.gate import Place
from lontar.serve.http import EventStream, json_response, told
from lontar.serve.schema import ChatRequest, CompletionRequest, RequestError
from lontar.serve.service import Service, as_request_error, together


class Shape(Protocol):
    """How an endpoint words its answers."""

    prefix: str
    kind: str
    chunk_kind: str
    logprobs: bool
    param: str | None
    """field that asked for something a back-end may not be able to do"""

    def choice(self, index: int, answer: Generation) -> JsonObject:
        """A whole answer."""

    def chunk(self, delta: Delta) -> JsonObject:
        """A piece of an answer."""


class ChatShape:
    """Answers of /v1/chat/completions."""

    prefix, kind, chunk_kind = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(self, asked: ChatRequest) -> None:
        self.logprobs = asked.logprobs
        self.param = "logprobs" if asked.logprobs else None
        self._begun: set[int] = set()

    def choice(self, index: int, answer: Generation) -> JsonObject:
        """A whole answer."""
        return chat_choice(index, answer, self.logprobs)

    def chunk(self, delta: Delta) -> JsonObject:
        """A piece of an answer; its first one carries the role."""
        first = delta.index not in self._begun
        self._begun.add(delta.index)
        return chat_chunk_choice(delta, first, self.logprobs)


class CompletionShape:
    """Answers of /v1/completions."""

    prefix, kind, chunk_kind = "cmpl", "text_completion", "text_completion"

    def __init__(self, asked: CompletionRequest) -> None:
        self.logprobs = asked.logprobs is not None
        self.param = "logprobs" if self.logprobs else "echo" if asked.echo else None
        self._sent: dict[int, int] = {}

    def choice(self, index: int, answer: Generation) -> JsonObject:
        """A whole answer."""
        return completion_choice(index, answer.text, answer.finish_reason, answer.logprobs if self.logprobs else None)

    def chunk(self, delta: Delta) -> JsonObject:
        """A piece of an answer."""
        offset = self._sent.get(delta.index, 0)
        self._sent[delta.index] = offset + sum(len(token.text) for token in delta.logprobs)
        tokens = delta.logprobs if self.logprobs else None
        return completion_choice(delta.index, delta.text, delta.finish_reason, tokens, offset)


class Exchange:
    """One request and its answer."""

    def __init__(
        self, service: Service, request: Request, asked: ChatRequest | CompletionRequest, shape: Shape
    ) -> None:
        self._service, self._request, self._asked, self._shape = service, request, asked, shape
        self._tally = Tally(asked.n)
        self._head = Head(f"{shape.prefix}-{uuid.uuid4().hex}", int(time.time()), service.name, service.fingerprint)
        user = {"user": asked.user} if asked.user else {}
        request.scope["record"].update(stream=asked.stream, tally=self._tally, **user)

    async def answer(self, streams: Sequence[AsyncIterator[Delta]]) -> Response:
        """The answers of all streams, numbered through, whole or as events."""
        return await (self._events(streams) if self._asked.stream else self._whole(streams))

    async def _whole(self, streams: Sequence[AsyncIterator[Delta]]) -> Response:
        try:
            groups = await unless_gone(self._request.receive, self._gathered(streams))
        except Exception as err:  # noqa: BLE001 - raised again in the client's terms
            self._fail(err)
        found = [answer for group in groups for answer in group]
        for index, answer in enumerate(found):
            self._tally.add(index, answer.usage)
        choices = [self._shape.choice(index, answer) for index, answer in enumerate(found)]
        return json_response(self._head.body(self._shape.kind, choices=choices, usage=self._tally.body()))

    async def _gathered(self, streams: Sequence[AsyncIterator[Delta]]) -> list[list[Generation]]:
        async with asyncio.timeout(self._service.limits.timeout_s), Place(self._service.gate):
            return await together(collect(stream) for stream in streams)

    async def _events(self, streams: Sequence[AsyncIterator[Delta]]) -> Response:
        """A stream that has begun: what goes wrong before the first piece is still an error with a status."""
        flow = Flow(_one_after_another(streams), self._service.gate, self._service.limits.timeout_s)
        try:
            await unless_gone(self._request.receive, flow.started())
        except BaseException as err:
            await flow.aclose()
            if isinstance(err, Exception):
                self._fail(err)
            raise
        return EventStream(self._sent(flow), flow)

    async def _sent(self, flow: Flow[Delta]) -> AsyncIterator[bytes]:
        options = self._asked.stream_options
        with_usage = options is not None and options.include_usage
        nothing: JsonObject = {"usage": None} if with_usage else {}
        try:
            async for delta in flow:
                self._tally.add(delta.index, delta.usage)
                if delta.text or delta.finish_reason or (self._shape.logprobs and delta.logprobs):
                    yield self._event([self._shape.chunk(delta)], nothing)
            if with_usage:
                yield self._event([], {"usage": self._tally.body()})
            yield answers.DONE
        except Exception as err:  # noqa: BLE001 - told to the client, and logged
            error = as_request_error(err, self._shape.param)
            yield answers.event(told(self._request.scope, error, err).body())

    def _event(self, choices: list[JsonObject], rest: JsonObject) -> bytes:
        return answers.event(self._head.body(self._shape.chunk_kind, choices=choices, **rest))

    def _fail(self, err: Exception) -> NoReturn:
        if isinstance(err, GoneError | RequestError):
            raise err
        raise as_request_error(err, self._shape.param) from err


async def _one_after_another(streams: Sequence[AsyncIterator[Delta]]) -> AsyncIterator[Delta]:
    for stream in streams:
        async with aclosing(stream):  # type: ignore[type-var]
            async for delta in stream:
                yield delta

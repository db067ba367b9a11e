"""The HTTP interface: OpenAI-compatible routes over one back-end, as a Starlette application.

Errors have one shape everywhere, whatever raised them and wherever in the life of a request. A stream that fails ends
with an error event, never with a finish reason that did not happen.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lontar.backends.base import Closing
from lontar.serve.exchange import ChatShape, CompletionShape, Exchange
from lontar.serve.http import guarded, http_error, json_response, read_json
from lontar.serve.middleware import Access, Log
from lontar.serve.schema import ChatRequest, CompletionRequest, parse
from lontar.serve.service import Limits, Service, chat_sampling, completion_pieces, messages_of


def make_app(
    backend: object,
    *,
    name: str,
    limits: Limits | None = None,
    context_length: int | None = None,
    api_key: str | None = None,
    hosts: tuple[str, ...] | None = None,
) -> Starlette:
    """The application for one back-end.

    Args:
        backend: generates; scores and counts when it can.
        name: what clients give as `model`.
        limits: sizes of body and queue, time.
        context_length: most tokens of prompt and answer; by default what the back-end says.
        api_key: asked of every request below `/v1`.
        hosts: names by which the server may be called; none for any. Guards a server without a key against web pages
            that point a name of their own at this machine.

    Raises:
        CapabilityError: the back-end cannot generate.
    """
    service = Service(backend, name, limits or Limits(), context_length)
    created = int(time.time())

    async def models(request: Request) -> Response:
        return json_response({"object": "list", "data": [service.described(created)]})

    async def model(request: Request) -> Response:
        service.check_model(request.path_params["id"])
        return json_response(service.described(created))

    async def health(request: Request) -> Response:
        return json_response({"status": "ok", "running": service.gate.running, "waiting": service.gate.waiting})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if isinstance(backend, Closing):
            await backend.aclose()

    return Starlette(
        routes=[
            Route("/v1/chat/completions", guarded(lambda r: chat(service, r)), methods=["POST"]),
            Route("/v1/completions", guarded(lambda r: completions(service, r)), methods=["POST"]),
            Route("/v1/models", guarded(models)),
            Route("/v1/models/{id:path}", guarded(model)),
            Route("/health", guarded(health)),
        ],
        middleware=[Middleware(Log), Middleware(Access, api_key=api_key, hosts=hosts)],
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )


async def chat(service: Service, request: Request) -> Response:
    """POST /v1/chat/completions."""
    asked = parse(ChatRequest, await read_json(request, service.limits.body_bytes))
    service.check_model(asked.model)
    prompt, sampling = messages_of(asked), chat_sampling(asked)
    await service.check_length(prompt, sampling.max_tokens, "messages")
    return await Exchange(service, request, asked, ChatShape(asked)).answer([service.stream(prompt, sampling)])


async def completions(service: Service, request: Request) -> Response:
    """POST /v1/completions."""
    asked = parse(CompletionRequest, await read_json(request, service.limits.body_bytes))
    service.check_model(asked.model)
    prompts = [p if isinstance(p, str) else tuple(p) for p in asked.prompts]
    for prompt in prompts:
        await service.check_length(prompt, asked.max_tokens, "prompt")
    streams = [completion_pieces(service, asked, i, prompt) for i, prompt in enumerate(prompts)]
    return await Exchange(service, request, asked, CompletionShape(asked)).answer(streams)

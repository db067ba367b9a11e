"""HTTP itself: reading bodies, answering in JSON or as events, and one shape for every error."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lontar.backends.base import Delta
from lontar.serve import answers
from lontar.serve.flow import Flow, GoneError, unless_gone
from lontar.serve.schema import RequestError
from lontar.serve.service import as_request_error

log = logging.getLogger(__name__)
Endpoint = Callable[[Request], Awaitable[Response]]


class EventStream(Response):
    """Server-sent events; ends the work when the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], flow: Flow[Delta]) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events, self._flow = events, flow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        try:
            await unless_gone(receive, self._send(send))
        except GoneError:
            scope["record"]["gone"] = True
        finally:
            await self._flow.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:  # type: ignore[type-var]
            async for data in events:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def read_json(request: Request, limit: int) -> Any:
    """The body of a request.

    Raises:
        RequestError: 415 another content type, 413 too large, 400 not JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Web pages may send other types without asking: this keeps them from using a server on the visitor's machine.
        raise RequestError(f"content-type must be application/json (got {kind!r})", status=415, code="invalid_value")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise RequestError(f"the body has more than {limit} bytes", status=413, code="request_too_large")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as err:
        raise RequestError("the body holds half a character (a lone surrogate)", code="invalid_json") from err
    except (ValueError, RecursionError) as err:
        raise RequestError(f"the body is not JSON: {err}", code="invalid_json") from err
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def guarded(endpoint: Callable[[Request], Coroutine[Any, Any, Response]]) -> Endpoint:
    """The endpoint, with every error in the envelope."""

    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (GoneError, ClientDisconnect):
            request.scope["record"]["gone"] = True
            return Response(status_code=499)
        except Exception as err:  # noqa: BLE001 - told to the client, and logged
            return error_response(told(request.scope, as_request_error(err), err))

    return wrapped


def told(scope: Scope, error: RequestError, cause: Exception) -> RequestError:
    """The error, noted in the log line; ours come with their traceback."""
    scope["record"]["error"] = error.message
    if error.status >= 500:
        log.error("request %s failed", scope["record"]["id"], exc_info=error.__cause__ or cause)
    return error


async def http_error(request: Request, err: Exception) -> Response:
    """What Starlette raises (no such path, wrong method) in the envelope."""
    status = err.status_code if isinstance(err, HTTPException) else 500
    text = {404: f"no such path: {request.url.path}", 405: f"{request.method} is not allowed here"}
    headers = dict(getattr(err, "headers", None) or {})
    return error_response(
        RequestError(
            text.get(status, str(err)), status=status, code="not_found" if status == 404 else None, headers=headers
        )
    )


def error_response(error: RequestError) -> Response:
    """An error in the envelope of the OpenAI API."""
    return json_response(error.body(), error.status, error.headers)


def json_response(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON body."""
    return Response(answers.dumps(body), status, headers, media_type="application/json")

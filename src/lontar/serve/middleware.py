"""Around every request: who may come in, and one log line."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lontar.serve import answers
from lontar.serve.schema import RequestError

log = logging.getLogger("lontar.serve.requests")


class Access:
    """Checks the host name and the key. `/health` stays open to those who watch over the server."""

    def __init__(self, app: ASGIApp, api_key: str | None, hosts: tuple[str, ...] | None) -> None:
        self._app, self._hosts = app, hosts
        self._key = None if api_key is None else _hash(api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer it here."""
        error = self._refusal(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
            return
        scope["record"]["error"] = error.message
        headers = {"content-type": "application/json", **error.headers}
        raw = [(k.encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": error.status, "headers": raw})
        await send({"type": "http.response.body", "body": answers.dumps(error.body())})

    def _refusal(self, scope: Scope) -> RequestError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _hostname(host) not in self._hosts:
            return RequestError(f"this server does not answer to the name {host!r}", status=421, code="wrong_host")
        if self._key is None or not scope["path"].startswith("/v1/"):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Hashes have one length, so neither the length nor the first wrong character shows in the time taken.
        if scheme.lower() == "bearer" and hmac.compare_digest(_hash(given.strip()), self._key):
            return None
        return RequestError(
            "a valid key is needed: Authorization: Bearer KEY",
            status=401,
            code="invalid_api_key",
            headers={"www-authenticate": "Bearer"},
        )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


class Log:
    """One JSON line per request, when the last byte is out. Non-ASCII is escaped, since a log is read on terminals."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request and write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, record = time.monotonic(), {"id": uuid.uuid4().hex[:16]}
        scope["record"] = record
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", record["id"].encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            log.info(line(scope, record, status, time.monotonic() - begun))


def line(scope: Scope, record: dict[str, Any], status: int, seconds: float) -> str:
    """The log line of a request."""
    tally = record.pop("tally", None)
    tokens = {} if tally is None else {"tokens_in": tally.tokens_in, "tokens_out": tally.tokens_out}
    client = scope.get("client")
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 4),
            **record,
            **tokens,
        }
    )

"""One HTTP exchange with a model server: the key from the environment, statuses to errors, nothing secret in messages.

Which error a status becomes decides what happens next: an UnavailableError is tried again, a DataError fails this one
request, any other BackendError stops the run, since it would befall every request.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.errors import BackendError, ConfigError, DataError, LontarError, UnavailableError

KEY_VARIABLES = ("LONTAR_API_KEY", "OPENAI_API_KEY")
_RETRIED = frozenset({408, 409, 425, 429})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def base_url(target: str) -> str:
    """A server's base URL without a slash at the end; a bare host gets `/v1`.

    Raises:
        ConfigError: it is no http(s) URL, or holds a user name, password or query.
    """
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{target!r} is not the URL of a server", hint="for example http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise ConfigError(
            f"the URL of {parts.hostname} holds credentials or a query",
            hint=f"keys come from the environment: {' or '.join(KEY_VARIABLES)}",
        )
    path = parts.path.rstrip("/") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def api_key(url: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The key to send to `url`: LONTAR_API_KEY; OPENAI_API_KEY only to OpenAI, this machine and OPENAI_BASE_URL.

    A key made for one company must not travel to whatever server a recipe names.
    """
    variables = os.environ if environment is None else environment
    if key := variables.get("LONTAR_API_KEY"):
        return key
    host = urlsplit(url).hostname or ""
    trusted = {*_LOCAL, urlsplit(variables.get("OPENAI_BASE_URL", "")).hostname, "api.openai.com"}
    return variables.get("OPENAI_API_KEY") or None if host in trusted or host.endswith(".openai.com") else None


class Client:
    """Connections to one server. They belong to an event loop; another loop gets its own."""

    def __init__(self, url: str, *, timeout_s: float = 600.0, connect_s: float = 10.0) -> None:
        self.url = url
        self._aiohttp = need("aiohttp", extra="client")
        self._timeout = self._aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=timeout_s)
        self._session: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def post(self, path: str, body: JsonObject) -> AsyncIterator[Any]:
        """Send a request; the response is open inside the block, and closing it early stops the server's work.

        Raises:
            UnavailableError, DataError, BackendError: see the module.
        """
        key = api_key(self.url)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            sent = self._open().post(f"{self.url}/{path}", json=body, headers=headers, allow_redirects=False)
            async with sent as response:
                if response.status != 200:
                    raise _error(
                        self.url, response.status, response.headers, await response.text(errors="replace"), key
                    )
                yield response
        except (self._aiohttp.ClientError, TimeoutError, OSError) as err:
            raise UnavailableError(f"{self.url}: {type(err).__name__}: {_hidden(str(err), key)}".rstrip(": ")) from err

    async def get_json(self, path: str) -> JsonObject:
        """The JSON object at a path of the server.

        Raises:
            UnavailableError, BackendError: see the module.
        """
        key = api_key(self.url)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            async with self._open().get(f"{self.url}/{path}", headers=headers, allow_redirects=False) as response:
                text = await response.text(errors="replace")
                if response.status != 200:
                    raise _error(self.url, response.status, response.headers, text, key)
        except (self._aiohttp.ClientError, TimeoutError, OSError) as err:
            raise UnavailableError(f"{self.url}: {type(err).__name__}: {_hidden(str(err), key)}".rstrip(": ")) from err
        return self._object(text)

    async def json(self, path: str, body: JsonObject) -> JsonObject:
        """The JSON object that answers a request."""
        async with self.post(path, body) as response:
            raw = await response.read()
        return self._object(raw)

    def _object(self, raw: str | bytes) -> JsonObject:
        try:
            value: Any = json.loads(raw)
        except ValueError as err:
            raise UnavailableError(f"{self.url}: the server sent broken JSON of {len(raw)} bytes") from err
        if not isinstance(value, dict):
            raise UnavailableError(f"{self.url}: the server sent {type(value).__name__} where an object was expected")
        if value.get("error"):
            raise error_in_body(self.url, value["error"])
        return dict(value)

    async def aclose(self) -> None:
        """Close the connections of this loop."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _open(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            # The number of requests under way is drive's business: no limit here.
            connector = self._aiohttp.TCPConnector(limit=0)
            self._session = self._aiohttp.ClientSession(timeout=self._timeout, connector=connector, trust_env=True)
            self._loop = loop
        return self._session


def _error(url: str, status: int, headers: Mapping[str, str], body: str, key: str | None) -> LontarError:
    text = f"{url}: HTTP {status}: {_hidden(_message(body), key)}"
    if status in _RETRIED or status >= 500:
        return UnavailableError(text, retry_after_s=retry_after(headers))
    if status in (401, 403):
        return BackendError(text, hint=f"set the key of this server in {' or '.join(KEY_VARIABLES)}")
    if status == 404:
        return BackendError(text, hint="check the URL (it mostly ends in /v1) and the model's name")
    if status in (400, 413, 422):
        return DataError(text)
    return BackendError(text)


def error_in_body(url: str, error: Any) -> LontarError:
    """An error that came with status 200, as in the middle of a stream; tried again unless the request is at fault."""
    found = error if isinstance(error, dict) else {"message": str(error)}
    text = f"{url}: {found.get('message') or found}"
    kind = f"{found.get('type')} {found.get('code')}"
    if "invalid_request" in kind or kind.endswith((" 400", " 422")):
        return DataError(text)
    return UnavailableError(text)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `Retry-After-Ms`, or `Retry-After` as seconds or as a date."""
    milliseconds, given = headers.get("Retry-After-Ms", ""), headers.get("Retry-After", "").strip()
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(given)) if given else None
    except ValueError:
        return _until(given)


def _until(date: str) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(time.time(), UTC)).total_seconds())


def _message(body: str) -> str:
    """What an error body says, in one line of at most 500 characters."""
    try:
        found = json.loads(body)
        error = found.get("error", found) if isinstance(found, dict) else found
        text = error.get("message") or error.get("detail") or error if isinstance(error, dict) else error
    except ValueError:
        text = body
    line = " ".join(str(text).split())
    return line if len(line) <= 500 else line[:497] + "..."


def _hidden(text: str, key: str | None) -> str:
    return text.replace(key, "[key]") if key else text

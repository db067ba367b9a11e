"""Run the HTTP interface on uvicorn: on this machine alone unless there is a key.

The port is bound before anything else starts, so a taken port is a clear error, and port 0 takes a free one and says
which.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lontar.backends import open_backend
from lontar.core.extras import need
from lontar.errors import ConfigError
from lontar.serve.service import Limits

log = logging.getLogger(__name__)
KEY = "LONTAR_API_KEY"
# Time that open streams get to end after SIGTERM; container managers kill after 30 s.
GRACE_S = 20
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def serve(
    target: Path | str | object,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    name: str | None = None,
    backend: str = "hf",
    limits: Limits | None = None,
    context_length: int | None = None,
    ready: Callable[[str], object] | None = None,
    **options: Any,
) -> None:
    """Serve a model until SIGINT or SIGTERM; running requests may finish.

    Args:
        target: a model folder (or whatever the back-end opens), or an open back-end.
        host: where to listen; other than this machine itself only with `$LONTAR_API_KEY`.
        port: 0 takes a free one.
        name: what clients give as `model`; by default the name of the folder.
        backend: how to open `target`.
        limits: sizes of body and queue, time.
        context_length: most tokens of prompt and answer; by default the model's.
        ready: called with the URL once requests are accepted.
        options: passed to the back-end.

    Raises:
        ConfigError: the address cannot be used, or needs a key.
        MissingExtraError: starlette or uvicorn is not installed.
    """
    need("starlette", extra="serve")
    key = checked_key(host, os.environ.get(KEY))
    with bind(host, port) as listening:
        opened = open_backend(backend, target, **options) if isinstance(target, str | Path) else target
        server = prepared(
            opened,
            listening,
            name or default_name(target),
            key=key,
            limits=limits,
            context_length=context_length,
            ready=ready,
        )
        server.run(sockets=[listening])


def prepared(
    backend: object,
    listening: socket.socket,
    name: str,
    *,
    key: str | None = None,
    limits: Limits | None = None,
    context_length: int | None = None,
    ready: Callable[[str], object] | None = None,
) -> Any:
    """A `uvicorn.Server` for an open back-end; `.run(sockets=[listening])` serves, `.should_exit = True` ends it."""
    uvicorn = need("uvicorn", extra="serve")
    from lontar.serve.app import make_app

    host = listening.getsockname()[0]
    hosts = _LOOPBACK_NAMES if key is None and is_loopback(host) else None
    app = make_app(backend, name=name, limits=limits, context_length=context_length, api_key=key, hosts=hosts)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            lifespan="on",
        )
    )
    _announce_when_started(server, lambda: (ready or _say)(url_of(listening)))
    return server


def _announce_when_started(server: Any, announce: Callable[[], object]) -> None:
    begin = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await begin(sockets=sockets)
        if server.started:
            announce()

    server.startup = startup


def _say(url: str) -> None:
    log.info(json.dumps({"event": "listening", "url": url}))


def checked_key(host: str, key: str | None) -> str | None:
    """The key to ask for.

    Raises:
        ConfigError: other machines could connect and there is no key, or it is too short to be one.
    """
    if not key:
        if not is_loopback(host):
            raise ConfigError(
                f"host {host}: other machines could connect, and {KEY} is not set",
                hint=f"set {KEY} to a secret that clients give as their API key, or listen on 127.0.0.1",
            )
        return None
    if len(key) < 16:
        raise ConfigError(f"{KEY} has {len(key)} characters", hint="16 or more; `openssl rand -hex 24` makes one")
    return key


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: the port is taken or the address is not of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
            made.listen(128)
        except BaseException:
            made.close()
            raise
    except (OSError, OverflowError) as err:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {getattr(err, 'strerror', None) or err}",
            hint="choose another port; port 0 takes a free one",
        ) from err
    made.set_inheritable(True)
    return made


def url_of(listening: socket.socket) -> str:
    """Base URL for clients."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def default_name(target: object) -> str:
    """A name for clients from a folder's name: lower case letters, digits, dot, dash and underscore."""
    text = Path(target).resolve().name if isinstance(target, str | Path) else type(target).__name__
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")[:64] or "model"

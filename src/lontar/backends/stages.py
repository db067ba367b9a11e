"""`backends.adopt`: take in a remote model as an endpoint. It stands unpinned in every lineage that it is part of."""

from __future__ import annotations

import asyncio

from pydantic import Field

from lontar.backends.http import Client, base_url
from lontar.core.artifact import Endpoint
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.license import UNKNOWN
from lontar.core.shards import write_json
from lontar.core.stage import stage
from lontar.errors import BackendError, ConfigError


class EndpointConfig(Config):
    """Settings of `backends.adopt`."""

    path: str = Field(min_length=1)
    """URL of an OpenAI-compatible server, as http://localhost:8000/v1#MODEL; without #MODEL the one that it serves"""
    license: str | None = None
    """SPDX identifier of the terms of its answers, where they are known"""


@stage("backends.adopt", out=Endpoint, version=1)
def adopt(job: Job, *, config: EndpointConfig) -> None:
    """Take in a remote model: its URL and name. Keys stay in the environment."""
    url, _, model = config.path.partition("#")
    try:
        url = base_url(url)
    except ValueError as err:  # half an IPv6 address
        raise ConfigError(f"{url!r} is not the URL of a server: {err}") from err
    if not model:
        model = asyncio.run(only_model(url))
    write_json(job.dir / "endpoint.json", {"url": url, "model": model})
    job.add_license(config.license or UNKNOWN, f"{url}#{model}", 1)


async def only_model(url: str) -> str:
    """The model that a server serves.

    Raises:
        ConfigError: there are several; BackendError, UnavailableError: the server does not tell.
    """
    client = Client(url, timeout_s=30.0)
    try:
        answer = await client.get_json("models")
    finally:
        await client.aclose()
    rows = answer.get("data")
    listed = rows if isinstance(rows, list) else []
    found = {row.get("id") for row in listed if isinstance(row, dict)}
    names = sorted(name for name in found if isinstance(name, str) and name)
    if not names:
        raise BackendError(f"{url}: the server lists no model", hint=f"name one: {url}#MODEL")
    if len(names) > 1:
        shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        raise ConfigError(f"{url}: which model? It serves {len(names)}: {shown}", hint=f"for example {url}#{names[0]}")
    return names[0]

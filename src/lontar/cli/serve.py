"""`lontar serve` and `lontar chat`."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import click

from lontar.errors import ConfigError


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Other addresses need $LONTAR_API_KEY.")
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
@click.option("--name", help="What clients give as `model`.  [default: the folder's name]")
@click.option("--backend", default="hf", show_default=True, help="`lontar list backends` shows them.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def serve(model: Path, host: str, port: int, name: str | None, backend: str, device: str) -> None:
    """Serve MODEL, a finished model's folder, until Ctrl-C: chat, completions, models, health."""
    from lontar import serve as serving

    _check_folder(model, backend)
    handler = logging.StreamHandler(sys.stderr)  # the lines are JSON already
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("lontar.serve")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    serving.serve(
        model,
        host=host,
        port=port,
        name=name,
        backend=backend,
        ready=lambda url: click.echo(f"{url}  (Ctrl-C ends it)"),
        **_options(backend, device),
    )


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--system", help="A system message.")
@click.option("--max-tokens", default=128, show_default=True)
@click.option("--temperature", default=0.7, show_default=True)
@click.option("--seed", type=int, help="Same seed, same answers.")
@click.option("--backend", default="hf", show_default=True)
@click.option("--device", default="auto", show_default=True)
def chat(model: Path, system: str | None, backend: str, device: str, **sampling: Any) -> None:
    """Talk to MODEL on the terminal; an empty line or Ctrl-D ends it."""
    from lontar.backends import Sampling, open_backend

    _check_folder(model, backend)
    opened = open_backend(backend, model, **_options(backend, device))
    asyncio.run(_converse(opened, system, Sampling(**sampling)))


async def _converse(backend: Any, system: str | None, sampling: Any) -> None:
    from lontar.core.records import Message

    messages = [Message(role="system", content=system)] if system else []
    try:
        while text := await asyncio.to_thread(_read_line):
            messages.append(Message(role="user", content=text))
            answer = ""
            async for delta in backend.stream(tuple(messages), sampling):
                answer += delta.text
                click.echo(delta.text, nl=False)
            click.echo()
            messages.append(Message(role="assistant", content=answer))
    finally:
        if hasattr(backend, "aclose"):
            await backend.aclose()


def _read_line() -> str:
    if sys.stdin.isatty():
        click.echo("> ", nl=False, err=True)
    return sys.stdin.readline().strip()


def _check_folder(model: Path, backend: str) -> None:
    if backend == "hf" and not (model / "config.json").is_file():
        raise ConfigError(f"{model}: not a model's folder (no config.json)", hint="for example runs/nano/export")


def _options(backend: str, device: str) -> dict[str, Any]:
    from lontar.backends import backend_options

    return {"device": device} if "device" in backend_options(backend) else {}

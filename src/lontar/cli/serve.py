"""`lontar serve`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lontar.errors import ConfigError


def device_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--device`."""
    return click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")(function)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Other addresses need $LONTAR_API_KEY.")
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
@click.option("--name", help="What clients give as `model`.  [default: the folder's name]")
@click.option("--backend", default="hf", show_default=True, help="`lontar list backends` shows them.")
@device_option
def serve(model: Path, host: str, port: int, name: str | None, backend: str, device: str) -> None:
    """Serve MODEL, a finished model's folder, until Ctrl-C: chat, completions, models, health."""
    from lontar import serve as serving

    check_folder(model, backend)
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


def check_folder(model: Path, backend: str) -> None:
    """A model's folder, where the back-end reads one.

    Raises:
        ConfigError: it is not one.
    """
    if backend == "hf" and not (model / "config.json").is_file():
        raise ConfigError(f"{model}: not a model's folder (no config.json)", hint="for example runs/nano/export")


def _options(backend: str, device: str) -> dict[str, Any]:
    from lontar.backends import backend_options

    return {"device": device} if "device" in backend_options(backend) else {}

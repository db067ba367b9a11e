"""`lontar doctor`: what is installed, what is missing, what this machine can do."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import click

from lontar.cli.fits import base_rows, fits_table, footprint_of, recipe_rows
from lontar.cli.render import console, json_option, print_json, size, table
from lontar.core import plugins
from lontar.core.extras import need
from lontar.core.stage import library_version

EXTRAS = {
    "text": ("icu4py", "regex"),
    "data": ("pyarrow",),
    "scoring": ("sacrebleu",),
    "gguf": ("gguf",),
    "report": ("jinja2",),
    "train": ("torch", "transformers", "tokenizers", "safetensors"),
    "serve": ("starlette", "uvicorn"),
    "client": ("aiohttp",),
    "hub": ("huggingface_hub",),
    "ray": ("ray",),
}


@click.command()
@click.option("--base", type=click.Path(path_type=Path), help="A model's folder: what can be done with it here?")
@click.option("--recipe", help="What do its training steps need? With --base: started from that model.")
@json_option
def doctor(base: Path | None, recipe: str | None, as_json: bool) -> None:
    """Say what is installed, what is missing and what fits this machine (estimates, within a factor of two)."""
    found = {extra: {name: library_version(name) for name in names} for extra, names in EXTRAS.items()}
    machine, fits = _machine(), _fits(base, recipe)
    if as_json:
        print_json({"extras": found, "machine": machine, "fits": fits})
        return
    rows = []
    for extra, libraries in found.items():
        missing = [name for name, version in libraries.items() if version == "missing"]
        state = f"missing {', '.join(missing)}: pip install 'lontar[{extra}]'" if missing else "ok"
        rows.append((extra, state, "  ".join(f"{n} {v}" for n, v in libraries.items() if v != "missing")))
    out = console()
    out.print(table("extras", ("extra", "state", "installed"), rows))
    out.print(table("\nmachine", ("", ""), list(machine.items())))
    if fits:
        out.print(
            fits_table(
                "\nwhat fits (estimates, of training alone; evaluating takes as much again)",
                fits,
            )
        )


def _fits(base: Path | None, recipe: str | None) -> list[dict[str, Any]]:
    if base is None and recipe is None:
        return []
    need("torch", extra="train")  # the machine is measured with it
    model = None if base is None else footprint_of(base)
    rows = [] if model is None else base_rows(model)
    return rows + ([] if recipe is None else recipe_rows(recipe, model))


def _machine() -> dict[str, str]:
    facts = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "free disk here": size(shutil.disk_usage(Path.cwd()).free),
        "LONTAR_HOME": f"{plugins.home()} ({'present' if plugins.home().is_dir() else 'absent'})",
    }
    if library_version("torch") == "missing":
        return facts
    try:
        import torch
    except Exception as err:  # noqa: BLE001 - a broken installation is what one asks the doctor about
        return {**facts, "torch": f"installed, but its import fails: {err}"}
    facts["accelerator"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    facts["threads of torch"] = str(torch.get_num_threads())
    return facts

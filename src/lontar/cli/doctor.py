"""`lontar doctor`: what is installed, what is missing, what this machine can do."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import click

from lontar.cli.render import console, json_option, print_json, size, table
from lontar.core import plugins
from lontar.core.stage import library_version

EXTRAS = {
    "text": ("icu4py", "regex"),
    "data": ("pyarrow",),
    "scoring": ("sacrebleu",),
    "train": ("torch", "transformers", "tokenizers", "safetensors"),
    "serve": ("starlette", "uvicorn"),
    "client": ("aiohttp",),
    "hub": ("huggingface_hub",),
    "ray": ("ray",),
}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing and what this machine can do."""
    found = {extra: {name: library_version(name) for name in names} for extra, names in EXTRAS.items()}
    machine = _machine()
    if as_json:
        print_json({"extras": found, "machine": machine})
        return
    rows = []
    for extra, libraries in found.items():
        missing = [name for name, version in libraries.items() if version == "missing"]
        state = f"missing {', '.join(missing)}: pip install 'lontar[{extra}]'" if missing else "ok"
        rows.append((extra, state, "  ".join(f"{n} {v}" for n, v in libraries.items() if v != "missing")))
    out = console()
    out.print(table("extras", ("extra", "state", "installed"), rows))
    out.print(table("\nmachine", ("", ""), list(machine.items())))


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

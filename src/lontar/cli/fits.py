"""What fits this machine: memory and hours of a base and of a recipe's training steps, estimated."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rich.table import Table

from lontar.cli.render import size, table
from lontar.core.config import Config
from lontar.errors import ConfigError
from lontar.models.footprint import Footprint, seconds_per_token, serving_bytes, training_bytes

WEIGHTS = {"float32": 4.0, "bfloat16": 2.0, "Q8_0": 1.0625}


def _memory() -> int:
    """Memory that is free now, in bytes; where the system does not tell, all there is."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))


def footprint_of(folder: Path) -> Footprint:
    """The footprint of a model folder.

    Raises:
        ConfigError: it has no config.json with the fields of a decoder.
    """
    try:
        return Footprint.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ConfigError(
            f"{folder}: not a model's folder: {err}",
            hint="give a folder with a config.json, for example runs/nano/model",
        ) from err


def base_rows(model: Footprint) -> list[dict[str, Any]]:
    """What one can do with a base here."""
    free = _memory()
    rows: list[dict[str, Any]] = [
        {"what": f"answer, {kind} weights", "bytes": serving_bytes(model, weight)} for kind, weight in WEIGHTS.items()
    ]
    trained = training_bytes(model, 2048)
    hours = 10_000_000 * seconds_per_token(model) / 3600
    rows.append({"what": "train all weights, 10 million tokens", "bytes": trained, "hours": hours})
    return [{**row, "fits": row["bytes"] <= free} for row in rows]


def recipe_rows(recipe: str, given: Footprint | None) -> list[dict[str, Any]]:
    """Tokens, memory and hours of every training step of a recipe.

    Raises:
        ConfigError: the recipe is wrong.
    """
    from lontar.core.recipe import load_recipe

    loaded = load_recipe(recipe)
    rows, grown = [], _added_tokens(loaded.configs.values())
    for step in loaded.order:
        config: Any = loaded.configs[step]
        if not hasattr(config, "seq_len"):
            continue
        model = given or _tiny(loaded.configs.values(), 0 if hasattr(config, "vocabulary") else grown)
        tokens = (getattr(config, "n_steps", None) or config.steps) * config.batch * config.seq_len
        row_tokens = config.seq_len * -(-config.batch // config.accumulate)
        needed = training_bytes(model, row_tokens, config.optimizer)
        rows.append(
            {
                "what": f"{recipe}: {step} ({loaded.stages[step].name})",
                "parameters": model.parameters,
                "tokens": tokens,
                "bytes": needed,
                "hours": tokens * seconds_per_token(model) / 3600,
                "fits": needed <= _memory(),
            }
        )
    return rows


def _added_tokens(configs: Any) -> int:
    return sum(getattr(config, "new_tokens", 0) for config in configs)


def _tiny(configs: Any, grown: int) -> Footprint:
    """The model that the recipe makes itself."""
    from lontar.models.tiny import SHAPES

    made: list[Config] = [config for config in configs if hasattr(config, "vocabulary") and hasattr(config, "size")]
    if not made:
        raise ConfigError("the recipe starts from a model of yours", hint="name it: --base PATH")
    config: Any = made[0]
    # A tokenizer trained in a step of its own decides the size of the vocabulary.
    trained = [c for c in configs if hasattr(c, "pattern") and hasattr(c, "vocab_size")]
    vocabulary = trained[0].vocab_size if trained else config.vocabulary
    shape = SHAPES[config.size]
    return Footprint(
        shape.layers, shape.width, shape.inner, shape.heads, shape.key_heads, shape.head_width,
        vocabulary + grown,
    )  # fmt: skip


def fits_table(title: str, rows: list[dict[str, Any]]) -> Table:
    """The rows for people."""
    cells = [
        (
            row["what"],
            row.get("parameters"),
            row.get("tokens"),
            size(row["bytes"]),
            duration(row["hours"]) if "hours" in row else None,
            "yes" if row["fits"] else "no",
        )
        for row in rows
    ]
    columns = ("", "parameters", "tokens", "memory", "time", "fits")
    return table(title, columns, cells, right=range(1, 5))


def duration(hours: float) -> str:
    """Hours in the unit one thinks in."""
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    if hours < 2:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"

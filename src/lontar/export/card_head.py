"""The front matter of a model card: what the Hugging Face hub reads, results included.

A license text that is not one known license is `other` there, with the full terms in the card.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.license import License
from lontar.export.card_inputs import ScoreRow

# Licenses that the hub knows by these names (a subset: what else there is goes in as `other`).
_HUB = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "mpl-2.0", "isc", "unlicense", "gemma", "odbl"}
    | {f"cc-by{flag}-{version}" for flag in ("", "-sa", "-nc", "-nc-sa", "-nd", "-nc-nd") for version in ("3.0", "4.0")}
    | {"llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gpl-3.0", "agpl-3.0", "cc-by-2.0"}
)
_LIBRARY = {"safetensors": "transformers", "gguf": "gguf"}


def front_matter(
    license_: License,
    codes: Iterable[str],
    base: str | None,
    format_: str = "safetensors",
    index: JsonObject | None = None,
) -> JsonObject:
    """What the hub reads at the top of the card; `index` is that of `model_index`."""
    spdx = license_.spdx.lower()
    terms: JsonObject = {"license": spdx} if spdx in _HUB else {"license": "other", "license_name": "see-below"}
    found = list(codes)
    return {
        **terms,
        **({"language": list(found)} if found else {}),
        **({"base_model": base} if base else {}),
        "library_name": _LIBRARY.get(format_, "transformers"),
        "pipeline_tag": "text-generation",
        "tags": ["lontar"],
        **({"model-index": [index]} if index else {}),
    }


def model_index(name: str, scores: Sequence[ScoreRow]) -> JsonObject | None:
    """Results of this model as the hub lists them: one entry per task and language; None without any."""
    results: list[Any] = [_result(score.row) for score in scores if score.own and _finite(score.row.get("value"))]
    return {"name": name, "results": results} if results else None


def _result(row: Any) -> JsonObject:
    dataset: JsonObject = {
        "type": f"lontar-{row['task']}",
        "name": f"{row['task']} ({row['lang']})",
        "config": row["lang"],
        "revision": str(row["version"]),
    }
    value: Any = row["value"]
    metric: JsonObject = {"type": row["unit"], "value": value, "name": f"{row['task']}, {row['better']} is better"}
    return {"task": {"type": "text-generation"}, "dataset": dataset, "metrics": [metric]}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

"""The parts of `export.gguf`: what the file says about its origin, and the record of its errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lontar.core.artifact import Model
from lontar.core.config import JsonObject
from lontar.errors import GateError
from lontar.export.lineage import base_model, trained_languages
from lontar.models.gguf import GgufType, Source
from lontar.models.gguf_arch import label
from lontar.models.gguf_check import TensorError


def metadata(model: Model, source: Source, name: str) -> dict[str, Any]:
    """Keys that say what the model is, under which terms, and from which artifact it was made."""
    lineage, base = model.lineage(), base_model(model.lineage())
    elements = sum(placed.source.elements for placed in source.tensors)
    found: dict[str, Any] = {
        "general.type": "model",
        "general.name": name,
        "general.size_label": label(elements),
        "general.license": model.manifest.license.spdx,
        "general.languages": trained_languages(lineage),
        "general.tags": ["lontar", "text-generation"],
        "lontar.source.digest": model.digest,
        "lontar.source.fingerprint": model.manifest.fingerprint,
    }
    if base:
        found |= {
            "general.base_model.count": 1,
            "general.base_model.0.name": base.partition("/")[2] or base,
            "general.base_model.0.organization": base.partition("/")[0],
            "general.base_model.0.repo_url": f"https://huggingface.co/{base}",
        }
    return {key: value for key, value in found.items() if value not in ("", [])}


def check_tolerance(errors: Sequence[TensorError], tolerance: float | None) -> None:
    """Hold each tensor's error against the tolerance, in units of the tensor's largest value.

    Raises:
        GateError: one is larger.
    """
    for error in errors:
        share = error.max_error / error.largest if error.largest else 0.0
        if tolerance is not None and share > tolerance:
            raise GateError(
                f"{error.name} as {error.type}: off by {share:.3g} of its largest value; tolerance is {tolerance:g}",
                hint="raise tolerance, or take F16 or F32",
            )


def record(type_: GgufType, file: Path, errors: Sequence[TensorError]) -> JsonObject:
    """One file in `gguf.json`."""
    return {
        "file": file.name,
        "bytes": file.stat().st_size,
        "type": type_,
        "max_error": max((e.max_error for e in errors), default=0.0),
        "tensors": {
            e.name: {"type": e.type, "shape": list(e.shape), "max_error": e.max_error, "allowed": e.allowed}
            for e in sorted(errors, key=lambda e: e.name)
        },
    }


def described(source: Source) -> JsonObject:
    """What a program other than llama.cpp must know: vocabulary, and what to do with text first."""
    vocabulary = source.vocabulary
    return {
        "architecture": source.arch.family,
        "vocabulary": {
            "model": vocabulary.model,
            "pre": vocabulary.pre,
            "tokens": len(vocabulary.tokens),
            "merges": len(vocabulary.merges),
            "special": dict(sorted(vocabulary.ids.items())),
            "add_bos": vocabulary.add_bos,
            "add_eos": vocabulary.add_eos,
        },
        "normalization": list(source.normalization),
        "normalizer": vocabulary.normalizer,
    }

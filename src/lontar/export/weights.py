"""Weights in another number type, one tensor at a time; the files are written by `models/weights.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.weights import TensorInfo, read_index, write_weights

_NAMES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_FLOATS = frozenset({"F64", "F32", "BF16", "F16"})


def converted(infos: Mapping[str, TensorInfo], dtype: str) -> dict[str, TensorInfo]:
    """What the tensors will be: floating ones of type `dtype`, all others as they are."""
    if dtype == "keep":
        return dict(infos)
    return {n: replace(i, dtype=_NAMES[dtype]) if i.dtype in _FLOATS else i for n, i in infos.items()}


def rewrite(source: Path, target: Path, dtype: str, shard_bytes: int, advance: Callable[[int], object]) -> list[Path]:
    """Write the weights of the model folder `source` into `target`; `advance` hears the bytes of each tensor.

    Raises:
        ArtifactError: a file is missing or damaged.
        DataError: a value has no place in the new type (float16 ends at 65,504), or is not a number.
    """
    safe_open = need("safetensors", extra="train").safe_open
    stored = read_index(source)
    wanted = converted(stored, dtype)

    def tensor(name: str) -> Any:
        with safe_open(str(stored[name].file), framework="pt") as file:
            value = file.get_tensor(name)
        advance(wanted[name].bytes)
        return value if wanted[name].dtype == stored[name].dtype else _cast(value, wanted[name])

    return write_weights(target, list(wanted.values()), tensor, shard_bytes=shard_bytes)


def _cast(value: Any, info: TensorInfo) -> Any:
    torch = need("torch", extra="train")
    made = value.to({"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}[info.dtype])
    if not torch.isfinite(made).all():
        raise DataError(
            f"{info.file}: tensor {info.name!r} holds values that {made.dtype} cannot hold "
            f"(largest {float(value.abs().max()):.4g})",
            hint="export as bfloat16 or float32" if torch.isfinite(value).all() else "the weights are damaged",
        )
    return made

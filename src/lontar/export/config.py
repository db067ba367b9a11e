"""Settings of the export stages."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from lontar.core.config import Config

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)\s*\Z")
_UNIT = {"B": 1, **{f"{p}B": 1000 ** (i + 1) for i, p in enumerate("KMGT")}}
_UNIT |= {f"{p}iB": 1024 ** (i + 1) for i, p in enumerate("KMGT")}


def size_bytes(text: str) -> int:
    """`5GB` as a number of bytes (10**9 each; `GiB` is 2**30).

    Raises:
        PydanticCustomError: it is not a size above zero.
    """
    match = _SIZE.match(text)
    size = int(float(match[1]) * _UNIT[match[2]]) if match else 0
    if size < 1:
        raise PydanticCustomError("size", "not a size; write for example 500MB or 5GB")
    return size


def _checked_size(text: str) -> str:
    size_bytes(text)
    return text


class SafetensorsConfig(Config):
    """Settings of `export.safetensors`."""

    dtype: Literal["keep", "float32", "bfloat16", "float16"] = "keep"
    """type of the weights; integers stay as they are"""
    max_shard_size: Annotated[str, AfterValidator(_checked_size)] = "5GB"
    """largest weight file; one tensor is never cut"""
    name: str = "model"
    """title of the model card"""
    tolerance: float | None = Field(default=None, gt=0)
    """largest difference of a logit from the source model, in units of its largest logit (at least 1);
    by default 1e-5 for unchanged weights and for float32, 5e-3 for float16, 4e-2 for bfloat16"""
    on_conflict: Literal["name", "stop"] = "name"
    """license terms that cannot both be met or are not known: name them in the card, or stop"""

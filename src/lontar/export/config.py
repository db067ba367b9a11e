"""Settings of the export stages."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from lontar.core.config import Config

OnConflict = Literal["name", "stop"]

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
    on_conflict: OnConflict = "name"
    """license terms that cannot both be met or are not known: name them in the card, or stop"""


class GgufConfig(Config):
    """Settings of `export.gguf`."""

    types: tuple[Literal["F32", "F16", "Q8_0"], ...] = Field(default=("F16", "Q8_0"), min_length=1)
    """one file each, model-<TYPE>.gguf; F32 is as large as the source in float32 and serves comparisons"""
    name: str = "model"
    """title, as programs show it"""
    tolerance: float | None = Field(default=None, gt=0)
    """largest error of a value, in units of the largest value of its tensor; by default what each type itself needs:
    nothing for F32, the cast for F16, half a step per block of 32 for Q8_0"""
    on_conflict: OnConflict = "name"
    """license terms that cannot both be met or are not known: say so and record it, or stop"""


class CardConfig(Config):
    """Settings of `export.card`."""

    name: str = "model"
    """title of the card, and name of the model in the results that the hub reads"""

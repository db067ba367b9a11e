"""Architectures in GGUF: the numbers llama.cpp reads, from config.json.

Whatever changes the computation and has no place in the format is refused: a file that loads and computes something
else is the worst outcome.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.errors import DataError
from lontar.models.adopt import ARCHITECTURES
from lontar.models.files import read_json, text_config

Value = int | float | bool | str | list[bool]
_ACTIVATION = {"gemma3": ("gelu_pytorch_tanh",)}
# Gemma 3: five layers with a window, then one without; llama.cpp takes this where the file says nothing else.
_GEMMA_PATTERN = 6
_GEMMA_27B_LAYERS = 62


@dataclass(frozen=True)
class Architecture:
    """A model as llama.cpp is told about it."""

    family: str
    """`general.architecture`: qwen3, qwen2, llama or gemma3"""
    layers: int
    heads: int
    key_heads: int
    tied: bool
    rows: int
    values: Mapping[str, Value]
    """keys without the architecture's prefix"""
    rope_factors: tuple[float, ...] = ()
    """Llama 3.1: how much slower each pair of dimensions turns"""


def read_architecture(folder: Path, rows: int) -> Architecture:
    """What llama.cpp must know about a model folder.

    Raises:
        DataError: the architecture, or something that config.json asks for, has no form in GGUF.
    """
    where, whole = folder / "config.json", read_json(folder / "config.json")
    named = whole.get("architectures")
    family = next((ARCHITECTURES[n] for n in named or [] if n in ARCHITECTURES), None)  # type: ignore[union-attr]
    if family is None:
        raise DataError(f"{where}: no GGUF is written for {named}", hint="known: " + ", ".join(sorted(ARCHITECTURES)))
    config: Any = text_config(whole)
    _check_plain(config, family, where)
    heads = int(config["num_attention_heads"])
    width = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope, factors = _rope(config, family, width, where)
    values: dict[str, Value] = {
        "vocab_size": rows,
        "context_length": int(config["max_position_embeddings"]),
        "embedding_length": int(config["hidden_size"]),
        "block_count": int(config["num_hidden_layers"]),
        "feed_forward_length": int(config["intermediate_size"]),
        "attention.head_count": heads,
        "attention.head_count_kv": int(config.get("num_key_value_heads") or heads),
        "attention.key_length": width,
        "attention.value_length": width,
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.dimension_count": width,
        **rope,
        **(_gemma(config, width, where) if family == "gemma3" else {}),
    }
    return Architecture(
        family=family,
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        key_heads=int(config.get("num_key_value_heads") or heads),
        tied=bool(config.get("tie_word_embeddings", family == "gemma3")),
        rows=rows,
        values=values,
        rope_factors=factors,
    )


def _check_plain(config: Any, family: str, where: Path) -> None:
    """Refuse what llama.cpp would silently leave out."""
    activation = config.get("hidden_act") or config.get("hidden_activation")
    allowed = _ACTIVATION.get(family, ("silu",))
    layer_types = set(config.get("layer_types") or [])
    wrong = {
        f"activation {activation}": activation is not None and activation not in allowed,
        "attn_logit_softcapping": config.get("attn_logit_softcapping") is not None,
        "a sliding window": family != "gemma3" and "sliding_attention" in layer_types,
        "use_sliding_window": family != "gemma3" and bool(config.get("use_sliding_window")),
        "use_bidirectional_attention": bool(config.get("use_bidirectional_attention")),
        "partial_rotary_factor": config.get("partial_rotary_factor") not in (None, 1, 1.0),
        "quantization_config": config.get("quantization_config") is not None,
    }
    if found := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise DataError(f"{where}: {family} with {found[0]} has no form in GGUF that llama.cpp computes")


def _rope(config: Any, family: str, width: int, where: Path) -> tuple[dict[str, Value], tuple[float, ...]]:
    """Rotary positions, in the old form of config.json and in the new one."""
    found: Any = config.get("rope_parameters") or config.get("rope_scaling") or {}
    local = found.get("sliding_attention")
    rope = {**found.get("full_attention", found)}
    base = float(rope.get("rope_theta") or config.get("rope_theta") or (1e6 if family == "gemma3" else 1e4))
    values: dict[str, Value] = {"rope.freq_base": base}
    if family == "gemma3":
        values["rope.freq_base_swa"] = float(
            (local or {}).get("rope_theta") or config.get("rope_local_base_freq") or 1e4
        )
        _only(local or {}, "default", where)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "llama3":
        return values, llama3_factors(rope, base, width)
    if kind == "linear":
        return {**values, "rope.scaling.type": "linear", "rope.scaling.factor": float(rope["factor"])}, ()
    _only(rope, "default", where)
    return values, ()


def _only(rope: Mapping[str, Any], kind: str, where: Path) -> None:
    found = rope.get("rope_type") or rope.get("type") or kind
    if found != kind:
        raise DataError(
            f"{where}: rotary positions of type {found!r} are not exported",
            hint="known: default, linear, llama3. A model that was trained without the scaling can be exported "
            "without it, and the scaling set when it is loaded",
        )


def llama3_factors(rope: Mapping[str, Any], base: float, width: int) -> tuple[float, ...]:
    """How much slower each pair of dimensions turns: 1 for short waves, `factor` for long ones, a blend between them.

    As `rope_type: llama3` of transformers has it (Llama 3.1).
    """
    factor, low, high = (float(rope[name]) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    context = float(rope["original_max_position_embeddings"])
    found = []
    for pair in range(width // 2):
        turns = context / (2 * math.pi * base ** (2 * pair / width))  # full turns within the original context
        blend = min(1.0, max(0.0, (turns - low) / (high - low)))
        found.append(1 / ((1 - blend) / factor + blend))
    return tuple(found)


def _gemma(config: Any, width: int, where: Path) -> dict[str, Value]:
    layers = int(config["num_hidden_layers"])
    scalar = config.get("query_pre_attn_scalar", width)
    expected = config["hidden_size"] // config["num_attention_heads"] if layers == _GEMMA_27B_LAYERS else width
    if scalar != expected:
        raise DataError(f"{where}: query_pre_attn_scalar {scalar}; llama.cpp computes gemma3 with {expected}")
    values: dict[str, Value] = {"attention.sliding_window": int(config["sliding_window"])}
    if config.get("final_logit_softcapping"):
        values["final_logit_softcapping"] = float(config["final_logit_softcapping"])
    usual = [(i + 1) % _GEMMA_PATTERN != 0 for i in range(layers)]
    kinds = config.get("layer_types")
    windowed = usual if kinds is None else [kind == "sliding_attention" for kind in kinds]
    if windowed != usual:
        values["attention.sliding_window_pattern"] = windowed
    return values


def label(parameters: int) -> str:
    """`1.7B`, `270M`, `413K`: the size as file names have it."""
    for unit, size in (("B", 10**9), ("M", 10**6)):
        if parameters >= size:
            return f"{parameters / size:.1f}".rstrip("0").rstrip(".") + unit
    return f"{max(1, round(parameters / 1000))}K"

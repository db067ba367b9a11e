"""Tensors in GGUF: their names, their order, and the two arrangements that differ from the Hugging Face form.

Llama's q and k rows are interleaved, because llama.cpp rotates neighboring pairs there; Gemma's norms hold 1 + weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lontar.errors import DataError
from lontar.models.gguf_arch import Architecture
from lontar.models.weights import TensorInfo

ROPE_FACTORS = "rope_freqs.weight"
_OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_HEAD_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
_GEMMA_NORMS = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
_MORE: dict[str, dict[str, str]] = {"qwen3": _HEAD_NORMS, "gemma3": {**_HEAD_NORMS, **_GEMMA_NORMS}}
_TEXT_PART = re.compile(r"^(?:model\.)?language_model\.(?:model\.)?(?=layers|embed|norm|lm_head)")
_NOT_TEXT = re.compile(r"vision_tower|multi_modal_projector|rotary_emb\.inv_freq")


@dataclass(frozen=True)
class Placed:
    """A tensor of the source and its name in the file."""

    source: TensorInfo
    name: str
    permuted_heads: int = 0
    """rows are interleaved within so many heads; 0: left as they are"""
    plus_one: bool = False


def plain_name(name: str) -> str:
    """The name without the larger model (with vision) around the language model."""
    rest = _TEXT_PART.sub("", name)
    return name if rest == name else rest if rest.startswith("lm_head") else f"model.{rest}"


def place(arch: Architecture, index: Mapping[str, TensorInfo], where: Path) -> list[Placed]:
    """Every tensor that goes into the file, by its name there; embedding first, then layer by layer.

    Raises:
        DataError: a tensor is missing, or there is one that has no name in the format.
    """
    found: dict[str, Placed] = {}
    for info in index.values():
        plain = plain_name(info.name)
        if _NOT_TEXT.search(plain) or (arch.tied and plain == "lm_head.weight"):
            continue
        placed = _placed(arch, info, plain)
        if placed is None:
            raise DataError(f"{where}: tensor {info.name!r} has no name in GGUF for {arch.family}")
        found[placed.name] = placed
    if missing := [name for name in expected_names(arch) if name not in found]:
        raise DataError(f"{where}: {arch.family} with {arch.layers} layers needs {missing[0]}; no tensor gives it")
    return [found[name] for name in sorted(found, key=_order)]


def _placed(arch: Architecture, info: TensorInfo, plain: str) -> Placed | None:
    stem, _, ending = plain.rpartition(".")
    layer = re.fullmatch(r"model\.layers\.(\d+)\.(.+)", stem)
    short = _layer_names(arch.family).get(layer[2]) if layer else _OUTER.get(stem)
    if short is None or ending not in ("weight", "bias") or (layer and int(layer[1]) >= arch.layers):
        return None
    if ending == "bias" and short not in _biased(arch.family):
        return None
    name = f"blk.{layer[1]}.{short}.{ending}" if layer else f"{short}.{ending}"
    heads = {"attn_q": arch.heads, "attn_k": arch.key_heads}.get(short, 0) if arch.family == "llama" else 0
    return Placed(info, name, heads, plus_one=arch.family == "gemma3" and short.endswith("norm"))


def _layer_names(family: str) -> dict[str, str]:
    return {**_LAYER, **_MORE.get(family, {})}


def _biased(family: str) -> tuple[str, ...]:
    """Which linear layers llama.cpp reads a bias of."""
    attention = ("attn_q", "attn_k", "attn_v")
    return {"qwen2": attention, "llama": (*attention, "attn_output")}.get(family, ())


def expected_names(arch: Architecture) -> Iterator[str]:
    """Names without which llama.cpp cannot run the model."""
    yield from ("token_embd.weight", "output_norm.weight", *(() if arch.tied else ("output.weight",)))
    for layer in range(arch.layers):
        for short in _layer_names(arch.family).values():
            yield f"blk.{layer}.{short}.weight"
        if arch.family == "qwen2":
            yield from (f"blk.{layer}.{short}.bias" for short in _biased("qwen2"))


def _order(name: str) -> tuple[int, int, str]:
    layer = re.match(r"blk\.(\d+)\.", name)
    if layer:
        return 1, int(layer[1]), name
    return (0 if name.startswith("token_embd") else 2), 0, name

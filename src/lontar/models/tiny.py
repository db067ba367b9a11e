"""Seeded models of 0.5 to 8 million parameters, as complete folders that any loader takes.

They have the real config fields of their architectures, so that code for a large model is exercised in full: grouped
heads, norms per head, sliding windows shorter than a row, tied heads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.core.shards import write_json
from lontar.models.vocab import END, TURN_END, write_tokenizer
from lontar.models.weights import describe, write_weights

Size = Literal["nano", "tiny", "small"]
Architecture = Literal["qwen3", "llama", "gemma3"]


@dataclass(frozen=True)
class Shape:
    """The inside of a model: layers, width, inner width, heads, key heads, context length."""

    layers: int
    width: int
    inner: int
    heads: int
    key_heads: int
    context: int
    head_width: int = 32


SHAPES: dict[Size, Shape] = {
    "nano": Shape(layers=2, width=128, inner=352, heads=4, key_heads=2, context=1024),
    "tiny": Shape(layers=4, width=160, inner=448, heads=5, key_heads=5, context=2048),
    "small": Shape(layers=6, width=256, inner=704, heads=8, key_heads=4, context=2048),
}
CLASSES: dict[Architecture, tuple[str, str]] = {
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM"),
    "llama": ("LlamaConfig", "LlamaForCausalLM"),
    "gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"),
}
# A plain turn format of the tokens that `models/vocab.py` gives every tokenizer.
CHAT_TEMPLATE = r"""{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\n' -}}
{%- endif -%}
"""


def make_model(
    folder: Path,
    size: Size,
    architecture: Architecture = "qwen3",
    *,
    tokenizer: Any,
    seed: int = 0,
    tied: bool = True,
    dtype: Literal["float32", "bfloat16"] = "float32",
    normalization: Sequence[str] = (),
) -> None:
    """Write an untrained model with a byte-level `tokenizers.Tokenizer`; same seed, same bytes.

    A document ends with END, which also begins the next: these models have no other start token.
    """
    transformers, torch = need("transformers", extra="train"), need("torch", extra="train")
    config_class, model_class = CLASSES[architecture]
    config = getattr(transformers, config_class)(**_fields(architecture, SHAPES[size], tokenizer, tied))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, model_class)(config).to(getattr(torch, dtype))
    tensors = {name: t for name, t in model.state_dict().items() if not (tied and name == "lm_head.weight")}
    write_tokenizer(folder, tokenizer, chat_template=CHAT_TEMPLATE)
    write_weights(folder, describe(tensors), tensors.__getitem__)
    write_json(folder / "config.json", config_json(config, model_class, dtype))
    write_json(folder / "generation_config.json", _generation(tokenizer))
    write_json(folder / "lontar.json", {"format": "safetensors", "normalization": list(normalization)})


def _fields(architecture: Architecture, shape: Shape, tokenizer: Any, tied: bool) -> dict[str, Any]:
    end = tokenizer.token_to_id(END)
    fields: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(with_added_tokens=True),
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "head_dim": shape.head_width,
        "max_position_embeddings": shape.context,
        "tie_word_embeddings": tied,
        "bos_token_id": end,
        "eos_token_id": end,
        # torch gives a padding row of an embedding no gradient; END is trained
        "pad_token_id": None,
    }
    if architecture != "gemma3":
        return {**fields, "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}}
    layers = ["sliding_attention"] * (shape.layers - 1) + ["full_attention"]
    return {**fields, "layer_types": layers, "sliding_window": 64, "query_pre_attn_scalar": shape.head_width}


def config_json(config: Any, model_class: str, dtype: str) -> JsonObject:
    """The content of config.json. The version is there because transformers warns about folders that have none."""
    made: JsonObject = json.loads(config.to_json_string())
    version = need("transformers", extra="train").__version__
    return {**made, "architectures": [model_class], "dtype": dtype, "transformers_version": version}


def _generation(tokenizer: Any) -> JsonObject:
    ends = [tokenizer.token_to_id(token) for token in (TURN_END, END)]
    return {"bos_token_id": ends[1], "eos_token_id": ends, "pad_token_id": ends[1]}

"""How much memory and time a model needs, from its config alone: estimates for planning, right within a factor of two.

Parameters are counted exactly for the decoder layout that Qwen, Llama and Gemma share. Time is measured on one layer
and a piece of the head of the model's own shape: how much of its peak a machine reaches differs tenfold with the width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lontar.core.extras import need

# Optimizer, packing, rotary embeddings, norms of heads, Python: a step of the loop beside its layers and head.
OVERHEAD = 1.5
LAYER_TOKENS, HEAD_TOKENS, ROW = 1024, 512, 256
# float32 weights, gradients and Adam's two moments; Muon has one moment, on most of the parameters.
STATE_BYTES = {"adamw": 16, "muon": 13}
# Kept for the backward pass, per token and layer, in units of the width: Korthikanti et al. 2022, eq. 2, without
# dropout and stored attention scores, twice over for the float32 copies of autocast. Fits the peaks of 0.9 and 1.3 GB
# that were measured at 1.6 and 6.5 million parameters.
ACTIVATIONS = 68
# Logits are computed in pieces of so many rows.
LOGIT_ROWS = 1024
BASE_BYTES = 700_000_000
"""the interpreter with torch and transformers loaded"""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What decides the cost of a decoder."""

    layers: int
    width: int
    inner: int
    heads: int
    key_heads: int
    head_width: int
    vocabulary: int
    tied: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Footprint:
        """Read from a config.json.

        Raises:
            KeyError: a field is missing.
        """
        text = config.get("text_config", config)
        width, heads = int(text["hidden_size"]), int(text["num_attention_heads"])
        return cls(
            layers=int(text["num_hidden_layers"]),
            width=width,
            inner=int(text["intermediate_size"]),
            heads=heads,
            key_heads=int(text.get("num_key_value_heads") or heads),
            head_width=int(text.get("head_dim") or width // heads),
            vocabulary=int(text["vocab_size"]),
            tied=bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", True))),
        )

    @property
    def table(self) -> int:
        """Parameters of the embedding."""
        return self.vocabulary * self.width

    @property
    def body(self) -> int:
        """Parameters of the matrices inside the layers."""
        attention = self.width * self.head_width * (2 * self.heads + 2 * self.key_heads)
        return self.layers * (attention + 3 * self.width * self.inner)

    @property
    def parameters(self) -> int:
        """All parameters but the norms, which are a thousandth."""
        return self.body + self.table * (1 if self.tied else 2)


def training_bytes(model: Footprint, row_tokens: int, optimizer: str = "muon") -> int:
    """Peak memory of a training step with `row_tokens` tokens in a micro-batch, bfloat16 arithmetic, float32 state."""
    activations = row_tokens * model.layers * model.width * ACTIVATIONS
    logits = 3 * 4 * min(row_tokens, LOGIT_ROWS) * model.vocabulary
    return BASE_BYTES + model.parameters * STATE_BYTES[optimizer] + activations + logits


def serving_bytes(model: Footprint, bytes_per_weight: float, context: int = 4096) -> int:
    """Memory to answer with one conversation of `context` tokens; keys and values in two bytes."""
    cache = 2 * 2 * model.layers * model.key_heads * model.head_width * context
    return BASE_BYTES + int(model.parameters * bytes_per_weight) + cache


def seconds_per_token(model: Footprint, device: str = "cpu") -> float:
    """Time to train on one token here, from one layer and one piece of the head of the model's own shape.

    Products alone would promise ten times too much: small models spend most of a step outside of them.
    """
    layer = _timed(lambda: _layer(model, device))
    head = _timed(lambda: _head(model, device))
    return OVERHEAD * (model.layers * layer / LAYER_TOKENS + head / HEAD_TOKENS)


def _timed(make: Callable[[], Callable[[], None]], least_s: float = 0.3) -> float:
    """Seconds per call: the fastest of a few, because other work on the machine only ever adds."""
    call = make()
    call()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - begun < least_s and len(times) < 50):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _layer(model: Footprint, device: str) -> Callable[[], None]:
    """Forward and backward of one decoder layer on rows of 256 tokens."""
    torch = need("torch", extra="train")
    functional = torch.nn.functional
    wide, narrow = model.heads * model.head_width, model.key_heads * model.head_width
    shapes = [(wide, model.width), (narrow, model.width), (narrow, model.width), (model.width, wide)]
    shapes += [(model.inner, model.width), (model.inner, model.width), (model.width, model.inner)]
    weights = [torch.full(shape, 1e-3, device=device, requires_grad=True) for shape in shapes]
    rows_BTD = torch.ones(LAYER_TOKENS // ROW, ROW, model.width, device=device, requires_grad=True)

    def heads(x: Any, n: int) -> Any:
        return x.view(*x.shape[:2], n, model.head_width).transpose(1, 2)

    def step() -> None:
        with _autocast(torch, device):
            q, k, v, o, gate, up, down = weights
            x = functional.rms_norm(rows_BTD, (model.width,))
            queries, keys, values = (
                heads(x @ w.T, n) for w, n in ((q, model.heads), (k, model.key_heads), (v, model.key_heads))
            )
            mixed = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
            x = rows_BTD + mixed.transpose(1, 2).reshape(*x.shape[:2], wide) @ o.T
            normed = functional.rms_norm(x, (model.width,))
            x = x + (functional.silu(normed @ gate.T) * (normed @ up.T)) @ down.T
        x.float().sum().backward()
        _wait(torch, device)

    return step


def _head(model: Footprint, device: str) -> Callable[[], None]:
    """Forward and backward of logits and loss for a few tokens."""
    torch = need("torch", extra="train")
    table_VD = torch.full((model.vocabulary, model.width), 1e-3, device=device, requires_grad=True)
    hidden_TD = torch.ones(HEAD_TOKENS, model.width, device=device, requires_grad=True)
    labels_T = torch.zeros(HEAD_TOKENS, dtype=torch.long, device=device)

    def step() -> None:
        with _autocast(torch, device):
            logits_TV = hidden_TD @ table_VD.T
        torch.nn.functional.cross_entropy(logits_TV.float(), labels_T).backward()
        _wait(torch, device)

    return step


def _autocast(torch: Any, device: str) -> Any:
    # Torch warns of any other type than its two short ones, and then computes as it would without.
    kind = _kind(torch, device)
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=kind == torch.bfloat16)


def _kind(torch: Any, device: str) -> Any:
    from lontar.models.load import bf16_arithmetic

    return torch.bfloat16 if bf16_arithmetic(torch.device(device).type) else torch.float32


def _wait(torch: Any, device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()

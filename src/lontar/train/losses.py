"""Losses: tensors in, tensors out.

The cross-entropy takes hidden states and the head's weight instead of logits, and works through a few hundred rows at a
time, gradient included: the logits of a whole batch never exist. With 150,000 tokens in the vocabulary that is 1.5
times the speed and a third of the memory of the plain way.

Shapes: N predicted tokens, D width, V vocabulary, C tokens of one chunk.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

IGNORE = -100
# 2**25 logits are 128 MiB in float32: large enough for full speed, small beside the model.
CHUNK_LOGITS = 2**25


def linear_cross_entropy(
    hidden_ND: Tensor, weight_VD: Tensor, labels_N: Tensor, *, chunk_logits: int = CHUNK_LOGITS
) -> Tensor:
    """Sum (not mean) of the cross-entropy of `hidden @ weight.T`, in nats; labels of `IGNORE` count nothing.

    Divide by the number of labels of the whole optimizer step: a mean of micro-batch means is wrong when their sizes
    differ. Runs in the type of autocast where that is on; the softmax is always float32.
    """
    counted_N = labels_N != IGNORE
    if 2 * int(counted_N.sum()) < len(labels_N):  # chats: four rows in five are prompts and need no logits
        hidden_ND, labels_N = hidden_ND[counted_N], labels_N[counted_N]
    dtype = torch.get_autocast_dtype(hidden_ND.device.type)
    compute = dtype if torch.is_autocast_enabled(hidden_ND.device.type) else weight_VD.dtype
    rows = max(16, chunk_logits // weight_VD.shape[0])
    learning = torch.is_grad_enabled()
    loss: Tensor = _LinearCrossEntropy.apply(hidden_ND, weight_VD, labels_N, compute, rows, learning)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Gradients come in the forward pass, scaled in the backward pass: the loss is linear in what comes after it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        labels_N: Tensor,
        compute: torch.dtype,
        rows: int,
        learning: bool,
    ) -> Tensor:
        with torch.autocast(hidden_ND.device.type, enabled=False):
            wants_hidden, wants_weight = (learning and need for need in ctx.needs_input_grad[:2])
            weight = weight_VD.to(compute)
            total = hidden_ND.new_zeros((), dtype=torch.float32)
            d_hidden = torch.empty_like(hidden_ND) if wants_hidden else None
            d_weight = torch.zeros_like(weight_VD, dtype=torch.float32) if wants_weight else None
            for begin in range(0, len(labels_N), rows):
                part = slice(begin, begin + rows)
                hidden_CD = hidden_ND[part].to(compute)
                loss, d_logits_CV = _chunk(hidden_CD, weight, labels_N[part], wants_hidden or wants_weight)
                total += loss
                if d_hidden is not None:
                    d_hidden[part] = d_logits_CV @ weight
                if d_weight is not None:
                    d_weight += d_logits_CV.T @ hidden_CD
            ctx.save_for_backward(d_hidden, d_weight)
            ctx.weight_dtype = weight_VD.dtype
        return total

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight = ctx.saved_tensors
        return (
            None if d_hidden is None else d_hidden * d_loss,
            None if d_weight is None else (d_weight * d_loss).to(ctx.weight_dtype),
            *(None,) * 4,
        )


def _chunk(hidden_CD: Tensor, weight_VD: Tensor, labels_C: Tensor, learning: bool) -> tuple[Tensor, Tensor]:
    """Loss of a few rows and the gradient of their logits (in the type of the rows)."""
    logits_CV = (hidden_CD @ weight_VD.T).float()
    counted_C1 = (labels_C != IGNORE).unsqueeze(1)
    target_C1 = labels_C.clamp(min=0).unsqueeze(1)
    normalizer_C1 = logits_CV.logsumexp(1, keepdim=True)
    loss = ((normalizer_C1 - logits_CV.gather(1, target_C1)) * counted_C1).sum()
    if learning:
        logits_CV.sub_(normalizer_C1).exp_()
        logits_CV.scatter_add_(1, target_C1, -torch.ones_like(normalizer_C1))
        logits_CV.mul_(counted_C1)
    return loss, logits_CV.to(hidden_CD.dtype)


def token_nll(hidden_ND: Tensor, weight_VD: Tensor, labels_N: Tensor, *, chunk_logits: int = CHUNK_LOGITS) -> Tensor:
    """Negative log-likelihood of each label in nats, float32 `[N]`; 0 for `IGNORE`. No gradient."""
    rows = max(16, chunk_logits // weight_VD.shape[0])
    parts = []
    with torch.no_grad():
        for begin in range(0, len(labels_N), rows):
            logits_CV = F.linear(hidden_ND[begin : begin + rows], weight_VD).float()
            labels_C = labels_N[begin : begin + rows]
            parts.append(F.cross_entropy(logits_CV, labels_C, ignore_index=IGNORE, reduction="none"))
    return torch.cat(parts) if parts else hidden_ND.new_zeros(0, dtype=torch.float32)


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Bits that a model needs per byte of text: comparable across tokenizers, unlike a loss per token."""
    return nats / math.log(2) / n_bytes if n_bytes else 0.0

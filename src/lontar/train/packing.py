"""Attention inside documents only, for batches in which documents stand one after the other in a single row.

A batch is one flat row without padding, and a `Plan` says where its documents lie. A registered attention function
gathers documents of similar length, lets torch's own kernel attend within each, and puts the results back: there is no
mask to get wrong and no work between documents. Padding at the end of a document cannot be seen under a causal mask,
so similar lengths share one call. transformers' own ways to say the same thing leak silently when an
`attention_mask` comes along or `use_cache` is on; this one ignores both, and `leak_probe` proves it at every start.

Shapes: S tokens of the flat row, G documents of one group, L their largest length, H heads, K key heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from lontar.errors import CapabilityError

NAME = "lontar_packed"
LEAK_TOLERANCE = 1e-4
# Up to this length a CPU attends in float32 also where the rest is bfloat16: torch's fused bfloat16 kernel is slow
# backwards (9.7 ms against 1.6 for 32 documents of 30 tokens; level at 512 tokens).
SHORT = 384


@dataclass(frozen=True)
class Plan:
    """Where the documents of a flat row lie.

    `there` lists source positions group by group, `back` finds each source position in that list. Positions that only
    fill a group up are not `valid`.
    """

    groups: tuple[tuple[int, int], ...]
    """number of documents and padded length of each group"""
    there: Tensor
    back: Tensor
    valid: Tensor | None

    def to(self, device: torch.device) -> Plan:
        """The plan on another device."""
        valid = None if self.valid is None else self.valid.to(device)
        return Plan(self.groups, self.there.to(device), self.back.to(device), valid)


def plan(lengths: Sequence[int]) -> Plan:
    """The plan for documents of these lengths in a row."""
    classes: dict[int, list[tuple[int, int]]] = {}
    begin = 0
    for length in lengths:
        classes.setdefault(size_class(length), []).append((begin, length))
        begin += length
    groups, there, valid = [], list[Tensor](), list[Tensor]()
    for _, documents in sorted(classes.items()):
        width = max(length for _, length in documents)
        begins, sizes = torch.tensor(documents).unbind(1)
        columns = torch.arange(width)
        real = columns < sizes[:, None]
        there.append(torch.where(real, begins[:, None] + columns, begins[:, None]).reshape(-1))
        valid.append(real.reshape(-1))
        groups.append((len(documents), width))
    all_there, all_valid = torch.cat(there), torch.cat(valid)
    back = torch.empty(begin, dtype=torch.long)
    places = all_valid.nonzero().squeeze(1)
    back[all_there[places]] = places
    return Plan(tuple(groups), all_there, back, None if bool(all_valid.all()) else all_valid)


def size_class(length: int) -> int:
    """16, 24, 32, 48, 64, ...: the widths that documents are filled up to share a call, at most 1.5 times their own."""
    size = 16
    while size < length:
        if size + size // 2 >= length:
            return size + size // 2
        size *= 2
    return size


class _Take(torch.autograd.Function):
    """`x[forward]` along the first axis; its gradient is `g[backward]`, a second gather instead of a slow scatter-add.

    `valid` marks the rows of the longer side that stand for themselves; the others carry no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: Tensor, backward: Tensor, valid: Tensor | None) -> Tensor:
        ctx.save_for_backward(backward, valid)
        return x.index_select(0, forward)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        backward, valid = ctx.saved_tensors
        taken = g.index_select(0, backward)
        if valid is not None:
            taken = taken * valid[:, None, None]
        return taken, None, None, None


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    plan: Plan | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Causal attention within the documents of `plan`; query `[1, H, S, D]`, key and value `[1, K, S, D]`."""
    if plan is None or query.shape[0] != 1 or key.shape[2] != len(plan.back):
        raise CapabilityError(f"{NAME} takes one flat row and its plan; use sdpa for anything else")
    if softcap is not None:
        raise CapabilityError("attention with a soft cap on its logits cannot be trained packed")
    q, k, v = (_gather(x, plan) for x in (query, key, value))
    outputs, begin = [], 0
    for count, width in plan.groups:
        part = slice(begin, begin + count * width)
        q_GHLD, k_GKLD, v_GKLD = (x[part].view(count, width, *x.shape[1:]).transpose(1, 2) for x in (q, k, v))
        out_GHLD = _attend(q_GHLD, k_GKLD, v_GKLD, scaling, dropout, sliding_window)
        outputs.append(out_GHLD.transpose(1, 2).flatten(0, 1))
        begin = part.stop
    out_SHD: Tensor = _Take.apply(torch.cat(outputs), plan.back, plan.there, plan.valid)  # type: ignore[no-untyped-call]
    return out_SHD.unsqueeze(0), None


def _gather(x_1HSD: Tensor, plan: Plan) -> Tensor:
    taken: Tensor = _Take.apply(x_1HSD[0].transpose(0, 1), plan.there, plan.back, None)  # type: ignore[no-untyped-call]
    return taken


def _attend(
    q_GHLD: Tensor, k_GKLD: Tensor, v_GKLD: Tensor, scaling: float | None, dropout: float, window: int | None
) -> Tensor:
    shared = q_GHLD.shape[1] // k_GKLD.shape[1]
    if shared > 1:
        k_GKLD, v_GKLD = (x.repeat_interleave(shared, dim=1) for x in (k_GKLD, v_GKLD))
    length, device = q_GHLD.shape[2], q_GHLD.device
    mask = visible(length, window, device) if window is not None and window < length else None
    in_float32 = device.type == "cpu" and length <= SHORT
    if in_float32:
        q_GHLD, k_GKLD, v_GKLD = (x.float() for x in (q_GHLD, k_GKLD, v_GKLD))
    with torch.autocast(device.type, enabled=torch.is_autocast_enabled(device.type) and not in_float32):
        return F.scaled_dot_product_attention(
            q_GHLD, k_GKLD, v_GKLD, attn_mask=mask, dropout_p=dropout, scale=scaling, is_causal=mask is None
        )


def visible(length: int, window: int, device: torch.device) -> Tensor:
    """Which keys each query sees, `[L, L]`: itself and what came before, the nearest `window` of them."""
    at = torch.arange(length, device=device)
    distance = at[:, None] - at
    return (distance >= 0) & (distance < window)


def register() -> None:
    """Make the attention function known to transformers. Without a mask function of that name it builds no mask."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)


def prepare(model: Any) -> None:
    """Switch a transformers model to attention inside documents.

    Raises:
        CapabilityError: the architecture attends in a way that cannot be packed.
    """
    config = model.config
    for field, why in (
        ("attn_logit_softcapping", "a soft cap on its attention logits"),
        ("use_bidirectional_attention", "attention in both directions"),
        ("final_logit_softcapping", "a soft cap on its logits"),
    ):
        if getattr(config, field, None):
            raise CapabilityError(
                f"{config.model_type} with {why} ({field}={getattr(config, field)}) cannot be trained here",
                hint="Qwen3, Qwen2, Llama and Gemma 3 text models can",
            )
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise CapabilityError(f"{config.model_type} has a head with a bias, which the chunked loss does not know")
    register()
    model.set_attn_implementation(NAME)
    model.config.use_cache = False


def positions(lengths: Sequence[int]) -> Tensor:
    """Position ids that begin at 0 in each document, `[1, S]`."""
    return torch.cat([torch.arange(n) for n in lengths]).unsqueeze(0)


def hidden_states(model: Any, ids_S: Tensor, lengths: Sequence[int]) -> Tensor:
    """Last hidden states `[S, D]` of documents in a flat row."""
    device = ids_S.device
    where = plan(lengths).to(device)
    positions_1S = positions(lengths).to(device)
    body = model.base_model(input_ids=ids_S[None], position_ids=positions_1S, use_cache=False, plan=where)
    hidden_SD: Tensor = body.last_hidden_state[0]
    return hidden_SD


def leak_probe(model: Any, *, tolerance: float = LEAK_TOLERANCE) -> float:
    """Change the first of two packed documents and watch the logits of the second; the largest change.

    Runs in float32; the change is in units of the largest logit (at least 1), as rounding is. Training on documents
    that see each other fails silently: the loss looks better than it is.

    Raises:
        CapabilityError: the logits move by more than `tolerance`, or the second document differs from itself alone.
    """
    device = next(model.parameters()).device
    vocabulary = model.get_input_embeddings().weight.shape[0]
    first, other, second = (((torch.arange(n) * 7 + n) % vocabulary).to(device) for n in (9, 11, 13))
    other = (other[:9] + 1) % vocabulary
    training = model.training
    model.eval()
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        seen = [_probe_logits(model, [document, second]) for document in (first, other)]
        alone = _probe_logits(model, [second])
    model.train(training)
    moved = torch.stack([(seen[0] - seen[1]).abs().max(), (seen[0] - alone).abs().max()]).max()
    leak = float(moved / alone.abs().max().clamp(min=1.0))
    if not leak <= tolerance:
        raise CapabilityError(
            f"packed documents see each other: the logits of one move by {leak:.3g} when its neighbor changes "
            f"(at most {tolerance:g} is rounding)",
            hint="the attention of this architecture does not keep to document borders; do not train it packed",
        )
    return leak


def _probe_logits(model: Any, documents: Sequence[Tensor]) -> Tensor:
    hidden_SD = hidden_states(model, torch.cat(list(documents)), [len(d) for d in documents])
    logits: Tensor = model.get_output_embeddings()(hidden_SD[-len(documents[-1]) :]).float()
    return logits

"""Log-probabilities of given tokens, in padded batches whose composition depends on the requests alone.

Sequences are padded on the right: with causal attention what stands behind a token cannot change it, so no mask is
needed. Wide batches are cut into columns over a cache, because the logits and not the weights are what fills memory:
4,096 tokens x 150,000 entries are 2.4 GB.

Shapes: B sequences, T tokens, C columns, V vocabulary.
"""
# ruff: noqa: N803, N806 - tensors carry shape suffixes

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.backends.base import TokenLogprob, TokenScores
from lontar.backends.hf_generate import Engine
from lontar.backends.text import Detokenizer

MAX_ROWS = 64
# 2**28 bytes of float32 logits at once.
LOGITS_BYTES = 2**28


@dataclass(frozen=True, slots=True)
class Request:
    """Tokens, of which those from `start` on are scored; `start` is at least 1. `top`: alternatives per token."""

    ids: tuple[int, ...]
    start: int
    top: int = 0


def batches(requests: Sequence[Request], max_tokens: int = 8192) -> list[list[int]]:
    """Numbers of the requests that are run together: of similar length, at most `max_tokens` with padding."""
    order = sorted(range(len(requests)), key=lambda i: (len(requests[i].ids), requests[i].ids))
    found: list[list[int]] = []
    for i in order:
        width = len(requests[i].ids)  # the longest so far: the order is ascending
        if not found or len(found[-1]) >= MAX_ROWS or (len(found[-1]) + 1) * width > max_tokens:
            found.append([])
        found[-1].append(i)
    return found


def score_batch(engine: Engine, requests: Sequence[Request]) -> Generator[list[TokenScores] | None, None, None]:
    """Score one batch; yields the list of results last."""
    import torch

    width = max(len(request.ids) for request in requests)
    ids_BT = torch.tensor(
        [list(r.ids) + [0] * (width - len(r.ids)) for r in requests], device=engine.device, dtype=torch.long
    )
    tokens: list[list[TokenLogprob]] = [[] for _ in requests]
    texts = [_texts(engine, request) for request in requests]
    greedy = [True] * len(requests)
    for begin, logits_BTV in _columns(engine, ids_BT):
        values = _gathered(logits_BTV, ids_BT, begin)
        for row, request in enumerate(requests):
            columns = range(max(begin, request.start - 1), min(begin + logits_BTV.shape[1], len(request.ids) - 1))
            for column in columns:
                logprob, best = values[0][row][column - begin], values[1][row][column - begin]
                target = request.ids[column + 1]
                top = _top(engine, logits_BTV[row, column - begin], request.top) if request.top else ()
                tokens[row].append(TokenLogprob(target, texts[row][column + 1], logprob, top))
                greedy[row] &= best == target
        yield None
    yield [TokenScores(tuple(listed), flag) for listed, flag in zip(tokens, greedy, strict=True)]


def _texts(engine: Engine, request: Request) -> list[str]:
    """Text that becomes complete with each token, so that all of them together are the text again."""
    before, after = Detokenizer(engine.pieces, at_start=True), Detokenizer(engine.pieces, at_start=request.start == 1)
    head = [before.push(token) for token in request.ids[: request.start]]
    return head + [after.push(token) for token in request.ids[request.start :]]


def _columns(engine: Engine, ids_BT: Any) -> Generator[tuple[int, Any], None, None]:
    """Logits `[B, C, V]` of column after column, the last one left out: nothing follows it."""
    n_rows, width = ids_BT.shape
    step = max(1, LOGITS_BYTES // (4 * n_rows * int(engine.model.get_output_embeddings().weight.shape[0])))
    cache = engine.new_cache() if width - 1 > step else None
    for begin in range(0, width - 1, step):
        yield begin, engine.forward(ids_BT[:, begin : min(begin + step, width - 1)], cache).float()


def _gathered(logits_BTV: Any, ids_BT: Any, begin: int) -> tuple[list[list[float]], list[list[int]]]:
    """Log-probability of the token that follows each position, and the likeliest token there."""
    targets_BT = ids_BT[:, begin + 1 : begin + 1 + logits_BTV.shape[1], None]
    chosen_BT = logits_BTV.gather(-1, targets_BT)[..., 0] - logits_BTV.logsumexp(-1)
    return chosen_BT.tolist(), logits_BTV.argmax(-1).tolist()


def _top(engine: Engine, logits_V: Any, n: int) -> tuple[tuple[str, float], ...]:
    values = logits_V.log_softmax(-1).topk(min(n, logits_V.shape[-1]))
    pairs = zip(values.indices.tolist(), values.values.tolist(), strict=True)
    return tuple((engine.pieces.name(i), logprob) for i, logprob in pairs)

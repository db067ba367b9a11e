"""Answers token by token with a key-value cache: one sequence in steps, or a padded batch at once.

Both are generators that yield between forward passes, so that the worker thread can take turns. A sequence is read in
pieces of `PREFILL` tokens, so that a long prompt does not hold up answers that are under way.

Shapes: B sequences, T tokens, V vocabulary.
"""
# ruff: noqa: N803, N806 - tensors carry shape suffixes

from __future__ import annotations

import functools
import inspect
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.backends.base import Delta, FinishReason, Generation, Sampling, TokenLogprob, Usage
from lontar.backends.choose import Logits, choose, likeliest, log_softmax, sampling_rng
from lontar.backends.stops import StopFilter
from lontar.backends.text import Detokenizer, Pieces

PREFILL = 512


@dataclass(frozen=True)
class Engine:
    """A model that is ready to run."""

    model: Any
    device: Any
    pieces: Pieces
    ends: frozenset[int]
    """tokens that end an answer"""
    vocabulary: int
    """ids with a token: rows of the output beyond it are padding and never chosen"""

    @functools.cached_property
    def _cache_name(self) -> str:
        # transformers renamed the argument in 5.2x and warns about the old name.
        return "cache" if "cache" in inspect.signature(type(self.model).forward).parameters else "past_key_values"

    def new_cache(self) -> Any:
        """An empty key-value cache."""
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def forward(self, ids_BT: Any, cache: Any = None, **more: Any) -> Any:
        """Logits `[B, T, V]`; `cache` grows."""
        import torch

        with torch.inference_mode():
            kept = {} if cache is None else {self._cache_name: cache}
            return self.model(input_ids=ids_BT, use_cache=cache is not None, **kept, **more).logits


@dataclass
class _Answer:
    """One answer under way."""

    engine: Engine
    sampling: Sampling
    limit: int
    index: int = 0

    def __post_init__(self) -> None:
        self.rng = sampling_rng(self.sampling, self.index)
        self.detokenizer = Detokenizer(self.engine.pieces, at_start=False)
        self.stops = StopFilter(self.sampling.stop)
        self.spent = 0
        self.reason: FinishReason | None = "length" if self.limit <= 0 else None

    def take(self, logits_V: Logits) -> tuple[int, Delta]:
        """Choose the next token; the token and what it makes known."""
        token = choose(logits_V, self.sampling, self.rng)
        self.spent += 1
        if token in self.engine.ends:
            self.reason = "stop"
            return token, Delta(self.stops.flush(), index=self.index)
        complete = self.detokenizer.push(token)
        text = self.stops.push(complete)
        if self.stops.stopped:
            self.reason = "stop"
        elif self.spent >= self.limit:
            self.reason = "length"
            text += self.stops.flush()
        return token, Delta(text, (token,), self._logprobs(logits_V, token, complete), index=self.index)

    def _logprobs(self, logits_V: Logits, token: int, text: str) -> tuple[TokenLogprob, ...]:
        n = self.sampling.logprobs
        if n is None:
            return ()
        values_V, name = log_softmax(logits_V), self.engine.pieces.name
        top = tuple((name(i), float(values_V[i])) for i in likeliest(values_V, n))
        return (TokenLogprob(token, text, float(values_V[token]), top),)


def generate(engine: Engine, ids: Sequence[int], sampling: Sampling, limit: int) -> Generator[Delta | None, None, None]:
    """All `sampling.n` answers to one prompt, one after the other; at most `limit` new tokens each."""
    for index in range(sampling.n):
        answer = _Answer(engine, sampling, limit, index)
        forward = _Forward(engine)
        logits_V = yield from forward.prefill(ids) if answer.reason is None else _nothing()
        while answer.reason is None:
            token, delta = answer.take(logits_V)
            yield delta
            if answer.reason is None:
                logits_V = forward.next(token)
        usage = Usage(len(ids), answer.spent)
        yield Delta(finish_reason=answer.reason, index=index, usage=usage, matched=answer.stops.matched)


def _nothing() -> Generator[None, None, Any]:
    return None
    yield  # makes this a generator


class _Forward:
    """Forward passes of one sequence over a growing cache."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cache = engine.new_cache()

    def prefill(self, ids: Sequence[int]) -> Generator[None, None, Logits]:
        logits_V = self._run(ids[:PREFILL])
        for start in range(PREFILL, len(ids), PREFILL):
            yield
            logits_V = self._run(ids[start : start + PREFILL])
        return logits_V

    def next(self, token: int) -> Logits:
        return self._run([token])

    def _run(self, ids: Sequence[int]) -> Logits:
        import torch

        ids_1T = torch.tensor([list(ids)], device=self.engine.device)
        logits_1TV = self.engine.forward(ids_1T, self.cache, logits_to_keep=1)
        logits_V: Logits = logits_1TV[0, -1, : self.engine.vocabulary].float().cpu().numpy()
        return logits_V


def generate_batch(
    engine: Engine, prompts: Sequence[Sequence[int]], sampling: Sampling, limits: Sequence[int]
) -> Generator[list[Generation] | None, None, None]:
    """One answer to each prompt, all of them growing together; yields the list of answers last.

    The result depends on which prompts stand in the batch only as far as sums in another order do.
    """
    answers = [_Answer(engine, sampling, limit) for limit in limits]
    deltas: list[list[Delta]] = [[] for _ in prompts]
    forward = _BatchForward(engine, prompts)
    last: list[int] | None = None
    while any(answer.reason is None for answer in answers):
        logits_BV = forward.run(last)
        last = [0] * len(prompts)
        for row, answer in enumerate(answers):
            if answer.reason is None:
                last[row], delta = answer.take(logits_BV[row])
                deltas[row].append(delta)
        yield None
    yield [_gathered(answer, parts, len(ids)) for answer, parts, ids in zip(answers, deltas, prompts, strict=True)]


def _gathered(answer: _Answer, parts: Sequence[Delta], n_prompt: int) -> Generation:
    return Generation(
        text="".join(part.text for part in parts),
        token_ids=tuple(i for part in parts for i in part.token_ids),
        logprobs=tuple(p for part in parts for p in part.logprobs),
        finish_reason=answer.reason or "stop",
        usage=Usage(n_prompt, answer.spent),
        matched=answer.stops.matched,
    )


class _BatchForward:
    """Forward passes of a batch that is padded on the left, so that all sequences end in the same column."""

    def __init__(self, engine: Engine, prompts: Sequence[Sequence[int]]) -> None:
        import torch

        self.engine = engine
        self.cache = engine.new_cache()
        width = max(len(ids) for ids in prompts)
        self.ids_BT = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in prompts], device=engine.device)
        lengths = torch.tensor([[len(ids)] for ids in prompts], device=engine.device)
        columns = torch.arange(width, device=engine.device)[None, :]
        self.mask_BT = (columns >= width - lengths).long()

    def run(self, last: Sequence[int] | None) -> Any:
        """Logits of the last column `[B, V]`; `last` are the tokens just chosen, None at the start."""
        import torch

        if last is not None:
            self.ids_BT = torch.tensor(last, device=self.engine.device)[:, None]
            self.mask_BT = torch.nn.functional.pad(self.mask_BT, (0, 1), value=1)
        positions_BT = (self.mask_BT.cumsum(-1) - 1).clamp(min=0)[:, -self.ids_BT.shape[1] :]
        logits_BTV = self.engine.forward(
            self.ids_BT, self.cache, attention_mask=self.mask_BT, position_ids=positions_BT, logits_to_keep=1
        )
        return logits_BTV[:, -1, : self.engine.vocabulary].float().cpu().numpy()

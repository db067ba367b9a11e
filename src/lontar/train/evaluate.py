"""Bits per byte on held-out text, per language: the one figure that is comparable across tokenizers.

Each document is scored on its own from the start token on; longer ones in windows. The text is normalized as for
training, and its bytes are counted after that. The end-of-document token is not part of the text and is not counted.
Everything runs in float32, so that the figure does not depend on what the processor can do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lontar.train import packing
from lontar.train.batches import batch_of, n_predicted
from lontar.train.losses import bits_per_byte, token_nll
from lontar.train.tokens import TokenStore

# Longer windows change the figure of small models by less than a percent and cost quadratic attention.
WINDOW = 1024
BATCH_TOKENS = 4096


@dataclass(frozen=True)
class HeldOut:
    """What was measured in one language."""

    bits_per_byte: float
    n_bytes: int
    n_tokens: int
    """tokens of the text, without start and end; of chats, those that carry loss"""

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.bits_per_byte * math.log(2) * self.n_bytes / self.n_tokens if self.n_tokens else 0.0


def evaluate(
    model: Any, stores: Mapping[str, TokenStore], *, ends: bool, context: int, longest: int = WINDOW
) -> dict[str, HeldOut]:
    """Measure each language. Sets the model to evaluation.

    `ends`: the documents of the stores carry an end token, which does not count. Documents longer than `longest`
    tokens, or than the model's `context`, are cut into windows.
    """
    packing.prepare(model)
    model.eval()
    window = min(context, longest)
    return {lang: _measure(model, store, ends=ends, window=window) for lang, store in sorted(stores.items())}


def _measure(model: Any, store: TokenStore, *, ends: bool, window: int) -> HeldOut:
    stretches = [s for i in range(len(store)) for s in windows(store.document(i)[: -1 if ends else None], window)]
    nats = sum(_nats(model, group) for group in _groups(stretches))
    n_bytes = int(store.sizes.sum())
    return HeldOut(bits_per_byte(nats, n_bytes), n_bytes, sum(n_predicted(s) for s in stretches))


def windows(ids: NDArray[np.int32], window: int) -> list[NDArray[np.int32]]:
    """Cut a document so that every token but the first is predicted once, from at most `window` tokens before it."""
    return [ids[begin : begin + window + 1] for begin in range(0, len(ids) - 1, window)]


def _groups(stretches: Sequence[NDArray[np.int32]]) -> Iterator[list[NDArray[np.int32]]]:
    """Stretches of similar length together, about BATCH_TOKENS at a time."""
    ordered = sorted(stretches, key=len)
    edges = np.cumsum([len(s) for s in ordered]) // BATCH_TOKENS
    for _, group in groupby(zip(edges, ordered, strict=True), key=lambda pair: int(pair[0])):
        yield [stretch for _, stretch in group]


def _nats(model: Any, stretches: Sequence[NDArray[np.int32]]) -> float:
    batch = batch_of(stretches)
    device = next(model.parameters()).device
    ids, labels = (torch.from_numpy(x).to(device) for x in (batch.ids, batch.labels))
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        hidden = packing.hidden_states(model, ids, batch.lengths)
        return float(token_nll(hidden, model.get_output_embeddings().weight, labels).double().sum())

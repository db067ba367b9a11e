"""Choosing the next token. In NumPy and 64-bit floats, so that a seed means the same on every device.

Shapes: V vocabulary.
"""
# ruff: noqa: N803 - arrays carry shape suffixes

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lontar.backends.base import Sampling

Logits = NDArray[np.float32]


def sampling_rng(sampling: Sampling, index: int = 0) -> np.random.Generator:
    """Random numbers of answer `index`: fixed by the seed, or fresh ones."""
    return np.random.default_rng(None if sampling.seed is None else [abs(sampling.seed), int(sampling.seed < 0), index])


def choose(logits_V: Logits, sampling: Sampling, rng: np.random.Generator) -> int:
    """The next token: the likeliest one, or one drawn from the nucleus (Holtzman et al. 2020)."""
    if not sampling.temperature:
        return int(logits_V.argmax())
    weights = np.exp((logits_V.astype(np.float64) - float(logits_V.max())) / sampling.temperature)
    if 0 < sampling.top_k < len(weights):
        weights[weights < np.partition(weights, -sampling.top_k)[-sampling.top_k]] = 0.0
    if sampling.top_p < 1:
        weights = _nucleus(weights, sampling.top_p)
    ends = np.cumsum(weights)
    return int(min(np.searchsorted(ends, rng.random() * ends[-1], side="right"), len(ends) - 1))


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """Weights of the smallest set with share `top_p`; all others 0."""
    order = np.argsort(-weights, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    kept = order[before < top_p * weights.sum()]
    result = np.zeros_like(weights)
    result[kept] = weights[kept]
    return result


def log_softmax(logits_V: Logits) -> NDArray[np.float64]:
    """Log-probabilities in nats."""
    shifted = logits_V.astype(np.float64) - float(logits_V.max())
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return result


def likeliest(logprobs_V: NDArray[np.float64], n: int) -> list[int]:
    """The `n` likeliest tokens, likeliest first."""
    n = min(n, len(logprobs_V))
    if n == 0:
        return []
    some = np.argpartition(-logprobs_V, n - 1)[:n]
    return [int(i) for i in some[np.argsort(-logprobs_V[some], kind="stable")]]

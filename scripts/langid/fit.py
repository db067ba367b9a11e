"""A linear model over sums of word features, by full-batch Adam on the softmax loss.

The score of a window is the sum of the scores of its words, so the matrix of windows by features factorizes into
windows by words and words by features, and an iteration is four sparse products. Every sum has a fixed order and `exp`
is our own, so that the same versions of numpy and scipy give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from lontar.text.langid.features import BUCKETS, features

Floats = NDArray[np.float32]
WHOLE_DROPPED = 0.3
"""Share of words whose own feature is hidden: a word that was never seen has none either."""
DECAY = 1e-6


def word_features(words: Sequence[str]) -> sp.csr_matrix:
    """Words by buckets: n-grams by 1/sqrt(n), whole words by 1; then the same rows without the whole words."""
    found = features(words)
    n = len(words)
    rows = np.concatenate([np.repeat(np.arange(n), found.counts), np.arange(n)])
    columns = np.concatenate([found.grams, found.whole])
    grams = np.repeat((1 / np.sqrt(found.counts)).astype(np.float32), found.counts)
    shape = (n, BUCKETS)
    both = sp.csr_matrix((np.concatenate([grams, np.ones(n, np.float32)]), (rows, columns)), shape=shape)
    alone = sp.csr_matrix((np.concatenate([grams, np.zeros(n, np.float32)]), (rows, columns)), shape=shape)
    return sp.vstack([both, alone]).tocsr()


def exp(x: Floats) -> Floats:
    """E to the x for x <= 0, to 1e-7, by operations that IEEE 754 rounds alike everywhere (numpy's differ by CPU)."""
    x = np.maximum(x, np.float32(-80))
    k = np.rint(x * np.float32(1.4426950408889634))
    r = x - k * np.float32(0.693145751953125) - k * np.float32(1.42860682030941723e-6)
    total = np.ones_like(r)
    for i in range(7, 0, -1):
        total = total * (r / np.float32(i)) + np.float32(1)
    return np.ldexp(total, k.astype(np.int32))


def fit(
    windows: Sequence[Sequence[str]], labels: NDArray[np.int64], classes: int, iterations: int = 70, seed: int = 0
) -> tuple[Floats, Floats]:
    """Weights [BUCKETS, classes] and biases [classes]."""
    types: dict[str, int] = {}
    ids = np.array([types.setdefault(word, len(types)) for window in windows for word in window])
    ids = ids + len(types) * (np.random.default_rng(seed).random(ids.size) < WHOLE_DROPPED)
    ends = np.cumsum([0, *(len(window) for window in windows)])
    a = sp.csr_matrix((np.ones(ids.size, np.float32), ids, ends), shape=(len(windows), 2 * len(types)))
    f = word_features(list(types))
    ft, at = f.T.tocsr(), a.T.tocsr()
    counts = np.bincount(labels, minlength=classes)
    # Between "as they come" and "all alike": a language weighs by the square root of its windows.
    per_class = 1 / np.sqrt(np.maximum(counts, 1))
    weight = (per_class / (per_class * counts).sum()).astype(np.float32)[labels]
    w, b = np.zeros((BUCKETS, classes), np.float32), np.zeros(classes, np.float32)
    state = [np.zeros_like(p) for p in (w, w, b, b)]
    every = np.arange(len(labels))
    for step in range(1, iterations + 1):
        z = a @ (f @ w) + b
        z = exp(z - z.max(1, keepdims=True))
        total = z[:, 0].copy()
        for column in range(1, classes):
            total += z[:, column]
        z /= total[:, None]
        z[every, labels] -= 1
        z *= weight[:, None]
        rate = np.float32(0.1 * min(1, step / 10) * (1 - 0.9 * step / iterations))
        _adam(w, ft @ (at @ z) + np.float32(DECAY) * w, state[0], state[1], step, rate)
        _adam(b, np.add.reduce(z, axis=0), state[2], state[3], step, rate)
    return w, b


def _adam(p: Floats, gradient: Floats, mean: Floats, square: Floats, step: int, rate: np.float32) -> None:
    mean *= np.float32(0.9)
    mean += np.float32(0.1) * gradient
    square *= np.float32(0.98)
    square += np.float32(0.02) * gradient * gradient
    p -= rate * (mean / np.float32(1 - 0.9**step)) / (np.sqrt(square / np.float32(1 - 0.98**step)) + np.float32(1e-7))

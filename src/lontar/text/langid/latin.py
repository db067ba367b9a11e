"""Languages in Latin script: scores of words by a linear model that the package carries.

The score of a text is the sum of the scores of its words, each a row of integers, so any part of a text is scored by
adding rows: that is what tells the language of a document and of three words in it with one model. Rows of words are
kept, since the words of a language repeat.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.text.langid.features import features, normal_word

__all__ = ["UNIT", "LatinModel", "model"]

Rows = NDArray[np.int32]

UNIT = 256
"""Steps of a word score per step of a weight: sums of n-grams are divided by a square root, and stay integers."""
FOLDER = Path(__file__).parent
"""Where the model is; `scripts/langid/measure.py` looks at others."""
_KEPT = 1 << 16
"""Words whose rows are kept: 9 MB, after which all are forgotten."""


class LatinModel:
    """Weights and the rows of words seen lately; safe to share between threads."""

    def __init__(self, weights: NDArray[np.int8], about: dict[str, Any]) -> None:
        self.labels: list[str] = about["labels"]
        self.nats: float = about["scale"] / UNIT
        """Log-odds per step of a row."""
        self.bias: Rows = np.rint(np.array(about["biases"]) / self.nats).astype(np.int32)
        self._weights = weights
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self._table: Rows = np.zeros((1024, len(self.labels)), dtype=np.int32)

    def rows(self, words: Sequence[str]) -> Rows:
        """Score rows of words as they stand in a text, shape [words, labels]."""
        with self._lock:
            known = self._known
            new = {word for word in words if word not in known}
            if new:
                if len(known) + len(new) > _KEPT:
                    known.clear()
                    new = set(words)
                self._learn(sorted(new))
            return self._table[np.fromiter(map(known.__getitem__, words), dtype=np.int64, count=len(words))]

    def _learn(self, words: list[str]) -> None:
        first = len(self._known)
        if (need := first + len(words)) > len(self._table):
            larger = np.zeros((max(need, 2 * len(self._table)), len(self.labels)), dtype=np.int32)
            larger[:first] = self._table[:first]
            self._table = larger
        for start in range(0, len(words), _BLOCK):
            block = words[start : start + _BLOCK]
            self._table[first + start : first + start + len(block)] = self._scored([normal_word(w) for w in block])
        self._known.update(zip(words, range(first, first + len(words)), strict=True))

    def _scored(self, words: list[str]) -> Rows:
        found = features(words)
        sums = np.add.reduceat(self._weights[found.grams], found.starts, axis=0, dtype=np.int32)
        shares = np.rint(sums * (UNIT / np.sqrt(found.counts))[:, None]).astype(np.int32)
        return shares + UNIT * self._weights[found.whole].astype(np.int32)


_BLOCK = 2048
"""Words scored at a time: some 50,000 n-grams, 2 MB of weights."""


@cache
def model() -> LatinModel:
    """The model of the package, read once: 4.3 MB."""
    about = json.loads((FOLDER / "latin.json").read_text("utf-8"))
    return LatinModel(np.load(FOLDER / "latin.npy"), about)

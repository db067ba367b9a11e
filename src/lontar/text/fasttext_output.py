"""From the mean of the input rows to labels: softmax, independent sigmoids, or a Huffman tree; and the k best.

Every float32 operation is done in the order of the original, so that near ties fall on the same side: sums of products
run over the width one by one, the sum of a softmax over the labels, logarithms get 1e-5 added. Equal scores are common
(sigmoids come from a table of 512 steps, small probabilities vanish beside that 1e-5), and the label that wins then is
the one that the heap of the C++ library leaves on top: Python's `heapq` moves its items alike.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lontar.errors import DataError
from lontar.text.fasttext_format import Floats, Matrix, ModelFile

__all__ = ["Best", "Output", "output_of"]

Best = list[tuple[int, float]]
"""Labels by number with their probabilities, best first."""
TINY = 1e-5
EDGE, STEPS = 8, 512
PRODUCTS = 2**20
"""Products held at once when several texts are scored together: 4 MiB."""
UNKNOWN = 10**15
"""Count of the inner nodes of the tree that don't have theirs yet; a real count must be smaller."""


class Output(Protocol):
    """The last layer of a classifier."""

    def best(self, hidden: Floats, k: int, threshold: np.float32) -> list[Best]:
        """The `k` best labels of each text that reach the threshold."""


def output_of(file: ModelFile) -> Output:
    """The last layer that a model was trained with."""
    labels = len(file.dictionary.labels)
    match file.settings.loss:
        case "hs":
            return Tree(file, file.dictionary.label_counts)
        case "softmax":
            return Flat(Products(file.output, labels), softmax)
        case _:  # one versus all, and negative sampling, which predicts in the same way
            return Flat(Products(file.output, labels), sigmoids)


class Products:
    """Inner products with the first `n` rows of a matrix."""

    def __init__(self, matrix: Matrix, n: int) -> None:
        rows, self._scale = matrix.unscaled(slice(0, n))
        self._columns = np.ascontiguousarray(rows.T)
        self._batch = max(1, PRODUCTS // max(1, rows.size))

    def __call__(self, hidden: Floats) -> Floats:
        """[B, n], summed over the width from the first column to the last, then multiplied by the row's norm.

        Raises:
            DataError: a result is not a number.
        """
        parts = [hidden[at : at + self._batch] for at in range(0, len(hidden), self._batch)]
        with np.errstate(all="ignore"):
            sums = [np.add.reduce(part[:, :, None] * self._columns, axis=1) for part in parts]
            found = np.concatenate(sums) if self._scale is None else np.concatenate(sums) * self._scale
        if not np.isfinite(found).all():
            raise DataError("the model's weights hold values that are not numbers", hint="train it with a lower rate")
        return found


class Flat:
    """A probability for each label at once."""

    def __init__(self, products: Products, squash: Callable[[Floats], Floats]) -> None:
        self._products, self._squash = products, squash

    def best(self, hidden: Floats, k: int, threshold: np.float32) -> list[Best]:
        """See `Output`."""
        probs = self._squash(self._products(hidden))
        rows = logs(probs)
        rows[probs < threshold] = -np.inf
        return [leading(row, k) for row in rows]


def softmax(values: Floats) -> Floats:
    """Exponentials over their sum."""
    powers: Floats = np.exp((values - values.max(axis=1, keepdims=True)).astype(np.float64)).astype(np.float32)
    # `accumulate` adds one by one; `sum` adds pairwise, which is not what the original does.
    total: Floats = np.add.accumulate(powers, axis=1)[:, -1:]
    return powers / total


def sigmoids(values: Floats) -> Floats:
    """The logistic function by a table between -8 and 8, and 0 or 1 beyond."""
    steps = np.arange(STEPS + 1, dtype=np.float32) * np.float32(2 * EDGE / STEPS) - np.float32(EDGE)
    table = (1.0 / (1.0 + falling(steps))).astype(np.float32)
    inside = np.clip(values, -EDGE, EDGE) + np.float32(EDGE)
    found: Floats = table[(inside * np.float32(STEPS / (2 * EDGE))).astype(np.intp)]
    found[values < -EDGE], found[values > EDGE] = 0, 1
    return found


def falling(values: Floats) -> NDArray[np.float64]:
    """exp(-x), rounded to float32 and widened again."""
    with np.errstate(over="ignore"):
        return np.exp(-values.astype(np.float64)).astype(np.float32).astype(np.float64)


def logs(probs: Floats) -> Floats:
    """log(x + 1e-5), in float64 and rounded."""
    return np.log(probs.astype(np.float64) + TINY).astype(np.float32)


def leading(row: Floats, k: int) -> Best:
    """The `k` best labels of a row: by sorting, or by the heap where two of the best scores are equal."""
    labels = np.flatnonzero(row > -np.inf)
    best = labels[np.argsort(-row[labels])[: k + 1]]  # one more, which may be equal to the last one wanted
    if (np.diff(row[best]) == 0).any():
        heap = Heap(k)
        for label in labels.tolist():
            heap.offer(float(row[label]), label)
        return heap.sorted()
    return [(label, probability(float(row[label]))) for label in best[:k].tolist()]


def probability(score: float) -> float:
    """What a logarithm stands for, rounded to float32; up to 1.00001, as in the original."""
    return float(np.float32(math.exp(score)))


class Scored(float):
    """A score that is compared as such and carries its label."""

    __slots__ = ("label",)
    label: int


class Heap:
    """The `k` best of what it is offered."""

    def __init__(self, k: int) -> None:
        self._items: list[Scored] = []
        self._k = k

    def refuses(self, score: float) -> bool:
        """Whether it is full and holds nothing worse."""
        return len(self._items) == self._k and score < self._items[0]

    def offer(self, score: float, label: int) -> None:
        """Take an item in unless it is refused, and drop the worst one when there are too many."""
        if self.refuses(score):
            return
        item = Scored(score)
        item.label = label
        heapq.heappush(self._items, item)
        if len(self._items) > self._k:
            heapq.heappop(self._items)

    def sorted(self) -> Best:
        """All items, best first; empties the heap."""
        worst_first = [heapq.heappop(self._items) for _ in range(len(self._items))]
        return [(item.label, probability(item)) for item in reversed(worst_first)]


class Tree:
    """Hierarchical softmax (Morin and Bengio 2005) over a Huffman tree of the labels' counts."""

    def __init__(self, file: ModelFile, counts: Sequence[int]) -> None:
        if not all(0 <= count < UNKNOWN for count in counts):
            raise DataError(f"{file.path}: the model file is damaged: a label has no possible count")
        self._n = len(counts)
        self._children = huffman(counts)
        self._products = Products(file.output, self._n - 1)

    def best(self, hidden: Floats, k: int, threshold: np.float32) -> list[Best]:
        """See `Output`."""
        right = self._right(hidden)
        left = (1.0 - right.astype(np.float64)).astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):  # a negative threshold lets everything pass
            floor = float(logs(np.asarray(threshold)))
        return [self._walk(*steps, k, floor) for steps in zip(logs(left), logs(right), strict=True)]

    def _right(self, hidden: Floats) -> Floats:
        """The probability of the right child at each inner node; unlike the table's, its sum 1 + exp is in float32."""
        if self._n == 1:
            return np.zeros((len(hidden), 0), np.float32)
        sums = (1.0 + falling(self._products(hidden))).astype(np.float32)
        return (1.0 / sums.astype(np.float64)).astype(np.float32)

    def _walk(self, left: Floats, right: Floats, k: int, floor: float) -> Best:
        """Depth first, left before right; a branch whose score is under the floor or too low for the heap is cut."""
        heap, n = Heap(k), self._n
        stack = [(2 * n - 2, np.float32(0))]
        while stack:
            node, score = stack.pop()
            if score < floor or heap.refuses(float(score)):
                continue
            if node < n:
                heap.offer(float(score), node)
                continue
            inner = node - n
            first, second = self._children[inner]
            stack.append((second, score + right[inner]))
            stack.append((first, score + left[inner]))
        return heap.sorted()


def huffman(counts: Sequence[int]) -> list[tuple[int, int]]:
    """The children of each inner node; leaves are 0..n-1 and inner nodes n..2n-2, the last being the root.

    Leaves are taken from the last one back, inner nodes in the order they are made, whichever counts less; among equals
    the inner node. The original relies on counts that fall from first to last label, and so do we.
    """
    n = len(counts)
    total = [*counts, *[UNKNOWN] * (n - 1)]
    children = []
    leaf, node = n - 1, n
    for made in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        total[made] = total[pair[0]] + total[pair[1]]
        children.append((pair[0], pair[1]))
    return children

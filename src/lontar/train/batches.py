"""What a training run reads, and in which order: a pure function of seed and step.

Documents are tokenized once and kept as flat arrays on disk. Per language and epoch they are cut into pieces of at most
a row's length and packed into rows, best fit first, so that few documents are cut and little room is lost. Which
language a row comes from is laid out for the whole run before it begins. Nothing is replayed to resume: step 10,000 is
found as quickly as step 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lontar.core.manifest import sha256_bytes
from lontar.train.tokens import IntArray, TokenStore

IGNORE = -100


def pack(lengths: IntArray, capacity: int) -> tuple[IntArray, int]:
    """Best-fit decreasing: the row of each piece, and the number of rows.

    Pieces of one length are placed together, so time grows with the number of distinct lengths (at most `capacity`
    squared steps), not with the number of pieces.
    """
    rows = np.empty(len(lengths), dtype=np.int64)
    space: list[list[int]] = [[] for _ in range(capacity + 1)]  # rows by room left
    n_rows = 0
    order = np.argsort(-lengths, kind="stable")
    for length, group in _runs(lengths[order], order):
        while len(group):
            fit = next((s for s in range(length, capacity + 1) if space[s]), None)
            if fit is None:
                opened = math.ceil(len(group) / (capacity // length))
                space[capacity] = list(range(n_rows, n_rows + opened))
                n_rows, fit = n_rows + opened, capacity
            taken = min(len(group), len(space[fit]))
            rows[group[:taken]] = space[fit][:taken]
            space[fit - length] += space[fit][:taken]
            space[fit], group = space[fit][taken:], group[taken:]
    return rows, n_rows


def _runs(values: IntArray, items: IntArray) -> Iterator[tuple[int, IntArray]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    for begin, stop in zip([0, *edges], [*edges, len(values)], strict=True):
        if stop > begin:
            yield int(values[begin]), items[begin:stop]


@dataclass(frozen=True)
class Batch:
    """Documents one after the other: inputs and labels `[S]`, and the length of each document."""

    ids: IntArray
    labels: IntArray
    lengths: tuple[int, ...]

    @property
    def n_labels(self) -> int:
        """Predicted tokens."""
        return int((self.labels != IGNORE).sum())


def batch_of(stretches: Sequence[NDArray[np.int32]], size: int = 0, longest: int = 1) -> Batch:
    """A batch of token stretches: each predicts its own tokens from the second on, complements (`TokenStore`) left out.

    Filled up to `size` tokens with documents of up to `longest` that predict nothing: batches of one size spare the
    CPU's bfloat16 library from compiling its products anew at every step, which takes as long as the step itself.
    """
    lengths = [len(s) - 1 for s in stretches]
    room = size - sum(lengths)
    filling = [min(longest, room - i) for i in range(0, room, longest)]
    ids = np.concatenate([*(s[:-1] for s in stretches), np.zeros(max(0, room))]).astype(np.int64)
    labels = np.concatenate([*(s[1:] for s in stretches), np.full(max(0, room), IGNORE)]).astype(np.int64)
    return Batch(np.where(ids < 0, ~ids, ids), np.where(labels < 0, IGNORE, labels), (*lengths, *filling))


def n_predicted(stretch: NDArray[np.int32]) -> int:
    """Tokens that a stretch predicts."""
    return int((stretch[1:] >= 0).sum())


class Rows:
    """One language's rows, epoch after epoch. Every epoch has as many, with other documents together."""

    def __init__(self, store: TokenStore, capacity: int, key: Sequence[int]) -> None:
        self.store, self._key = store, tuple(key)
        self._begins, self._lengths = _pieces(store, capacity)
        ranked = -np.sort(-self._lengths)
        self._row_of_rank, self.n_rows = pack(ranked, capacity)
        self._epochs: dict[int, list[IntArray]] = {}

    def row(self, number: int) -> list[NDArray[np.int32]]:
        """Token stretches of row `number`, counted over all epochs."""
        epoch, at = divmod(number, self.n_rows)
        if epoch not in self._epochs:
            kept = {e: rows for e, rows in self._epochs.items() if e == epoch - 1}  # one batch may reach over an edge
            self._epochs = kept | {epoch: self._plan(epoch)}
        begins, lengths = self._begins, self._lengths
        return [self.store.ids[begins[p] : begins[p] + lengths[p] + 1] for p in self._epochs[epoch][at]]

    def _plan(self, epoch: int) -> list[IntArray]:
        """Pieces of each row. Lengths fix the rows; which piece of a length goes where, and the order, are drawn."""
        rng = np.random.default_rng([*self._key, epoch])
        shuffled = rng.permutation(len(self._lengths))
        piece_of_rank = shuffled[np.argsort(-self._lengths[shuffled], kind="stable")]
        by_row = np.argsort(self._row_of_rank, kind="stable")
        edges = np.flatnonzero(np.diff(self._row_of_rank[by_row])) + 1
        rows = np.split(piece_of_rank[by_row], edges)
        return [rows[i] for i in rng.permutation(self.n_rows)]


def _pieces(store: TokenStore, capacity: int) -> tuple[IntArray, IntArray]:
    """Begin of each piece in the store and its number of predicted tokens, at most `capacity`."""
    predicted = np.diff(store.offsets) - 1
    counts = -(-predicted // capacity)
    document = np.repeat(np.arange(len(predicted)), counts)
    nth = np.arange(len(document)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = store.offsets[document] + nth * capacity
    lengths = np.minimum(predicted[document] - nth * capacity, capacity)
    return begins, lengths


def interleave(shares: Mapping[str, float], n: int) -> list[str]:
    """`n` names in these shares, spread as evenly as possible over the whole list.

    Counts are exact by largest remainder; each name's places are as far apart as they can be.
    """
    total = sum(shares.values())
    exact = {name: share / total * n for name, share in sorted(shares.items())}
    counts = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda k: (counts[k] - exact[k], k))[: n - sum(counts.values())]:
        counts[name] += 1
    places = [((j + 0.5) / count, name) for name, count in counts.items() for j in range(count)]
    return [name for _, name in sorted(places)]


def mixture(
    sizes: Mapping[str, int], weights: Mapping[str, float], replay: Mapping[str, int], share: float, temper: float
) -> dict[str, float]:
    """Share of the rows that each language gets.

    Args:
        sizes: tokens of each language that is to be learned.
        weights: given weights; where none are given, `size ** temper`.
        replay: tokens of each language that is to be kept.
        share: part of all rows that goes to `replay`.
        temper: 0 gives every language the same, 1 what its size asks for.
    """

    def scaled(values: Mapping[str, float], whole: float) -> dict[str, float]:
        total = sum(values.values())
        return {name: whole * value / total for name, value in sorted(values.items()) if value > 0}

    chosen = weights or {name: size**temper for name, size in sizes.items()}
    kept = share if replay else 0.0
    return scaled(chosen, 1 - kept) | scaled({name: size**temper for name, size in replay.items()}, kept)


class Stream:
    """All batches of a run, by step."""

    def __init__(
        self,
        stores: Mapping[str, TokenStore],
        shares: Mapping[str, float],
        *,
        steps: int,
        rows: int,
        length: int,
        seed: int,
    ) -> None:
        self._per_step, self._length = rows, length
        self._order = interleave(shares, steps * rows)
        self._rows = {lang: Rows(stores[lang], length, (seed, _number(lang))) for lang in sorted(set(self._order))}
        self._nth, seen = list[int](), dict.fromkeys(self._rows, 0)
        for lang in self._order:
            self._nth.append(seen[lang])
            seen[lang] += 1

    def batches(self, step: int, parts: int = 1) -> list[Batch]:
        """The batch of `step`, cut into `parts` micro-batches of whole rows."""
        first = step * self._per_step
        rows = [self._rows[self._order[i]].row(self._nth[i]) for i in range(first, first + self._per_step)]
        chosen = _split(rows, parts)
        return [batch_of([s for row in c for s in row], len(c) * self._length, self._length) for c in chosen]

    def tokens(self, step: int) -> dict[str, int]:
        """Predicted tokens of each language in `step`."""
        counts: dict[str, int] = {}
        for i in range(step * self._per_step, (step + 1) * self._per_step):
            lang = self._order[i]
            counts[lang] = counts.get(lang, 0) + sum(n_predicted(s) for s in self._rows[lang].row(self._nth[i]))
        return counts

    def n_read(self, step: int) -> int:
        """Tokens that are read in `step`, predicted or not."""
        places = range(step * self._per_step, (step + 1) * self._per_step)
        rows = (self._rows[self._order[i]].row(self._nth[i]) for i in places)
        return sum(len(s) - 1 for row in rows for s in row)

    def text_bytes(self, tokens: Mapping[str, int]) -> int:
        """Bytes of text that so many tokens of each language usually stand for."""
        stores = {lang: rows.store for lang, rows in self._rows.items()}
        return round(sum(n * int(stores[k].sizes.sum()) / max(1, stores[k].n_tokens) for k, n in tokens.items()))

    def epochs(self) -> dict[str, float]:
        """How often each language's text is read over the whole run."""
        counts = {lang: self._order.count(lang) for lang in self._rows}
        return {lang: counts[lang] / rows.n_rows for lang, rows in self._rows.items()}


def _split(rows: list[list[NDArray[np.int32]]], parts: int) -> Iterator[list[list[NDArray[np.int32]]]]:
    edges = [len(rows) * i // parts for i in range(parts + 1)]
    yield from (rows[a:b] for a, b in pairwise(edges) if b > a)


def _number(lang: str) -> int:
    return int(sha256_bytes(lang.encode("utf-8"))[:8], 16)

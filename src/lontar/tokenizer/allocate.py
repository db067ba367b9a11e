"""Share a budget of new tokens between script groups after training, from one encoding.

How a token came about is a tree of merges, and every merge in it saved one token. Counting the trees of all training
text therefore tells what each merge saves, and a merge never saves more than those that it is built on: taking merges
in order of saving keeps every choice complete. The same count on development text gives tokens(n) of every language
for every choice; any budget is then cut in less than a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.tokenizer.base import Bpe, Pair
from lontar.tokenizer.config import Allocation

# Budget is spent in so many equal portions: finer ones change the result by less than 0.1 %. What a portion brings is
# judged by the next four: one alone, measured on thirty sentences, is noise.
PORTIONS, LOOK_AHEAD = 256, 4
# What the objectives minimize is the sum of (tokens per sentence) ** p over the languages. The higher p, the more the
# longest counts: at +16,384 tokens on Qwen3 64 gives 1.52 times English on average and 1.64 at most, 8 gives 1.47 and
# 1.66, 1 gives 1.47 and 1.76 (`benchmarks/bench_shares.py`). With p = 0 it is their product.
EXPONENT: dict[str, float] = {"maximin": 8.0, "weighted": 1.0, "nash": 0.0}


@dataclass(frozen=True)
class Offer:
    """What one group of merges can do for its languages."""

    group: str
    size: int
    """merges in it, numbered by rank"""
    starts: Mapping[str, float]
    """per language: tokens per sentence without any of them"""
    gains: Mapping[str, NDArray[np.float64]]
    """per language: tokens per sentence that each merge saves, `[size]`"""
    orders: Sequence[NDArray[np.intp]]
    """lists of merges to take from the front; none comes before its parts"""


def savings(full: Bpe, merges: Sequence[Pair], pieces: Mapping[str, int]) -> Counter[Pair]:
    """Tokens that each merge saves in pre-tokens with counts, when all of them are there.

    Args:
        full: the tokenizer with all merges.
        merges: the new ones, in order of rank.
        pieces: pre-tokens of `full`.
    """
    made = {left + right: (left, right) for left, right in reversed(merges)}
    tokens: Counter[str] = Counter()
    for piece, n in pieces.items():
        for token in full.split(piece):
            tokens[token] += n
    saved: Counter[Pair] = Counter()
    for token, n in tokens.items():
        stack = [token]
        while stack:
            if (pair := made.get(stack.pop())) is not None:
                saved[pair] += n
                stack += pair
    return saved


def parts_by_rank(merges: Sequence[Pair]) -> list[tuple[int, ...]]:
    """For each merge, the ranks of those that make its parts, twice where both are the same."""
    made = {left + right: i for i, (left, right) in reversed([*enumerate(merges)])}
    return [tuple(made[part] for part in (left, right) if part in made) for left, right in merges]


def best_first(
    saved: Sequence[int] | NDArray[Any], parts: Sequence[Sequence[int]], weights: Sequence[float] | None = None
) -> NDArray[np.intp]:
    """Ranks of the merges that save anything, the best first; none comes before its parts.

    Args:
        saved: what each merge saves, by rank.
        parts: `parts_by_rank` of the merges.
        weights: how much each counts; the parts of any count as much as it does.
    """
    value = [float(n) for n in saved] if weights is None else [n * w for n, w in zip(saved, weights, strict=True)]
    for rank in range(len(value) - 1, -1, -1):
        for part in parts[rank]:
            if value[part] < value[rank]:
                value[part] = value[rank]
    order = sorted((rank for rank, worth in enumerate(value) if worth > 0), key=lambda rank: -value[rank])
    return np.array(order, dtype=np.intp)


def allocate(
    offers: Sequence[Offer], budget: int, how: Allocation = "maximin", weights: Mapping[str, float] | None = None
) -> dict[str, NDArray[np.intp]]:
    """The merges of each group that a budget buys, by rank.

    Portion after portion is taken from the list whose next merges bring most by the objective:
    `maximin` lowers the longest sentences first (parity-aware BPE, arXiv 2508.04796, decided after training), by the
    sum of eighth powers, which spares the others what would hardly help the longest;
    `weighted` lowers the weighted sum of tokens per sentence (the cost of a traffic);
    `nash` lowers their product (Nash bargaining: a tenth off is worth the same to every language, however long its
    sentences are);
    `proportional` shares by what each group could learn.

    Args:
        offers: of all groups.
        budget: merges to share out.
        how: the objective.
        weights: per language, for `weighted`; 1 where there is none.
    """
    sizes = {offer.group: len(_union(offer.orders)) for offer in offers}
    if sum(sizes.values()) <= budget:
        return {offer.group: _union(offer.orders) for offer in offers}
    if how == "proportional":
        share = {group: size * budget // sum(sizes.values()) for group, size in sizes.items()}
        return {offer.group: np.sort(offer.orders[-1][: share[offer.group]]) for offer in offers}
    # A language's sentence may be spread over groups: its script's, and that of digits and punctuation.
    tokens: dict[str, float] = {}
    for offer in offers:
        for lang, start in offer.starts.items():
            tokens[lang] = tokens.get(lang, 0.0) + start
    states = [_State(offer, tokens) for offer in sorted(offers, key=lambda offer: offer.group)]
    portion, left = max(1, budget // PORTIONS), budget
    while left > 0:
        worth = _Worth(EXPONENT[how], max(tokens.values()), (weights or {}) if how == "weighted" else {})
        found = [(*state.best(worth, portion), state) for state in states if state.open]
        # Where the sentences say nothing more, the group that has learned most goes on.
        _, best, state = max(found, key=lambda each: (each[0], each[2].left))
        left -= state.take(best[: min(portion, left)])
    return {state.offer.group: np.flatnonzero(state.taken) for state in states}


def _union(orders: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.unique(np.concatenate(orders)) if orders else np.zeros(0, np.intp)


@dataclass(frozen=True)
class _Worth:
    """What a token less per sentence is worth to a language whose sentences have so many."""

    exponent: float
    top: float
    weights: Mapping[str, float]

    def of(self, lang: str, tokens: float) -> float:
        relative = max(tokens, 1e-9) / max(self.top, 1e-9)
        return self.weights.get(lang, 1.0) * float(relative ** (self.exponent - 1))


class _State:
    """One group while the budget is spent."""

    def __init__(self, offer: Offer, tokens: dict[str, float]) -> None:
        self.offer = offer
        self.tokens = tokens
        self.taken = np.zeros(offer.size, dtype=bool)
        self.orders = list(offer.orders)

    @property
    def open(self) -> bool:
        return any(map(len, self.orders))

    @property
    def left(self) -> int:
        """Merges that it still has."""
        return max(map(len, self.orders), default=0)

    def best(self, worth: _Worth, portion: int) -> tuple[float, NDArray[np.intp]]:
        """The list whose next merges bring most, and what they bring."""
        values = {lang: worth.of(lang, self.tokens[lang]) for lang in self.offer.gains}
        ahead = [order[: LOOK_AHEAD * portion] for order in self.orders if len(order)]
        brought = [
            sum(value * float(self.offer.gains[lang][merges].sum()) for lang, value in values.items())
            for merges in ahead
        ]
        first = max(range(len(ahead)), key=lambda i: brought[i])
        return brought[first], ahead[first]

    def take(self, merges: NDArray[np.intp]) -> int:
        self.taken[merges] = True
        self.orders = [order[~self.taken[order]] for order in self.orders]
        for lang, gains in self.offer.gains.items():
            self.tokens[lang] -= float(gains[merges].sum())
        return len(merges)

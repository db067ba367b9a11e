"""Share a budget of new tokens between scripts after training, from one encoding.

Merges are applied in order of rank, so cutting a group's list after n merges undoes exactly the later ones: the number
of merges below n inside a sentence's tokens is what n saves. One pass over the development sentences gives the whole
curve tokens(n) of every language; any budget is then cut in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lontar.tokenizer.base import Bpe
from lontar.tokenizer.merges import Pair

# Budget is spent in so many equal portions: finer ones change the result by less than 0.1 %.
PORTIONS = 256


@dataclass(frozen=True)
class Curve:
    """Tokens per sentence of one language when its group has its first n merges, n = 0 ... len."""

    lang: str
    group: str
    tokens: NDArray[np.float64]


def curve(lang: str, group: str, base: Bpe, merges: Sequence[Pair], sentences: Sequence[str]) -> Curve:
    """Measure a language on development sentences: tokens per sentence for every prefix of its group's merges."""
    ranks = {pair: i for i, pair in enumerate(merges)}
    made = {left + right: (left, right) for left, right in reversed(merges)}
    full = base.extended(merges)
    saved = np.zeros(len(merges) + 1)
    start = 0
    for piece, n in full.count_pieces(sentences).items():
        start += n * len(base.split(piece))
        for token in full.split(piece):
            _count(token, n, made, ranks, saved)
    return Curve(lang, group, (start - np.cumsum(saved)) / max(1, len(sentences)))


def _count(
    token: str, n: int, made: Mapping[str, Pair], ranks: Mapping[Pair, int], saved: NDArray[np.float64]
) -> None:
    stack = [token]
    while stack:
        pair = made.get(stack.pop())
        if pair is not None:
            saved[ranks[pair] + 1] += n
            stack += pair


def allocate(
    curves: Sequence[Curve], budget: int, how: Literal["maximin", "proportional"] = "maximin"
) -> dict[str, int]:
    """Merges per group: `maximin` gives the next portion to the language with most tokens per sentence."""
    sizes = {c.group: len(c.tokens) - 1 for c in curves}
    spent = dict.fromkeys(sizes, 0)
    if sum(sizes.values()) <= budget:
        return sizes
    if how == "proportional":
        return {group: size * budget // sum(sizes.values()) for group, size in sizes.items()}
    left = budget
    while left > 0:
        open_ = [c for c in curves if spent[c.group] < sizes[c.group]]
        if not open_:
            break
        worst = max(open_, key=lambda c: (c.tokens[spent[c.group]], c.lang))
        portion = min(max(1, budget // PORTIONS), left, sizes[worst.group] - spent[worst.group])
        spent[worst.group] += portion
        left -= portion
    return spent

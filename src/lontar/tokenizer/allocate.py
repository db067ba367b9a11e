"""Share a budget of new tokens between script groups after training, from one encoding.

How a token came about is a tree of merges, and every merge in it saved one token. Counting the trees of all training
text therefore tells what each merge saves, and a merge never saves more than those that it is built on: taking merges
in order of saving keeps every choice complete. The same count on development text gives tokens(n) of every language
for every n; any budget is then cut in milliseconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.tokenizer.base import Bpe, Pair
from lontar.tokenizer.config import Allocation
from lontar.tokenizer.merges import inside_character

# Budget is spent in so many equal portions: finer ones change the result by less than 0.1 %.
PORTIONS = 256
# A language gets more as long as the next sixteenth of the budget would shorten its sentences by 0.2 %: a flat stretch
# of a curve measured on few sentences is noise, a long one means that the text has no more to learn from.
LOOK_AHEAD, LEAST_GAIN = 16, 0.002


@dataclass(frozen=True)
class Curve:
    """Tokens per sentence of one language when its group has its n best merges, n = 0 ... len."""

    lang: str
    group: str
    tokens: NDArray[np.float64]


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


def best_first(merges: Sequence[Pair], saved: Mapping[Pair, int], character_weight: int = 1) -> list[Pair]:
    """Merges that save anything, the best first; none comes before its parts.

    Args:
        merges: in order of rank.
        saved: what each saves.
        character_weight: merges inside a character count so many times, and the parts of any as much as it does.
    """
    value = {pair: saved.get(pair, 0) for pair in merges}
    made = {left + right: (left, right) for left, right in reversed(merges)}
    for pair in reversed(merges):
        if character_weight > 1 and inside_character(pair):
            value[pair] *= character_weight
        for part in pair:
            if part in made:
                value[made[part]] = max(value[made[part]], value[pair])
    return sorted((pair for pair in merges if value[pair]), key=lambda pair: -value[pair])


def token_curve(base: Bpe, saved: Mapping[Pair, int], order: Sequence[Pair], pieces: Mapping[str, int]) -> Any:
    """Tokens in pre-tokens with the first n of the merges in `order`, for n = 0 ... len: an array of float64.

    Args:
        base: without any of the merges.
        saved: `savings` in these pre-tokens.
        order: merges, none before its parts.
        pieces: pre-tokens with their counts.
    """
    start = sum(n * len(base.split(piece)) for piece, n in pieces.items())
    return start - np.cumsum([0.0, *(float(saved.get(pair, 0)) for pair in order)])


def allocate(
    curves: Sequence[Curve], budget: int, how: Allocation = "maximin", weights: Mapping[str, float] | None = None
) -> dict[str, int]:
    """Merges per group, at most `budget` together.

    Portion after portion goes to the group that the objective names:
    `maximin` to that of the language with most tokens per sentence, as long as that helps it (parity-aware BPE, arXiv
    2508.04796, decided after training);
    `weighted` to the one that lowers the weighted sum of tokens per sentence most (cost of a traffic);
    `nash` to the one that lowers the product of tokens per sentence most (Nash bargaining: a tenth off is worth the
    same to every language, however long its sentences are);
    `proportional` shares by what each group could learn.

    Args:
        curves: of all languages.
        budget: merges to share out.
        how: the objective.
        weights: per language, for `weighted`; 1 where there is none.
    """
    sizes = {c.group: len(c.tokens) - 1 for c in curves}
    if sum(sizes.values()) <= budget:
        return sizes
    if how == "proportional":
        return {group: size * budget // sum(sizes.values()) for group, size in sizes.items()}
    spent, left = dict.fromkeys(sizes, 0), budget
    portion, ahead = max(1, budget // PORTIONS), max(1, budget // LOOK_AHEAD)
    while left > 0:
        open_ = [c for c in curves if spent[c.group] < sizes[c.group]]
        if how == "maximin":
            group = max(open_, key=lambda c: _need(c, spent, ahead)).group
        else:
            values = _gains(open_, spent, portion, weights or {}, log=how == "nash")
            group = max(sorted(values), key=lambda name: values[name])
        step = min(portion, left, sizes[group] - spent[group])
        spent[group] += step
        left -= step
    return spent


def _need(curve: Curve, spent: Mapping[str, int], ahead: int) -> tuple[bool, float, str]:
    """Order of languages: those that more tokens would help first, then by tokens per sentence."""
    now = spent[curve.group]
    tokens, later = float(curve.tokens[now]), float(curve.tokens[min(now + ahead, len(curve.tokens) - 1)])
    return later < tokens * (1 - LEAST_GAIN), tokens, curve.lang


def _gains(
    curves: Sequence[Curve], spent: Mapping[str, int], portion: int, weights: Mapping[str, float], *, log: bool
) -> dict[str, float]:
    """What the next portion would save in each group: tokens per sentence by weight, or their logarithm."""
    found: dict[str, float] = {}
    for curve in curves:
        now = spent[curve.group]
        tokens, later = float(curve.tokens[now]), float(curve.tokens[min(now + portion, len(curve.tokens) - 1)])
        gain = math.log(tokens / later) if log and later > 0 else (tokens - later) * weights.get(curve.lang, 1.0)
        found[curve.group] = found.get(curve.group, 0.0) + gain
    return found

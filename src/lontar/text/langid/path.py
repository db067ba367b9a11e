"""Which words of a text are in which language.

Each word has a score per language; the best path through the words pays for every change of language (A. Viterbi,
1967), so a name or a loanword does not start a span, and three words of English in a Malay sentence do. The path is
looked for only where some stretch of words is better off in another language than the text as a whole, which is found
for many texts at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_path", "most_gained", "switch_cost"]

SWITCH = 6.0
"""What a change of language costs, in nats."""
_CANDIDATES = 4


def switch_cost(nats: float) -> int:
    """The cost of a change in steps of `nats`."""
    return round(SWITCH / nats)


def most_gained(
    rows: NDArray[np.int32], starts: NDArray[np.int64], owner: NDArray[np.int64], whole: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The most that any stretch of words of a text gains in a label over the label of the text.

    The largest sum of a run (J. Kadane's algorithm), for all texts and labels at once: the running minimum of the
    partial sums starts anew with each text because each text's sums lie far below those of the text before.

    Args:
        rows: scores of the words of all texts, shape [words, labels].
        starts: index of the first word of each text, none of which is empty, shape [texts].
        owner: the text of each word, shape [words].
        whole: the label of each text, shape [texts].

    Returns:
        Gains, shape [texts, labels]; 0 where no stretch gains.
    """
    labels = whole[owner]
    gain = rows - np.take_along_axis(rows, labels[:, None], axis=1)
    sums = np.cumsum(gain, axis=0, dtype=np.int64)
    before = sums[starts] - gain[starts]
    # No sum within a text is further from the one at its start than this.
    far = int(np.abs(gain).max(initial=0)) * len(rows) + 1
    base = -far * np.arange(len(starts), dtype=np.int64)[:, None]
    sums += (base - before)[owner]
    lowest = np.minimum(np.minimum.accumulate(sums, axis=0), base[owner])
    most: NDArray[np.int64] = np.maximum.reduceat(sums - lowest, starts, axis=0)
    return most


def best_path(
    rows: NDArray[np.int32], bias: Sequence[int], switch: int, whole: int, gained: NDArray[np.int64]
) -> list[int]:
    """Label of each word.

    Args:
        rows: scores of words, shape [words, labels].
        bias: scores that each label has before any word.
        switch: the cost of a change.
        whole: the label of the text.
        gained: the most that a stretch of words gains in each label, shape [labels].
    """
    candidates = _candidates(gained, bias, switch, whole)
    if len(candidates) == 1:
        return [whole] * len(rows)
    scores = rows[:, candidates].tolist()
    enter = [switch - bias[c] for c in candidates]
    best = [bias[c] + score for c, score in zip(candidates, scores[0], strict=True)]
    back: list[list[int]] = []
    for word in scores[1:]:
        top = max(range(len(best)), key=best.__getitem__)
        came, now = [], []
        for i, score in enumerate(word):
            stays = best[i] >= best[top] - enter[i]
            came.append(i if stays else top)
            now.append(score + (best[i] if stays else best[top] - enter[i]))
        back.append(came)
        best = now
    at = max(range(len(best)), key=best.__getitem__)
    path = [at]
    for came in reversed(back):
        path.append(at := came[at])
    return [candidates[i] for i in reversed(path)]


def _candidates(gained: NDArray[np.int64], bias: Sequence[int], switch: int, whole: int) -> list[int]:
    """The label of the whole and those that are better than it, by more than a change costs, over some words."""
    worth = [(int(gain) + min(0, b), -i) for i, (gain, b) in enumerate(zip(gained.tolist(), bias, strict=True))]
    better = sorted(((gain, i) for gain, i in worth if gain > switch and -i != whole), reverse=True)
    return [whole, *(-i for _, i in better[:_CANDIDATES])]

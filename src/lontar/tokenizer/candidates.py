"""What an extension has learned, before it is known how much of it will be taken: cut to any budget without the text.

Per script group: merges in order of rank, and the tokens that each saves on the training text and on the sentences of
every language. The file of it lies in the artifact, so another budget or objective needs no second training.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.core.config import JsonObject
from lontar.core.shards import read_jsonl, write_jsonl
from lontar.errors import ArtifactError, DataError
from lontar.tokenizer.allocate import Offer, allocate, best_first, parts_by_rank, savings
from lontar.tokenizer.base import Bpe, Pair
from lontar.tokenizer.config import Allocation
from lontar.tokenizer.guard import LATIN, guarded
from lontar.tokenizer.merges import inside_character, tokens_of, without

FILE = "candidates.jsonl.zst"
# So many of the tokens may be there only as parts of longer ones; a part of a good token is worth its row.
IDLE_SHARE = 0.009
# Parts of rare characters are idle, too; without them the characters come out in pieces.
INSIDE_WORTH = 6
# Dropping makes others idle, or useful: half of what is too much goes at a time, and so many at least.
LEAST_DROPPED = 24
# On 16,384 tokens: Burmese tokens that break a character fall from 1.5 to 0.5 %, Khmer from 20 to 17 %, for 0.04 %
# more tokens; a weight of 8 gives 0.4 and 15 % for 0.3 % more.
CHARACTER_WEIGHT = 3
# A language with little text counts up to so many times in its group, or its neighbors decide all merges.
MAX_WEIGHT = 8


@dataclass(frozen=True)
class Lengths:
    """How a text shrinks with every merge."""

    start: int
    """tokens without any of the merges"""
    saved: NDArray[np.int64]
    """tokens that each merge saves when all are there, by rank"""
    sentences: float = 1.0
    """how many sentences the text amounts to; those of all languages say the same on average"""


@dataclass(frozen=True)
class Candidates:
    """What one script group could add."""

    script: str
    merges: Sequence[Pair]
    """in order of rank"""
    trained: Mapping[str, Lengths]
    """per language, on the training text: what the order is decided on"""
    measured: Mapping[str, Lengths]
    """per language, on sentences: what the share is decided on"""
    weights: Sequence[int]
    """how much each merge counts for its place in the order"""

    @cached_property
    def parts(self) -> list[tuple[int, ...]]:
        """Ranks of the merges that make each merge's parts."""
        return parts_by_rank(self.merges)

    @cached_property
    def saved(self) -> NDArray[np.int64]:
        """Tokens that each merge saves on all training text, languages weighted to about equal size."""
        total = np.zeros(len(self.merges), dtype=np.int64)
        for lang, weight in equal_weights({lang: each.start for lang, each in self.trained.items()}).items():
            total += weight * self.trained[lang].saved
        return total

    @cached_property
    def orders(self) -> list[NDArray[np.intp]]:
        """Merges that save anything, the most useful first: for each of several languages, and last for all."""
        each = [self.trained[lang].saved for lang in sorted(self.trained)] if len(self.trained) > 1 else []
        return [best_first(saved, self.parts, self.weights) for saved in [*each, self.saved]]

    def offer(self, gone: NDArray[np.bool_]) -> Offer:
        """What can be taken, but for the merges that are gone."""
        return Offer(
            self.script,
            len(self.merges),
            {lang: each.start / each.sentences for lang, each in self.measured.items()},
            {lang: each.saved / each.sentences for lang, each in self.measured.items()},
            [order[~gone[order]] for order in self.orders],
        )

    def only(self, merges: Sequence[Pair]) -> Candidates:
        """The same without what is not among these merges."""
        rank_of = {pair: rank for rank, pair in enumerate(self.merges)}
        ranks = [rank_of[pair] for pair in merges]
        trained, measured = (
            {lang: replace(each, saved=each.saved[ranks]) for lang, each in texts.items()}
            for texts in (self.trained, self.measured)
        )
        return Candidates(self.script, merges, trained, measured, [self.weights[rank] for rank in ranks])

    def pairs(self, ranks: NDArray[np.intp]) -> list[Pair]:
        """Merges by rank."""
        return [self.merges[rank] for rank in ranks]

    def idle(self, ranks: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the chosen merges whose tokens stand in no training text but as parts of longer ones."""
        return ranks[self.uses(ranks)[ranks] <= 0]

    def costs(self, ranks: NDArray[np.intp]) -> dict[int, float]:
        """What dropping each idle one of the chosen merges costs, per token that it makes room for.

        In saved tokens, as a share of what all save. All that is built on it goes with it.
        """
        taken = np.zeros(len(self.merges), dtype=bool)
        taken[ranks] = True
        total = max(1, int(self.saved[ranks].sum()))
        found = {}
        for rank in self.idle(ranks).tolist():
            lost, stack = {rank}, [rank]
            while stack:
                above = [i for i in self._above[stack.pop()] if taken[i] and i not in lost]
                lost.update(above)
                stack += above
            worth = sum(int(self.saved[i]) * (INSIDE_WORTH if self.weights[i] > 1 else 1) for i in lost)
            found[rank] = worth / len(lost) / total
        return found

    @cached_property
    def _above(self) -> list[list[int]]:
        """Ranks of the merges that have each merge's token as a part."""
        found: list[list[int]] = [[] for _ in self.merges]
        for rank, parts in enumerate(self.parts):
            for part in parts:
                found[part].append(rank)
        return found

    def uses(self, ranks: NDArray[np.intp]) -> NDArray[np.int64]:
        """How often each merge's token stands in the training text when the chosen merges are all there are, by rank.

        A token that a chosen merge takes up is not seen there; every other one is. Exact but for words where a merge
        that was not chosen had kept another from running.
        """
        left = np.zeros(len(self.merges), dtype=np.int64)
        left[ranks] = self.saved[ranks]
        for rank in ranks.tolist():
            for part in self.parts[rank]:
                left[part] -= self.saved[rank]
        return left

    def closed(self, gone: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The merges that are gone, with those built on them."""
        found = gone.copy()
        for rank, parts in enumerate(self.parts):
            if any(found[part] for part in parts):
                found[rank] = True
        return found


def candidates(
    base: Bpe,
    script: str,
    merges: Sequence[Pair],
    trained: Mapping[str, Mapping[str, int]],
    measured: Mapping[str, tuple[Mapping[str, int], float]],
    character_weight: int = CHARACTER_WEIGHT,
) -> Candidates:
    """What merges save, counted.

    Args:
        base: what they continue.
        script: the group.
        merges: in order of rank.
        trained: pre-tokens with their counts per language, of the training text.
        measured: the same of sentences, and how many of these there are.
        character_weight: how much more merges within a character count.
    """
    full = base.extended(merges)
    weights = [character_weight if inside_character(pair) else 1 for pair in merges]
    return Candidates(
        script,
        merges,
        {lang: _counted(base, full, merges, pieces) for lang, pieces in trained.items()},
        {lang: _counted(base, full, merges, pieces, n) for lang, (pieces, n) in measured.items()},
        weights,
    )


def _counted(
    base: Bpe, full: Bpe, merges: Sequence[Pair], pieces: Mapping[str, int], sentences: float = 1.0
) -> Lengths:
    start = sum(n * len(base.split(piece)) for piece, n in pieces.items())
    saved = savings(full, merges, pieces)
    return Lengths(start, np.array([saved[pair] for pair in merges], dtype=np.int64), sentences)


def balanced(pieces: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """Counts of pre-tokens over several languages, weighted to about equal size."""
    sizes = {lang: sum(n * len(piece) for piece, n in counts.items()) for lang, counts in pieces.items()}
    total: Counter[str] = Counter()
    for lang, weight in equal_weights(sizes).items():
        total.update({piece: n * weight for piece, n in pieces[lang].items()})
    return total


def equal_weights(sizes: Mapping[str, int]) -> dict[str, int]:
    """How often each language counts, for about equal size, `MAX_WEIGHT` times at most."""
    most = max(sizes.values(), default=0)
    return {lang: min(MAX_WEIGHT, round(most / max(1, size))) for lang, size in sizes.items()}


def reachable(base: Bpe, merges: Sequence[Pair]) -> list[Pair]:
    """Merges whose token comes out of its own text, when all are appended to a base's own.

    It then does so with any choice among them that has the parts of whatever it has: the merges that ran were those of
    its parts, each of the lowest rank there was. And a token that stands in some text comes out of its own: no merge
    reached over its borders there. So what is left out here is never seen.
    """
    first = {left + right: rank for rank, (left, right) in reversed([*enumerate(merges)])}
    kept = [merges[rank] for rank in sorted(first.values())]
    while True:
        full = base.extended(kept)
        if not (dead := [token for token in tokens_of(kept) if full.split(token) != [token]]):
            return kept
        kept = without(kept, dead)


@dataclass(frozen=True)
class Learned:
    """All groups, and the base that their merges continue."""

    base: Bpe
    """with the pattern of the new tokenizer, and without the merges that tear its scripts apart"""
    groups: Sequence[Candidates]
    torn: Sequence[Pair] = ()
    """merges that the base has lost"""
    guard: str = ""
    """digest of the package's guard text that no merge changes"""

    def guarded(self, lines: Sequence[str]) -> Learned:
        """Without merges that change the package's guard text: it may have grown since they were learned."""
        digest = guard_digest(lines)
        if digest == self.guard:
            return self
        pieces = self.base.count_pieces(lines)
        groups = [
            one.only(guarded(self.base, one.merges, pieces)) if one.script == LATIN else one for one in self.groups
        ]
        return replace(self, groups=groups, guard=digest)

    def cut(self, budget: int, how: Allocation, weights: Mapping[str, float] | None = None) -> dict[str, list[Pair]]:
        """The merges that a budget buys, by script, in order of rank."""
        gone = {one.script: np.zeros(len(one.merges), dtype=bool) for one in self.groups}
        chosen: dict[str, NDArray[np.intp]] = {}
        while True:
            found = allocate([one.offer(gone[one.script]) for one in self.groups], budget, how, weights)
            if sum(map(len, found.values())) < sum(map(len, chosen.values())):
                break  # nothing is left to take the place of idle ones
            chosen = found
            if not (idle := self._too_many(chosen)):
                break
            for group, rank in idle:
                gone[self.groups[group].script][rank] = True
            for one in self.groups:
                gone[one.script] = one.closed(gone[one.script])
        return {one.script: one.pairs(chosen[one.script]) for one in self.groups}

    def _too_many(self, chosen: Mapping[str, NDArray[np.intp]]) -> list[tuple[int, int]]:
        """Idle merges beyond `IDLE_SHARE`, as group and rank: half of them, those that cost least to lose."""
        costs = [
            (cost, i, rank) for i, one in enumerate(self.groups) for rank, cost in one.costs(chosen[one.script]).items()
        ]
        spare = len(costs) - int(IDLE_SHARE * sum(map(len, chosen.values())))
        return [(i, rank) for _, i, rank in sorted(costs)[: max(0, min(spare, max(LEAST_DROPPED, spare // 2)))]]

    def save(self, folder: Path, base_digest: str) -> None:
        """Write `FILE` into the folder; the digest is that of the base's tokenizer.json."""
        torn: list[Any] = [[*pair] for pair in self.torn]
        head: JsonObject = {"base": base_digest, "pattern": self.base.pattern, "torn": torn, "guard": self.guard}
        write_jsonl(folder / FILE, [head, *(_row(one) for one in self.groups)])

    @classmethod
    def load(cls, folder: Path, original: Bpe, base_digest: str) -> Learned:
        """What `save` wrote, on the base that it was learned on.

        Raises:
            DataError: the folder has no such file, or it is damaged.
            ArtifactError: it was learned on another base.
        """
        path = folder / FILE
        if not path.is_file():
            raise DataError(f"{folder}: no {FILE}", hint="it is written by `lontar tokenizer extend`")
        rows: list[Any] = [row for _, row in read_jsonl(path)]
        try:
            digest, pattern, torn = (rows[0][name] for name in ("base", "pattern", "torn"))
            torn, groups = [_pair(pair) for pair in torn], [_candidates(row) for row in rows[1:]]
            guard = str(rows[0].get("guard", ""))
        except (IndexError, KeyError, TypeError, ValueError) as err:
            raise DataError(f"{path}: damaged: {err!r}", hint="extend the base again") from err
        if digest != base_digest:
            raise ArtifactError(
                f"{folder}: what it has learned continues another base than the one given",
                hint="name the base of that run",
            )
        return cls(original.with_pattern(pattern).less(torn), groups, torn, guard)


def guard_digest(lines: Sequence[str]) -> str:
    """SHA-256 of guard text."""
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def _pair(value: Any) -> Pair:
    left, right = value
    return str(left), str(right)


def _row(one: Candidates) -> JsonObject:
    return {
        "script": one.script,
        "weights": [*one.weights],
        "merges": [[*pair] for pair in one.merges],
        "trained": {lang: _lengths_row(each) for lang, each in one.trained.items()},
        "measured": {lang: _lengths_row(each) for lang, each in one.measured.items()},
    }


def _lengths_row(each: Lengths) -> JsonObject:
    return {"start": each.start, "sentences": each.sentences, "saved": each.saved.tolist()}


def _candidates(row: Any) -> Candidates:
    merges = [_pair(pair) for pair in row["merges"]]
    trained, measured = (
        {str(lang): _lengths(each, len(merges)) for lang, each in row[name].items()} for name in ("trained", "measured")
    )
    return Candidates(str(row["script"]), merges, trained, measured, [int(n) for n in row["weights"]])


def _lengths(row: Any, size: int) -> Lengths:
    saved = np.array(row["saved"], dtype=np.int64)
    if saved.shape != (size,):
        raise ValueError(f"{size} merges, {saved.size} savings")
    return Lengths(int(row["start"]), saved, float(row["sentences"]))

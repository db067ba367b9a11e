"""A judge of word boundaries that looks at counts only, so that what it learns from few sentences holds for others.

For each place where ICU parts two pieces, and each syllable boundary within a piece, it is shown how often both sides
and the two together occur in running text, and how long they are; not which they are. Gradient boosting (J. Friedman,
2001) on 29 such figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from lontar.text import segment, words
from lontar.text.syllables import syllables

OWN = {"my": "\u1000\u104f"}
# A boundary is set where the teacher is at least this sure; from 0.5 to 0.6 it makes no difference of note.
SURE = 0.58


class Teacher:
    """Counts of one language's running text, and the classifier over them."""

    def __init__(self, lines: Sequence[str], code: str) -> None:
        self.code = code
        cuts = [self.pieces(line) for line in lines]
        pairs = [(a, b) for cut in cuts for a, b in pairwise(cut) if self.own(a) and self.own(b)]
        self.alone = Counter(piece for cut in cuts for piece in cut if self.own(piece))
        self.pairs = Counter(pairs)
        self.followers = Counter(a for a, _ in self.pairs)
        self.leaders = Counter(b for _, b in self.pairs)
        self.total = sum(self.alone.values())
        self.strings: Counter[str] = Counter()
        for line in lines:
            found = syllables(line, code)
            for n in range(1, 5):
                self.strings.update("".join(found[i : i + n]) for i in range(len(found) - n + 1))
        self.model = HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=4, min_samples_leaf=10, early_stopping=False, random_state=0
        )

    def own(self, piece: str) -> bool:
        """Whether a piece is of the language's own script."""
        first, last = OWN[self.code]
        return first <= piece[:1] <= last

    def pieces(self, text: str) -> list[str]:
        """ICU's pieces with the rules applied, before any model."""
        return words.pieces_of(text, words.first_cuts(text, segment.icu_pieces(text, self.code), self.code))

    def fit(self, gold: Sequence[list[str]]) -> Teacher:
        """Learn from hand-cut sentences."""
        rows, answers = [], []
        for cut in gold:
            text = "".join(cut)
            right = words.cuts_of(text, cut)
            for place, row in self.places(text, self.pieces(text)):
                rows.append(row)
                answers.append(bool(right[place]))
        self.model.fit(np.array(rows), np.array(answers))
        return self

    def cut(self, text: str) -> list[str]:
        """The text cut where the teacher sees a boundary."""
        pieces = self.pieces(text)
        cuts = words.cuts_of(text, pieces)
        if found := list(self.places(text, pieces)):
            sure = self.model.predict_proba(np.array([row for _, row in found]))[:, 1]
            for (place, _), share in zip(found, sure, strict=True):
                cuts[place] = share > SURE
        return words.pieces_of(text, cuts)

    def places(self, text: str, pieces: Sequence[str]) -> Iterator[tuple[int, list[float]]]:
        """Each place that is judged, with its figures."""
        at = 0
        for number, piece in enumerate(pieces):
            before = self.neighbor(pieces, number - 1)
            after = self.neighbor(pieces, number + 1)
            if before and self.own(piece):
                yield at, self.figures(before, piece, self.neighbor(pieces, number - 2), after, "")
            if self.own(piece):
                end = 0
                for part in syllables(piece, self.code)[:-1]:
                    end = piece.index(part, end) + len(part)
                    yield at + end, self.figures(piece[:end], piece[end:], before, after, piece)
            at += len(piece)

    def neighbor(self, pieces: Sequence[str], number: int) -> str:
        """The piece with that number, nothing if it is not of the language's script."""
        return pieces[number] if 0 <= number < len(pieces) and self.own(pieces[number]) else ""

    def figures(self, a: str, b: str, before: str, after: str, whole: str) -> list[float]:
        """What is known of a place between `a` and `b`, within the piece `whole` or between two pieces."""
        ends, begins = syllables(a, self.code), syllables(b, self.code)
        last, first = ends[-1] if ends else a, begins[0] if begins else b
        joint = self.pairs[a, b] + self.alone[a + b]
        return [
            bool(whole),
            *map(_log, (self.alone[a], self.alone[b], joint, self.alone[a + b], self.pairs[a, b])),
            self.cohesion(a, b),
            *(len(ends), len(begins), len(a), len(b)),
            *map(_log, (self.followers[a], self.leaders[b], self.leaders[a], self.followers[b])),
            *map(_log, (self.strings[a], self.strings[b], self.strings[a + b])),
            self.string_cohesion(a, b),
            *map(_log, (self.strings[last], self.strings[first], self.strings[last + first])),
            self.string_cohesion(last, first),
            *(_log(self.alone[side]) if side else -3.0 for side in (before, after)),
            *(len(whole), len(syllables(whole, self.code))),
            self.cohesion(before, a) if before else -9.0,
            self.cohesion(b, after) if after else -9.0,
        ]

    def cohesion(self, a: str, b: str) -> float:
        """Pointwise mutual information of two pieces, joined or next to each other."""
        joint = max(self.pairs[a, b] + self.alone[a + b], 0.3)
        return math.log(joint * self.total / ((self.alone[a] + 1) * (self.alone[b] + 1)))

    def string_cohesion(self, a: str, b: str) -> float:
        """The same of two runs of syllables, whatever ICU makes of them."""
        joint = self.strings[a + b] + 0.3
        return math.log(joint * self.total / ((self.strings[a] + 1) * (self.strings[b] + 1)))


def _log(count: Any) -> float:
    return math.log(count + 0.5)

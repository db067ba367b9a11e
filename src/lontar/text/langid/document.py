"""One text, cut into words of Latin script and runs of others, and what is told of it; many are scored at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lontar.text.langid.features import ends_of_words, visible, visible_positions, word_matches, words
from lontar.text.langid.latin import model
from lontar.text.langid.others import holds_others, runs
from lontar.text.langid.path import best_path, most_gained, switch_cost

__all__ = ["UNDETERMINED", "Identified", "Parsed", "Span", "parsed"]

UNDETERMINED = "und"
"""ISO 639-3 for text that no language can be told of."""


class Identified(NamedTuple):
    """The language of a text."""

    label: str
    """ISO 639-3."""
    script: str
    """ISO 15924: Latn, Thai, Hans."""
    score: float
    """Share of the text's letters in that script times the probability of the language among those of the script."""
    second: str | None
    """The next best language."""


class Span(NamedTuple):
    """A stretch of text in one language: positions of code points in the text, the end not included."""

    start: int
    end: int
    language: str


# Fewer words than a training window holds are less sure than the model says, more are no surer.
_SURE = 12
# Who writes one of these languages mixes it with Indonesian, not with Malay, which looks alike in half a sentence.
_WITH_INDONESIAN = frozenset("jav sun min ban ace bjn mad bug bbc nij bew mak mui rej abs bhp".split())
_UNLIKELY = 4.0
# Spans that make a language one of the text's: a tenth of its letters. In text of another script, names and brands in
# Latin letters are no language: two words that are not capitalized, or five words, are.
_LEAST_SHARE, _LEAST_LOWER, _LEAST_WORDS = 0.1, 2, 5
_AS_WELL = 3.0
"""Nats by which a language may be behind the one that words are given and still be theirs."""


class Parsed:
    """One text."""

    rows: NDArray[np.int32]
    """Scores of its words of Latin script, shape [words, labels]."""
    odds: list[tuple[float, str]]
    """Probability and language of the two best for its words of Latin script."""
    whole: int
    """Label of the best."""
    gained: NDArray[np.int64]
    """What any stretch of words gains in each label over the best, shape [labels]."""
    alike: bool
    """Whether no stretch of words gains enough to be of another language."""

    def __init__(self, text: str) -> None:
        self.text, self.visible = text, visible(text)
        self.words = words(self.visible)
        self.runs = runs(self.visible) if holds_others(self.visible) else []

    def identified(self) -> Identified:
        """The language that most of the text is in."""
        shares: dict[tuple[str, str], float] = defaultdict(float)
        for run in self.runs:
            shares[run.language, run.script] += run.weight
        latin_letters = float(sum(map(len, self.words)))
        total = latin_letters + sum(shares.values())
        if not total:
            return Identified(UNDETERMINED, "Zyyy", 0.0, None)
        scored = [(weight / total, label, script) for (label, script), weight in shares.items()]
        if self.words:
            scored += [(p * latin_letters / total, label, "Latn") for p, label in self.odds]
        scored.sort(key=lambda item: (-item[0], item[1]))
        best = scored[0]
        return Identified(best[1], best[2], round(best[0], 4), scored[1][1] if len(scored) > 1 else None)

    def spans(self) -> list[Span]:
        """Spans of words of Latin script and runs of others, joined where neighbors are of one language."""
        if self.words and not self.runs and self.alike:
            # One language, as most texts are.
            start, end = ends_of_words(self.visible, self.words)
            found = [(start, end, model().labels[self.whole])]
        else:
            found = _joined([(run.start, run.end, run.language) for run in self.runs], self._placed(self._path()))
        if len(self.visible) == len(self.text):
            return [Span(*each) for each in found]
        places = visible_positions(self.text)
        return [Span(places[start], places[end - 1] + 1, language) for start, end, language in found]

    def _placed(self, path: Sequence[str]) -> list[tuple[int, int, str]]:
        if not path:
            return []
        return [(start, end, label) for (start, end), label in zip(word_matches(self.visible), path, strict=True)]

    def _path(self) -> list[str]:
        """Language of each word of Latin script."""
        if not self.words:
            return []
        latin = model()
        if self.alike:
            return [latin.labels[self.whole]] * len(self.words)
        bias = latin.bias.tolist()
        if latin.labels[self.whole] in _WITH_INDONESIAN:
            bias[latin.labels.index("zsm")] -= round(_UNLIKELY / latin.nats)
        path = best_path(self.rows, bias, switch_cost(latin.nats), self.whole, self.gained)
        return [latin.labels[i] for i in path]

    def share_in(self, language: str) -> float:
        """Share in [0, 1] of the letters that are in a language, or could as well be."""
        inside = sum(run.weight for run in self.runs if run.language == language)
        total = sum(run.weight for run in self.runs) + sum(map(len, self.words))
        latin = model()
        if self.words and language in latin.labels:
            path, asked = np.array([latin.labels.index(label) for label in self._path()]), latin.labels.index(language)
            behind = self.rows[np.arange(len(path)), path] - self.rows[:, asked]
            for label in set(path.tolist()):
                at = np.flatnonzero(path == label)
                if (behind[at].sum() + latin.bias[label] - latin.bias[asked]) * latin.nats <= _AS_WELL:
                    inside += sum(len(self.words[i]) for i in at)
        return inside / total if total else 0.0

    def languages(self, found: Identified, spans: Sequence[Span]) -> list[str]:
        """The language of the text and the others that hold enough of it, in the order of their letters."""
        letters: Counter[str] = Counter()
        for span in spans:
            letters[span.language] += span.end - span.start
        total = sum(letters.values())
        others = [
            language
            for language, n in letters.most_common()
            if language != found.label and n >= _LEAST_SHARE * total and self._in_use(language, found, spans)
        ]
        return [found.label, *others] if total else []

    def _in_use(self, language: str, found: Identified, spans: Sequence[Span]) -> bool:
        if found.script == "Latn" or any(run.language == language for run in self.runs):
            return True
        texts = [self.text[span.start : span.end] for span in spans if span.language == language]
        count = lower = 0
        for word in (word for text in texts for word in words(visible(text))):
            count, lower = count + 1, lower + word[0].islower()
        return lower >= _LEAST_LOWER or count >= _LEAST_WORDS


def _joined(*parts: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Stretches in order of their places, neighbors of one language as one."""
    pieces = sorted(piece for part in parts for piece in part)
    joined: list[tuple[int, int, str]] = []
    last = None
    for start, end, language in pieces:
        if language == last:
            joined[-1] = (joined[-1][0], end, language)
        else:
            joined.append((start, end, language))
            last = language
    return joined


def parsed(texts: Sequence[str]) -> list[Parsed]:
    """Texts with the scores of their words."""
    found = [Parsed(text) for text in texts]
    if latin := [each for each in found if each.words]:
        _score(latin)
    return found


def _score(found: list[Parsed]) -> None:
    latin = model()
    rows = latin.rows([word for each in found for word in each.words])
    counts = np.array([len(each.words) for each in found])
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(rows, starts, axis=0, dtype=np.int64) + latin.bias
    whole = sums.argmax(axis=1)
    scores = sums * (latin.nats / np.maximum(1, counts / _SURE))[:, None]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    order = np.argsort(-odds, axis=1, kind="stable")[:, :2]
    best = np.take_along_axis(odds, order, axis=1).tolist()
    gained = most_gained(rows, starts, np.repeat(np.arange(len(found)), counts), whole)
    enough = gained + np.minimum(latin.bias, 0) > switch_cost(latin.nats)
    mixed = set(np.flatnonzero(enough.any(axis=1)).tolist())
    for i, (each, first) in enumerate(zip(found, starts.tolist(), strict=True)):
        each.rows, each.gained = rows[first : first + len(each.words)], gained[i]
        each.whole, each.alike = int(whole[i]), i not in mixed
        each.odds = [(p, latin.labels[label]) for p, label in zip(best[i], order[i].tolist(), strict=True)]

"""Training windows: runs of 1 to 12 words of one language, drawn so that no collection and no topic rules.

Characters decide how much of a group is drawn by their square root. Regional languages are written with words of the
national one, so some of their windows get some. Indonesian and Malay are drawn in pairs: the same parallel groups as
often for both, and a window of a group that only one of them has is given to both, turned by `malay.py`.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

import malay
from sources import CORE

from lontar.text.langid.features import normal_word, visible, words

Window = list[str]
Groups = Mapping[str, list[Window]]

LONGEST = 12
WINDOWS, SMALL = 14000, 0.4
"""Windows of a language; share of that for the languages outside the core."""
PARALLEL, INDONESIAN = 14000, 16000
"""Windows of parallel groups for each of Indonesian and Malay; windows of groups that only Indonesian has."""
OWN = 3
"""Windows of our own text per word of it: it was written for what the collections lack."""
NEUTRAL = 0.5
"""Share of windows without a word that tells Malay from Indonesian which are given to both."""
LOANED, LOANS = 0.3, 0.25
"""Share of windows of a regional language with foreign words, and the most of them as a share of its words."""
SHORT_SENTENCES = ("parallel/tatoeba", "parallel/talpco")

_LENDER = {
    **dict.fromkeys("jav sun min ban ace bjn mad bug bbc nij mak rej".split(), ("ind",)),
    **dict.fromkeys("ceb ilo war pam".split(), ("tgl", "eng")),
}


def tokenized(by: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, list[Window]]]:
    """Words of every text in the form of the model; texts and groups without a word are left out."""
    found: dict[str, dict[str, list[Window]]] = {language: {} for language in by}
    for language, groups in by.items():
        for group, texts in groups.items():
            if kept := [window for text in texts if (window := _words(text))]:
                found[language][group] = kept
    return found


def _words(text: str) -> Window:
    return [normal_word(word) for word in words(visible(text))]


class Drawing:
    """One drawing of windows; `windows` and `labels` are of the same length."""

    def __init__(self, by: Mapping[str, Groups], seed: int = 0, scale: float = 1.0) -> None:
        self.by, self.rnd, self.scale = by, random.Random(seed), scale
        self.windows: list[Window] = []
        self.labels: list[str] = []
        for language in by:
            if language not in ("ind", "zsm"):
                self._draw_language(language)
        self._draw_shared_groups()
        self._draw_indonesian_groups()
        self._draw_own_pairs()
        self._lend()

    def _emit(self, window: Window, language: str) -> None:
        self.windows.append(window)
        self.labels.append(language)

    def _cut(self, texts: list[Window], count: float) -> Iterator[Window]:
        for text in self.rnd.choices(texts, weights=[len(t) for t in texts], k=int(count * self.scale)):
            size = self.rnd.randint(1, LONGEST)
            start = self.rnd.randrange(max(1, len(text) - size + 1))
            yield text[start : start + size]

    def _draw_language(self, language: str) -> None:
        groups = self.by[language]
        size = {group: sum(map(len, texts)) for group, texts in groups.items()}
        roots = sum(size[g] ** 0.5 for g in groups if not g.startswith("own")) or 1
        share = WINDOWS if language in CORE else WINDOWS * SMALL
        for group, texts in sorted(groups.items()):
            wanted = min(share * size[group] ** 0.5 / roots, size[group] * 1.5)
            for window in self._cut(texts, size[group] * OWN if group.startswith("own") else wanted):
                self._emit(window, language)
                # Vietnamese is also written without its marks, on old phones and by habit.
                if language == "vie" and self.rnd.random() < 0.1:
                    self._emit([_unmarked(word) for word in window], language)

    def _shared_groups(self) -> list[str]:
        malay_groups = self.by["zsm"]
        return [g for g in sorted(malay_groups) if not g.startswith(("own", "mono/")) and g in self.by["ind"]]

    def _draw_shared_groups(self) -> None:
        groups = self._shared_groups()
        size = {g: sum(map(len, self.by["zsm"][g])) for g in groups}
        roots = sum(n**0.5 for n in size.values())
        for group in groups:
            count = min(PARALLEL * size[group] ** 0.5 / roots, size[group] * 1.5)
            count *= 2.5 if group.startswith(SHORT_SENTENCES) else 1
            for language in ("ind", "zsm"):
                for window in self._cut(self.by[language][group], count):
                    self._emit(window, language)

    def _draw_indonesian_groups(self) -> None:
        shared = self._shared_groups()
        groups = [g for g in sorted(self.by["ind"]) if g not in shared and not g.startswith("own")]
        size = {g: sum(map(len, self.by["ind"][g])) for g in groups}
        roots = sum(n**0.5 for n in size.values())
        for group in groups:
            for window in self._cut(self.by["ind"][group], INDONESIAN * size[group] ** 0.5 / roots):
                self._emit(window, "ind")
                self._emit_other(window, "zsm")

    def _draw_own_pairs(self) -> None:
        for group in ("own sentences", "own words"):
            for language, other in (("zsm", "ind"), ("ind", "zsm")):
                texts = self.by[language].get(group, [])
                for window in self._cut(texts, sum(map(len, texts)) * OWN):
                    self._emit(window, language)
                    if group == "own sentences":
                        self._emit_other(window, other)

    def _emit_other(self, window: Window, language: str) -> None:
        """The window in the other of the two languages; as it is where nothing in it tells, half of the time."""
        turned, changed = malay.to_malay(window) if language == "zsm" else malay.to_indonesian(window, self.rnd)
        if changed or self.rnd.random() < NEUTRAL:
            self._emit(turned, language)

    def _lend(self) -> None:
        pool = {language: _long_words(self.by[language]) for language in ("ind", "tgl", "eng")}
        for window, language in zip(self.windows, self.labels, strict=True):
            if language in _LENDER and len(window) >= 3 and self.rnd.random() < LOANED:
                count = max(1, round(len(window) * LOANS * self.rnd.random()))
                window += self.rnd.choices(pool[self.rnd.choice(_LENDER[language])], k=count)


def _unmarked(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.replace("đ", "d"))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _long_words(groups: Groups) -> Window:
    counts = Counter(w for texts in groups.values() for text in texts for w in text if len(w) >= 6)
    return [word for word, n in counts.most_common(20000) if n >= 3]

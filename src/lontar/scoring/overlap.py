"""Overlap with references in the language's own words: token F1, ROUGE-L, and what was fetched from a long context."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.scoring.tagged import composed, digits

# Words of an answer that are compared; what a model writes beyond it is noise that would take minutes to segment.
MOST_CHARACTERS = 50_000
_COMMA = re.compile(r"[,،、，;\n]")


@scorer("token_f1")
def token_f1(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """F1 of the bags of words, against the best reference: composed, case folded, without punctuation, any digits."""
    return _best(sample, prediction, lang, bag_f1)


@scorer("rouge_l")
def rouge_l(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """F1 of the longest common subsequence of words (Lin 2004), against the best reference."""
    return _best(sample, prediction, lang, lcs_f1)


def _best(
    sample: Sample, prediction: Prediction, lang: Language, alike: Callable[[Sequence[str], Sequence[str]], float]
) -> RowScore:
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    if not sample.references:
        return RowScore(value=None, reason="no reference to compare with")
    own = words_of(prediction.answer, lang)
    return RowScore(value=max(alike(own, words_of(reference, lang)) for reference in sample.references))


@scorer("set_recall")
def set_recall(sample: Sample, prediction: Prediction, lang: Language, /, *, strict: bool = True) -> RowScore:
    """Share of the references among the answer's items, which commas part; `strict` asks for all of them."""
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    wanted = {_plain(reference) for reference in sample.references}
    if not wanted:
        return RowScore(value=None, reason="no reference to compare with")
    # An item far longer than any that is wanted is none of them, whatever form it is in.
    longest = 100 + 4 * max(map(len, sample.references))
    found = {_plain(item) for item in {*_COMMA.split(prediction.answer)} if len(item) <= longest}
    share = len(wanted & found) / len(wanted)
    return RowScore(value=float(share == 1.0) if strict else share)


_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+")


def _plain(text: str) -> str:
    if (bullet := _BULLET.match(text)) is not None:
        text = text[bullet.end() :]
    return " ".join(digits(composed(text)).casefold().strip(" .\"'`*[]").split())


def words_of(text: str, lang: Language) -> list[str]:
    """Words that hold a letter or digit, as the language's own segmenter finds them, in the form of comparison."""
    plain = digits(composed(text[:MOST_CHARACTERS])).casefold()
    found = (_bare(word) for word in lang.words(plain))
    return [word for word in found if word]


def _bare(word: str) -> str:
    """A word without the punctuation in it."""
    if word.isalnum():
        return word
    return "".join(char for char in word if unicodedata.category(char)[0] in "LMN")


def bag_f1(own: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of two bags of words; 1 of two empty ones."""
    if not own or not reference:
        return float(not own and not reference)
    common = sum((Counter(own) & Counter(reference)).values())
    return 2 * common / (len(own) + len(reference))


def lcs_f1(own: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of the longest common subsequence; 1 of two empty sequences."""
    if not own or not reference:
        return float(not own and not reference)
    return 2 * lcs(own, reference) / (len(own) + len(reference))


def lcs(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, a machine word of `a` at a time (Hyyrö 2004)."""
    masks: dict[str, int] = {}
    for i, word in enumerate(a):
        masks[word] = masks.get(word, 0) | (1 << i)
    full = (1 << len(a)) - 1
    state = full
    for word in b:
        if match := masks.get(word):
            kept = state & match
            state = ((state + kept) | (state - kept)) & full
    return len(a) - state.bit_count()

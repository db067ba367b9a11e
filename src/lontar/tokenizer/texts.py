"""The texts that an extension works on: what to learn from, what to measure on, what to leave alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lontar import languages
from lontar.text.unicode import COMMON, script_counts
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.guard import LATIN, has_marks
from lontar.tokenizer.guard_text import guard_lines

# Without parallel sentences: one text in so many is kept from learning to measure on, up to as many characters.
HELD_EVERY, HELD_LEAST, HELD_CHARS = 20, 100, 200_000
# Length of a sentence when no parallel ones tell.
SENTENCE_CHARS = 100


@dataclass(frozen=True)
class Material:
    """The texts of one language."""

    learn: Sequence[str]
    measure: Sequence[str]
    sentences: float
    """how many sentences `measure` amounts to"""


def materials(
    texts: Mapping[str, Sequence[str]],
    parallel: Mapping[str, Sequence[str]],
    expansion: Mapping[str, float] | None = None,
) -> dict[str, Material]:
    """Per language, what to learn from and what to measure on.

    Parallel sentences are measured on where there are any: what a character of FLORES costs is predicted by thirty of
    them within 6 % (Javanese 13 %), by a part of the training text within 11 % and in Lao, where there is little of it,
    27 % too low: it is more like itself than like anything else (`benchmarks/bench_shares.py`).

    Args:
        texts: training text per language.
        parallel: the same sentences in several languages.
        expansion: characters of a translation per character of English. Where it is given, sentences are taken to be so
            long in each language, whatever the length of the text that is measured.
    """
    given = [text for many in parallel.values() for text in many]
    usual = sum(map(len, given)) / len(given) if given and expansion is None else SENTENCE_CHARS
    found = {}
    for lang, many in sorted(texts.items()):
        chars = usual if expansion is None else usual * expansion.get(lang, 1.0)
        found[lang] = _material(many, parallel.get(lang, ()), chars, exact=expansion is None)
    return found


def _material(texts: Sequence[str], parallel: Sequence[str], sentence_chars: float, *, exact: bool) -> Material:
    texts = list(dict.fromkeys(texts))  # a text counts once: repeated boilerplate would become tokens
    if parallel and exact:
        return Material(texts, parallel, float(len(parallel)))
    learn, held = (texts, parallel) if parallel else _parted(texts) if len(texts) >= HELD_LEAST else (texts, texts)
    return Material(learn, held, max(1e-9, sum(map(len, held)) / sentence_chars))


def _parted(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    learn, held, chars = list[str](), list[str](), 0
    for i, text in enumerate(texts):
        if i % HELD_EVERY == 0 and chars < HELD_CHARS:
            held.append(text)
            chars += len(text)
        else:
            learn.append(text)
    return learn, held


@dataclass(frozen=True)
class Guard:
    """Text whose ids must not change."""

    lines: Sequence[str]
    left_out: int = 0
    """lines of the guarded languages that hold other scripts or combining marks, and are therefore not promised"""
    own: int = 0
    """how many of the lines are the package's; they come first"""


def guard_of(base: Bpe, texts: Mapping[str, Sequence[str]]) -> Guard:
    """Our own words and code, as far as the base knows them, and lines of guarded languages in their own script.

    An English article that quotes Thai changes with the Thai tokens, as it should.
    """
    lines = list(dict.fromkeys(line for lang in sorted(texts) for text in texts[lang] for line in text.splitlines()))
    scripts = {languages.get(lang).script for lang in texts} | {LATIN, COMMON}
    kept = [line for line in lines if script_counts(line).keys() <= scripts and not has_marks(line)]
    own = guard_lines(base)
    return Guard([*own, *kept], len(lines) - len(kept), len(own))

"""Extend a byte-level BPE with tokens for other languages, every old id unchanged.

The steps: group the text by script; learn more merges in each group than will be needed; drop those that could change
the guarded text (`guard.py`); share the budget out (`allocate.py`); append what was chosen after the base's own merges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lontar import languages
from lontar.core.executor import Executor, Serial
from lontar.errors import ConfigError, DataError
from lontar.tokenizer.base import Bpe, Pair
from lontar.tokenizer.candidates import (
    CHARACTER_WEIGHT,
    Candidates,
    Learned,
    balanced,
    candidates,
    guard_digest,
    reachable,
)
from lontar.tokenizer.config import ExtendConfig, RecutConfig
from lontar.tokenizer.guard import LATIN, choose_pattern, guarded, has_script, own_script, straddling
from lontar.tokenizer.merges import Settings, learn, tokens_of
from lontar.tokenizer.texts import Guard, Material, guard_of, materials

# Learning more than the budget leaves room to choose; of several groups none gets more than about a third.
OVERSAMPLE, MANY_GROUPS = 2, 3
Groups = Mapping[str, Mapping[str, Counter[str]]]
"""pre-tokens with their counts, per script and language"""


@dataclass(frozen=True)
class Extension:
    """The result: the new tokenizer and how it came about."""

    original: Bpe
    """the base as it came"""
    learned: Learned
    """what this was cut from, and other budgets can be"""
    new: Bpe
    merges: Mapping[str, Sequence[Pair]]
    """per script group, in order of rank"""
    counts: Mapping[str, int]
    """how often each token is used on the training text"""
    guard: Guard
    dropped: int = 0
    """merges that would have changed guarded text"""
    note: str | None = None

    @property
    def base(self) -> Bpe:
        """The base with the pattern of the new tokenizer, and without the merges that tear its scripts apart."""
        return self.learned.base

    @property
    def freed(self) -> list[str]:
        """Tokens of the base that are made no more: they tore characters apart."""
        return tokens_of(self.learned.torn)

    @cached_property
    def new_ids(self) -> dict[str, int]:
        """Tokens with an id that the base does not have."""
        return {token: i for token, i in self.new.vocab.items() if i >= self.base.size}

    @cached_property
    def tokens(self) -> list[str]:
        """What the new merges make, in order of rank."""
        return tokens_of(pair for _, merges in sorted(self.merges.items()) for pair in merges)


def extend(
    original: Bpe,
    texts: Mapping[str, Sequence[str]],
    parallel: Mapping[str, Sequence[str]],
    config: ExtendConfig,
    model_type: str = "",
    expansion: Mapping[str, float] | None = None,
    executor: Executor | None = None,
) -> Extension:
    """Learn, guard, share out and append.

    Args:
        original: the base's tokenizer.
        texts: training text per language, normalized; the guarded languages among them.
        parallel: the same sentences in several languages: they tell how long a sentence is in each.
        config: what to add and how.
        model_type: of the base model ("" for a bare tokenizer): decides what its loader allows.
        expansion: characters of a translation per character of English, where the parallel sentences are too few to
            tell: their tokens per character are taken, and this many characters.
        executor: what learns the groups; without one this process does, one after the other.

    Raises:
        DataError: a language has no text.
        ConfigError: the base does not allow what is asked.
    """
    langs = wanted(texts, config)
    guarded_texts = {lang: [*texts.get(lang, ()), *parallel.get(lang, ())] for lang in config.guard if lang in texts}
    guard = guard_of(original, guarded_texts)
    choice = choose_pattern(original, config.pattern, model_type, guard.lines)
    torn = straddling(choice.base, {languages.get(lang).script for lang in langs}) if config.grapheme_first else []
    base = choice.base.less(torn) if torn else choice.base
    texts_of = materials({lang: texts[lang] for lang in langs}, parallel, expansion)
    groups = grouped(base, texts_of)
    check_groups(groups)
    empty = Learned(base, (), torn, guard_digest(guard.lines[: guard.own]))
    learned, dropped = learn_groups(empty, groups, texts_of, guard, config, executor or Serial())
    merges = learned.cut(config.new_tokens, config.allocation, config.weights)
    return finished(original, learned, merges, _counts(base, merges, groups), guard, dropped, choice.note)


def recut(original: Bpe, learned: Learned, config: RecutConfig) -> Extension:
    """What has been learned, cut to another budget; uses of tokens are those that the merges saved.

    Args:
        original: the base's tokenizer.
        learned: what an earlier extension of it learned.
        config: budget and objective.
    """
    guard = guard_of(original, {})
    learned = learned.guarded(guard.lines)
    merges = learned.cut(config.new_tokens, config.allocation, config.weights)
    counts: dict[str, int] = {}
    for one in learned.groups:
        rank = {pair: i for i, pair in enumerate(one.merges)}
        uses = one.uses(np.array([rank[pair] for pair in merges[one.script]], dtype=np.intp))
        counts |= {a + b: max(0, int(uses[rank[a, b]])) for a, b in merges[one.script]}
    return finished(original, learned, merges, counts, guard)


def finished(
    original: Bpe,
    learned: Learned,
    merges: Mapping[str, Sequence[Pair]],
    counts: Mapping[str, int],
    guard: Guard,
    dropped: int = 0,
    note: str | None = None,
) -> Extension:
    """The extension by the merges that were chosen."""
    new = learned.base.extended([pair for _, pairs in sorted(merges.items()) for pair in pairs])
    return Extension(original, learned, new, merges, counts, guard, dropped, note)


def wanted(texts: Mapping[str, Sequence[str]], config: ExtendConfig) -> list[str]:
    """Languages to add tokens for.

    Raises:
        DataError: one has no text, or none is left.
        ConfigError: one is guarded too.
    """
    langs = config.languages or tuple(lang for lang in texts if lang not in config.guard)
    if both := sorted(set(langs) & set(config.guard)):
        raise ConfigError(f"{both[0]} is both extended and guarded", hint="leave it out of `guard` or of `languages`")
    if missing := [lang for lang in langs if not any(text.strip() for text in texts.get(lang, ()))]:
        raise DataError(f"the corpus has no text in {', '.join(missing)}", hint=f"it has {', '.join(sorted(texts))}")
    if not langs:
        raise DataError("the corpus has no text to learn tokens from", hint="all of it is in guarded languages")
    return sorted(set(langs))


def learn_groups(
    empty: Learned,
    groups: Groups,
    texts_of: Mapping[str, Material],
    guard: Guard,
    config: ExtendConfig,
    executor: Executor,
) -> tuple[Learned, int]:
    """Merges of every group with what they save, and how many were dropped because they would change guarded text."""
    settings = _settings(config, len(groups))
    tasks = (
        Group(
            empty.base,
            script,
            pieces,
            {lang: (texts_of[lang].measure, texts_of[lang].sentences) for lang in pieces},
            guard.lines if script == LATIN else (),
            settings,
        )
        for script, pieces in sorted(groups.items())
    )
    found = [*executor.map(learn_group, tasks)]
    return replace(empty, groups=[one for one, _ in found]), sum(dropped for _, dropped in found)


@dataclass(frozen=True)
class Group:
    """What the merges of one script are learned from."""

    base: Bpe
    script: str
    pieces: Mapping[str, Mapping[str, int]]
    """pre-tokens with their counts, per language"""
    measured: Mapping[str, tuple[Sequence[str], float]]
    """texts to measure on, and how many sentences these amount to"""
    guard: Sequence[str]
    settings: Settings


def learn_group(group: Group) -> tuple[Candidates, int]:
    """The merges of one group with what they save, and how many were dropped because they would change guarded text."""
    base, pieces = group.base, group.pieces
    merges = own_script(learn(base, balanced(pieces), group.settings), group.script)
    kept = guarded(base, merges, base.count_pieces(group.guard)) if group.guard else merges
    measured = {lang: (base.count_pieces(texts), n) for lang, (texts, n) in group.measured.items()}
    weight = CHARACTER_WEIGHT if group.settings.grapheme_first else 1
    found = candidates(base, group.script, reachable(base, kept), pieces, measured, weight)
    return found, len(merges) - len(kept)


def _settings(config: ExtendConfig, groups: int) -> Settings:
    return Settings(
        new_tokens=config.new_tokens * (OVERSAMPLE if groups < MANY_GROUPS else 1),
        min_count=config.min_count,
        max_token_chars=config.max_token_chars,
        grapheme_first=config.grapheme_first,
    )


def grouped(base: Bpe, texts_of: Mapping[str, Material]) -> Groups:
    """Pre-tokens with their counts, per script and language."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for lang, texts in sorted(texts_of.items()):
        script = languages.get(lang).script
        pieces = base.count_pieces(texts.learn)
        found[script][lang] = Counter({piece: n for piece, n in pieces.items() if has_script(piece, script)})
    return found


def check_groups(groups: Groups) -> None:
    """Check that every language has text in its own script.

    Raises:
        DataError: naming the first that has none.
    """
    for script, pieces in sorted(groups.items()):
        for lang, counts in pieces.items():
            if not counts:
                raise DataError(
                    f"the corpus has no word in {script} script in {lang}, though it has text in that language",
                    hint="check the language tag and the encoding of the source, or leave the language out",
                )


def _counts(base: Bpe, merges: Mapping[str, Sequence[Pair]], groups: Groups) -> dict[str, int]:
    """How often each token is used on the training text."""
    counts = Counter[str]()
    for script, pieces in groups.items():
        new = base.extended(merges[script])
        for each in pieces.values():
            counts += count_tokens(new, each)
    return dict(counts)


def count_tokens(tokenizer: Bpe, pieces: Mapping[str, int]) -> Counter[str]:
    """How often each token is used in pre-tokens with counts."""
    counts: Counter[str] = Counter()
    for piece, n in pieces.items():
        for token in tokenizer.split(piece):
            counts[token] += n
    return counts

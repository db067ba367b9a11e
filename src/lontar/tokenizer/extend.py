"""Extend a byte-level BPE with tokens for other languages, every old id unchanged.

The steps: group the text by script; learn more merges in each group than will be needed; drop those that could change
the guarded text (`guard.py`); share the budget out (`allocate.py`); append what was chosen after the base's own merges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lontar import languages
from lontar.errors import ConfigError, DataError
from lontar.tokenizer.allocate import Curve, allocate, best_first, savings, token_curve
from lontar.tokenizer.base import Bpe, Pair
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.guard import LATIN, choose_pattern, guarded, has_script, own_script, straddling
from lontar.tokenizer.merges import Settings, learn, tokens_of, without
from lontar.tokenizer.texts import Guard, Material, guard_of, materials

# Learning more than the budget leaves room to choose between groups.
OVERSAMPLE = 2
# A language with little text counts up to so many times in its group, or its neighbors decide all merges.
MAX_WEIGHT = 8
# On 16,384 tokens: Burmese tokens that break a character fall from 1.5 to 0.5 %, Khmer from 20 to 17 %, for 0.04 %
# more tokens; a weight of 8 gives 0.4 and 15 % for 0.3 % more.
CHARACTER_WEIGHT = 3


@dataclass(frozen=True)
class Extension:
    """The result: the new tokenizer and how it came about."""

    original: Bpe
    """the base as it came"""
    base: Bpe
    """the base with the pattern of the new tokenizer, and without the merges that tear its scripts apart"""
    new: Bpe
    merges: Mapping[str, Sequence[Pair]]
    """per script group, in order of rank"""
    counts: Mapping[str, int]
    """how often each token is used on the training text"""
    guard: Guard
    dropped: int = 0
    """merges that would have changed guarded text"""
    note: str | None = None
    freed: Sequence[str] = ()
    """tokens of the base that are made no more: they tore characters apart"""

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
) -> Extension:
    """Learn, guard, share out and append.

    Args:
        original: the base's tokenizer.
        texts: training text per language, normalized; the guarded languages among them.
        parallel: the same sentences in several languages: they tell how long a sentence is in each.
        config: what to add and how.
        model_type: of the base model ("" for a bare tokenizer): decides what its loader allows.

    Raises:
        DataError: a language has no text.
        ConfigError: the base does not allow what is asked.
    """
    langs = wanted(texts, config)
    guard = guard_of({lang: [*texts.get(lang, ()), *parallel.get(lang, ())] for lang in config.guard if lang in texts})
    choice = choose_pattern(original, config.pattern, model_type, guard.lines)
    torn = straddling(choice.base, {languages.get(lang).script for lang in langs}) if config.grapheme_first else []
    base = choice.base.less(torn) if torn else choice.base
    texts_of = materials({lang: texts[lang] for lang in langs}, parallel)
    groups = grouped(base, texts_of)
    learned = {script: own_script(learn(base, n, _settings(config)), script) for script, n in sorted(groups.items())}
    dropped = 0
    if LATIN in learned:
        kept = guarded(base, learned[LATIN], base.count_pieces(guard.lines))
        dropped, learned[LATIN] = len(learned[LATIN]) - len(kept), kept
    weight = CHARACTER_WEIGHT if config.grapheme_first else 1
    candidates = [_candidates(base, name, pairs, groups[name], texts_of, weight) for name, pairs in learned.items()]
    share = allocate(
        [c for one in candidates for c in one.curves], config.new_tokens, config.allocation, config.weights
    )
    chosen = {one.script: one.best(share[one.script]) for one in candidates}
    merges, counts = _used(base, chosen, groups)
    new = base.extended([pair for _, pairs in sorted(merges.items()) for pair in pairs])
    return Extension(original, base, new, merges, counts, guard, dropped, choice.note, tuple(tokens_of(torn)))


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


def _settings(config: ExtendConfig) -> Settings:
    return Settings(
        new_tokens=OVERSAMPLE * config.new_tokens,
        min_count=config.min_count,
        max_token_chars=config.max_token_chars,
        grapheme_first=config.grapheme_first,
    )


def grouped(base: Bpe, texts_of: Mapping[str, Material]) -> dict[str, Counter[str]]:
    """Pre-tokens per script with their counts, languages of one script weighted to about equal size."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for lang, texts in sorted(texts_of.items()):
        script = languages.get(lang).script
        pieces = base.count_pieces(texts.learn)
        found[script][lang] = Counter({piece: n for piece, n in pieces.items() if has_script(piece, script)})
    return {script: _weighted(list(counts.values())) for script, counts in found.items()}


def _weighted(counts: Sequence[Counter[str]]) -> Counter[str]:
    sizes = [sum(n * len(piece) for piece, n in pieces.items()) for pieces in counts]
    total: Counter[str] = Counter()
    for pieces, size in zip(counts, sizes, strict=True):
        weight = min(MAX_WEIGHT, round(max(sizes) / max(1, size)))
        total.update({piece: n * weight for piece, n in pieces.items()})
    return total


@dataclass(frozen=True)
class Candidates:
    """What one script group could add."""

    script: str
    merges: Sequence[Pair]
    """in order of rank"""
    order: Sequence[Pair]
    """the same, the most useful first"""
    curves: Sequence[Curve]

    def best(self, n: int) -> list[Pair]:
        """The n most useful merges, in order of rank."""
        wanted = set(self.order[:n])
        return [pair for pair in self.merges if pair in wanted]


def _candidates(
    base: Bpe,
    script: str,
    merges: Sequence[Pair],
    pieces: Mapping[str, int],
    texts_of: Mapping[str, Material],
    weight: int,
) -> Candidates:
    full = base.extended(merges)
    order = best_first(merges, savings(full, merges, pieces), weight)
    curves = []
    for lang, texts in sorted(texts_of.items()):
        if languages.get(lang).script == script:
            measured = base.count_pieces(texts.measure)
            tokens = token_curve(base, savings(full, merges, measured), order, measured)
            curves.append(Curve(lang, script, tokens / texts.sentences))
    return Candidates(script, merges, order, curves)


def _used(
    base: Bpe, merges: Mapping[str, Sequence[Pair]], groups: Mapping[str, Counter[str]]
) -> tuple[dict[str, Sequence[Pair]], dict[str, int]]:
    """Merges whose token can be reached, and how often each token is used on the training text.

    A token is reachable when the training text uses it, or when it is what its own text is encoded as. Few are not:
    the learner saw them in words where a later merge always takes their place.
    """
    kept, counts = dict(merges), Counter[str]()
    for script in merges:
        while True:
            new = base.extended(kept[script])
            use = count_tokens(new, groups[script])
            dead = [t for t in tokens_of(kept[script]) if not use[t] and new.split(t) != [t]]
            if not dead:
                break
            kept[script] = without(kept[script], dead)
        counts += use
    return kept, dict(counts)


def count_tokens(tokenizer: Bpe, pieces: Mapping[str, int]) -> Counter[str]:
    """How often each token is used in pre-tokens with counts."""
    counts: Counter[str] = Counter()
    for piece, n in pieces.items():
        for token in tokenizer.split(piece):
            counts[token] += n
    return counts

"""Train a byte-level BPE from nothing by the rules of an extension: whole characters first, shares by language.

Pre-tokens are grouped by script, and what has none of the languages' scripts (digits, punctuation, foreign letters) is
a group that serves all. Every group learns from bytes: characters, then user-perceived characters, then words. The size
is shared out by what a sentence costs in each language.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from lontar import languages
from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.vocab import byte_characters, pre_tokenizer, to_json, with_specials
from lontar.text.unicode import COMMON
from lontar.tokenizer.base import Bpe, check_base
from lontar.tokenizer.candidates import Candidates, Learned, balanced, candidates, reachable
from lontar.tokenizer.config import TrainConfig
from lontar.tokenizer.extend import Groups
from lontar.tokenizer.guard import has_script, own_script
from lontar.tokenizer.merges import Settings, learn
from lontar.tokenizer.texts import materials

# Little text fills a vocabulary with what was seen once, at its end; longer tokens than this are boilerplate.
MIN_COUNT, MAX_TOKEN_CHARS = 1, 32
# What stands for the languages of a group that is no language's own.
ALL = "all"


def train(
    texts: Mapping[str, Sequence[str]],
    parallel: Mapping[str, Sequence[str]],
    expansion: Mapping[str, float],
    config: TrainConfig,
    specials: Sequence[str],
) -> Bpe:
    """A tokenizer of at most `config.vocab_size` tokens: 256 bytes, merges, then `specials`; same texts, same bytes.

    Args:
        texts: training text per language, normalized.
        parallel: sentences that shares are decided on, in as many of the languages as have any.
        expansion: characters of a translation per character of English.
        config: size, pattern and objective.
        specials: special tokens, at the end.

    Raises:
        DataError: a language has no text.
    """
    if missing := [lang for lang, many in sorted(texts.items()) if not any(text.strip() for text in many)]:
        raise DataError(f"no text to train a tokenizer on in {', '.join(missing)}", hint="add text, or leave it out")
    base = bytes_only(config.pattern)
    texts_of = materials(texts, parallel, expansion)
    groups = parted(base, {lang: each.learn for lang, each in texts_of.items()})
    measured = parted(base, {lang: each.measure for lang, each in texts_of.items()})
    sentences = {lang: each.sentences for lang, each in texts_of.items()}
    budget = config.vocab_size - base.size - len(specials)
    settings = Settings(budget, MIN_COUNT, MAX_TOKEN_CHARS, grapheme_first=True, characters_first=True)
    found = [
        _candidates(base, script, pieces, measured.get(script, {}), sentences, settings)
        for script, pieces in sorted(groups.items())
    ]
    merges = Learned(base, found).cut(budget, config.allocation, config.weights)
    made = base.extended([pair for _, pairs in sorted(merges.items()) for pair in pairs])
    return check_base(to_json(with_specials(made.tokenizer, specials)), "the new tokenizer")


def bytes_only(pattern: str) -> Bpe:
    """A tokenizer of 256 bytes and no merges.

    Raises:
        ConfigError: there is no pattern of that name.
    """
    tokenizers = need("tokenizers", extra="train")
    vocab = {char: i for i, char in enumerate(sorted(byte_characters().values()))}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=[]))
    made.normalizer = tokenizers.normalizers.NFC()
    made.pre_tokenizer = pre_tokenizer(pattern)
    made.decoder = tokenizers.decoders.ByteLevel()
    return check_base(to_json(made), "bytes")


def parted(base: Bpe, texts: Mapping[str, Sequence[str]]) -> Groups:
    """Pre-tokens with their counts by script and language: of their language, else of another, else common."""
    scripts = sorted({languages.get(lang).script for lang in texts})
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for lang, many in sorted(texts.items()):
        own = languages.get(lang).script
        order = [own, *(script for script in scripts if script != own)]
        for piece, n in base.count_pieces(many).items():
            script = next((script for script in order if has_script(piece, script)), COMMON)
            found[script][lang][piece] += n
    return found


def _candidates(
    base: Bpe,
    script: str,
    pieces: Mapping[str, Counter[str]],
    measured: Mapping[str, Counter[str]],
    sentences: Mapping[str, float],
    settings: Settings,
) -> Candidates:
    native = {lang: counts for lang, counts in pieces.items() if languages.get(lang).script == script}
    total = balanced(native)
    for lang, counts in pieces.items():
        if lang not in native:
            total.update(counts)
    merges = learn(base, total, settings)
    # A Thai pre-token may hold Latin letters; merges of those would run in all Latin text, before its own.
    merges = reachable(base, merges if script == COMMON else own_script(merges, script))
    # Foreign words decide on the merges of a script as all its text does, and have no order of their own.
    costs = {lang: (counts, sentences[lang]) for lang, counts in measured.items()}
    return candidates(base, script, merges, native or {ALL: total}, costs)

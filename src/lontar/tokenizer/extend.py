"""Extend a byte-level BPE with tokens for other languages, every old id unchanged.

Why old text is safe: every new merge ranks below every old one, so the base's merges run to the end first; a new merge
of a script group makes a token with that script's bytes, so text without the script has no pair to merge; and a Latin
merge that fires on the guard text is dropped together with those built on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lontar import languages
from lontar.errors import ArtifactError, ConfigError, DataError
from lontar.models.vocab import PATTERNS, pattern_name, token_bytes
from lontar.text.unicode import script_of
from lontar.tokenizer.allocate import Curve, allocate, curve
from lontar.tokenizer.base import Bpe, text_of
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.merges import Pair, Settings, learn, tokens_of, without

# Learning more than the budget in each group leaves room to choose; beyond four times nothing is ever chosen.
OVERSAMPLE = 4
GUARD_CODE = (
    "def mean(xs: list[float]) -> float:\n    return sum(xs) / len(xs)  # arithmetic mean\n",
    'for (int i = 0; i < n; i++) { total += a[i]; }\nprintf("%d\\n", total);\n',
    "SELECT name, COUNT(*) AS n FROM orders WHERE price >= 10.5 GROUP BY name ORDER BY n DESC;",
    '{"id": 42, "tags": ["a", "b"], "ok": true, "ratio": 1.5e-3}',
    "<div class=\"row\"><a href=\"https://example.org/?q=1&p=2\">link</a></div>",
    "git commit -m 'fix: handle empty input' && make test 2>&1 | tail -n 20",
)
# Same pre-tokens for text without combining marks: the base's ids cannot change there.
WITH_MARKS = {"qwen2": "qwen35", "qwen35": "qwen35"}


@dataclass(frozen=True)
class Extension:
    """The result: the new tokenizer and how it came about."""

    original: Bpe
    """the base as it came"""
    base: Bpe
    """the base with the pattern of the new tokenizer"""
    new: Bpe
    pattern: str | None
    merges: Mapping[str, Sequence[Pair]]
    """per script group, in order of rank"""
    counts: Mapping[str, int]
    """how often each new token is used on the training text"""
    guard: Sequence[str]
    dropped: int = 0
    """Latin merges that changed guard text"""
    curves: Sequence[Curve] = field(default_factory=tuple)

    @property
    def new_ids(self) -> dict[str, int]:
        """Tokens with an id that the base does not have."""
        return {token: i for token, i in self.new.vocab.items() if i >= self.base.size}


def extend(
    base: Bpe, texts: Mapping[str, Sequence[str]], dev: Mapping[str, Sequence[str]], config: ExtendConfig, model_type: str
) -> Extension:
    """Learn, share out, guard and append.

    Args:
        base: the base's tokenizer.
        texts: training text per language, normalized; the guarded languages among them.
        dev: the same sentences in several languages, to compare lengths; others are compared on their own text.
        model_type: the base model's type ("" for a bare tokenizer): decides what its loader allows.

    Raises:
        DataError: no text; ConfigError, ArtifactError: the base does not allow what is asked.
    """
    langs = _wanted(texts, config)
    original, base = base, with_pattern(base, config, model_type)
    guard = [text for lang in config.guard for text in texts.get(lang, ())]
    guard += [*GUARD_CODE, *(text for lang in config.guard for text in dev.get(lang, ()))]
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for lang in langs:
        script = languages.get(lang).script
        pieces = base.count_pieces(texts[lang])
        groups[script] += Counter({p: n for p, n in pieces.items() if _has_script(p, script)})
    settings = Settings(OVERSAMPLE * config.new_tokens, config.min_count, config.max_token_chars, config.grapheme_first)
    learned, dropped = dict[str, list[Pair]](), 0
    for script, counts in sorted(groups.items()):
        kept = _own_script(learn(base, counts, settings), script)
        learned[script] = guarded(base, kept, guard)
        dropped += len(kept) - len(learned[script])
    curves = _curves(base, learned, langs, texts, dev)
    share = allocate(curves, config.new_tokens, config.allocation)
    chosen = {script: merges[: share[script]] for script, merges in learned.items()}
    new = base.extended([pair for _, merges in sorted(chosen.items()) for pair in merges])
    return Extension(original, base, new, pattern_name(new.tree), chosen, _use(new, groups), guard, dropped, curves)


def _wanted(texts: Mapping[str, Sequence[str]], config: ExtendConfig) -> list[str]:
    langs = config.languages or tuple(lang for lang in texts if lang not in config.guard)
    if missing := [lang for lang in langs if not texts.get(lang)]:
        raise DataError(f"the corpus has no text in {', '.join(missing)}", hint=f"it has {', '.join(sorted(texts))}")
    if not langs:
        raise DataError("the corpus has no text to learn tokens from", hint="all of it is in guarded languages")
    if both := sorted(set(langs) & set(config.guard)):
        raise ConfigError(f"{both[0]} is both extended and guarded", hint="leave it out of `guard` or of `languages`")
    return sorted(langs)


def with_pattern(base: Bpe, config: ExtendConfig, model_type: str) -> Bpe:
    """The base with the pattern that keeps marks with their letters, where its loaders allow that.

    Raises:
        ConfigError: marks are asked for and the base's pattern or its model's loader does not allow them.
    """
    name = base.pattern
    allowed = name in WITH_MARKS and model_type != "qwen2"
    if config.pattern == "keep" or (config.pattern == "auto" and not allowed):
        return base
    if not allowed:
        reason = "transformers rebuilds the pattern of `model_type: qwen2` whatever the file says"
        raise ConfigError(
            "pattern 'marks' is not possible on this base: " + (reason if name in WITH_MARKS else "its pattern has no such form"),
            hint="use pattern=keep",
        )
    regex = PATTERNS[WITH_MARKS[str(name)]]
    parts = [
        {**part, "pattern": {"Regex": regex}} if part.get("type") == "Split" else part
        for part in base.tree["pre_tokenizer"]["pretokenizers"]
    ]
    return Bpe({**base.tree, "pre_tokenizer": {**base.tree["pre_tokenizer"], "pretokenizers": parts}})


def _has_script(piece: str, script: str) -> bool:
    return any(script_of(char) == script for char in text_of(piece))


def _own_script(merges: Sequence[Pair], script: str) -> list[Pair]:
    """Merges whose token holds bytes of the group's script: the reason why other text cannot change."""
    if script == "Latin":
        return list(merges)
    lead = _lead_bytes(script)
    return without(merges, [t for t in tokens_of(merges) if not any(b in token_bytes(t) for b in lead)])


def _lead_bytes(script: str) -> frozenset[bytes]:
    """The first two UTF-8 bytes of the script's characters."""
    chars = (chr(i) for i in range(0x80, 0x20000) if not 0xD800 <= i < 0xE000)
    return frozenset(char.encode("utf-8")[:2] for char in chars if script_of(char) == script)



def guarded(base: Bpe, merges: Sequence[Pair], guard: Iterable[str]) -> list[Pair]:
    """Merges without those that change the tokens of guard text, and those built on them."""
    pieces = sorted(base.count_pieces(guard))
    kept = list(merges)
    while True:
        made = set(tokens_of(kept))
        new = base.extended(kept)
        fired = {token for piece in pieces if (found := new.split(piece)) != base.split(piece) for token in found}
        if not fired & made:
            return kept
        kept = without(kept, fired & made)


def _curves(
    base: Bpe,
    learned: Mapping[str, Sequence[Pair]],
    langs: Sequence[str],
    texts: Mapping[str, Sequence[str]],
    dev: Mapping[str, Sequence[str]],
) -> list[Curve]:
    found = []
    for lang in langs:
        script = languages.get(lang).script
        sentences = dev.get(lang) or _like_sentences(texts[lang])
        found.append(curve(lang, script, base, learned[script], sentences))
    return found


def _like_sentences(texts: Sequence[str]) -> list[str]:
    """Text cut to pieces of about a sentence (100 characters), for languages without parallel sentences."""
    joined = " ".join(texts)[:50_000]
    return [joined[i : i + 100] for i in range(0, len(joined), 100)]


def _use(new: Bpe, groups: Mapping[str, Counter[str]]) -> dict[str, int]:
    """How often each token is used on the training text."""
    counts: Counter[str] = Counter()
    for pieces in groups.values():
        for piece, n in pieces.items():
            for token in new.split(piece):
                counts[token] += n
    return dict(counts)


def audit(extension: Extension, texts: Iterable[str]) -> None:
    """Check what the extension promises.

    Raises:
        ArtifactError: naming the first text or token that breaks a promise.
    """
    base, new = extension.original, extension.new
    for token in tokens_of(pair for merges in extension.merges.values() for pair in merges):
        if new.split(token) != [token]:
            raise ArtifactError(f"new token {text_of(token)!r} cannot be reached: it comes out as {new.split(token)}")
    for text in extension.guard:
        if base.tokenizer.encode(text).ids != new.tokenizer.encode(text).ids:
            raise ArtifactError(f"the ids of guarded text changed: {text[:80]!r}")
    for text, id_ in base.specials.items():
        if new.tokenizer.token_to_id(text) != id_:
            raise ArtifactError(f"special token {text!r} moved from id {id_} to {new.tokenizer.token_to_id(text)}")
    for text in texts:
        back = new.tokenizer.decode(new.tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
        normalized = new.tokenizer.normalizer.normalize_str(text) if new.tokenizer.normalizer else text
        if back != normalized:
            raise ArtifactError(f"text does not survive: {text[:80]!r} comes back as {back[:80]!r}")

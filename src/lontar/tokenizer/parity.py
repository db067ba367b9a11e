"""What a sentence costs in each language: the measures of a tokenizer that can be compared across tokenizers.

*Parity* is tokens over the tokens of the same sentences in English (A. Petrov et al., "Language model tokenizers
introduce unfairness between languages", 2023). *Gini* is the inequality of tokens per sentence across languages, 0 when
all pay alike; the same per byte is given beside it because it is often quoted and because it misleads: scripts differ
in bytes per character, so a tokenizer that spends three tokens on every three-byte character looks equal per byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from lontar.core.config import JsonObject
from lontar.text import normalize
from lontar.text.graphemes import cluster_borders
from lontar.text.unicode import is_utf8, script_counts
from lontar.tokenizer.vocabularies import Vocabulary

__all__ = ["Costs", "Measured", "broken_tokens", "gini", "measure", "measure_language"]

ENGLISH = "en"


@dataclass(frozen=True)
class Costs:
    """One tokenizer on the sentences of one language."""

    sentences: int
    tokens_per_sentence: float
    tokens_per_character: float
    bytes_per_token: float
    breaking: float
    """Share of tokens that begin or end within a character as readers see it (an extended grapheme cluster)."""
    invalid: float
    """Share of tokens that are no UTF-8: a fragment of a character."""
    zwsp: float
    """Tokens per sentence with zero-width spaces as the text has them, over tokens without."""
    normalized: float | None = None
    """Tokens per sentence once the text has the normal form that the tokenizer's folder names, over tokens of the text
    as it is; None where it names none."""
    parity: float | None = None
    """Tokens over those of the same sentences in English; None without English."""


@dataclass(frozen=True)
class Measured:
    """One tokenizer on all languages."""

    name: str
    kind: str
    size: int
    languages: Mapping[str, Costs]
    gini_sentence: float
    gini_byte: float
    dead: Mapping[str, int]
    """Tokens that no text gives, by script; empty where that was not asked for."""
    note: str

    def as_json(self) -> JsonObject:
        """Plain values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "size": self.size,
            "languages": {code: asdict(costs) for code, costs in self.languages.items()},
            "mean_parity": self.mean_parity,
            "max_parity": self.max_parity,
            "gini_per_sentence": self.gini_sentence,
            "gini_per_byte": self.gini_byte,
            "dead_tokens": dict(self.dead),
            "note": self.note,
        }

    @property
    def parities(self) -> list[float]:
        """Parity of every language but English and Chinese, which bases are made for."""
        return [c.parity for code, c in self.languages.items() if c.parity is not None and code not in (ENGLISH, "zh")]

    @property
    def mean_parity(self) -> float | None:
        """Mean over languages but English and Chinese."""
        return sum(self.parities) / len(self.parities) if self.parities else None

    @property
    def max_parity(self) -> float | None:
        """The worst of them."""
        return max(self.parities, default=None)


def measure(vocabulary: Vocabulary, sentences: Mapping[str, Sequence[str]], *, dead: bool = True) -> Measured:
    """All measures of a tokenizer.

    Args:
        vocabulary: the tokenizer.
        sentences: per language, by our codes; the n-th sentences of all languages say the same.
        dead: whether to look for tokens that no text gives: each is encoded four times, half a minute for 250,000.
    """
    found = {code: measure_language(vocabulary, texts) for code, texts in sorted(sentences.items())}
    english = found[ENGLISH].tokens_per_sentence if ENGLISH in found else None
    if english:
        found = {code: Costs(**{**asdict(c), "parity": c.tokens_per_sentence / english}) for code, c in found.items()}
    return Measured(
        vocabulary.name,
        vocabulary.kind,
        vocabulary.size,
        found,
        gini([costs.tokens_per_sentence for costs in found.values()]),
        gini([1 / costs.bytes_per_token for costs in found.values()]),
        _dead_by_script(vocabulary) if dead else {},
        vocabulary.note,
    )


def measure_language(vocabulary: Vocabulary, sentences: Sequence[str]) -> Costs:
    """The measures of one language, zero-width spaces set aside."""
    tokens = marked = characters = size = breaking = invalid = normal = 0
    for text in sentences:
        plain = normalize(text, ["zwsp"])
        ids = vocabulary.encode(plain)
        tokens += len(ids)
        marked += len(vocabulary.encode(text)) if plain != text else len(ids)
        formed = normalize(text, vocabulary.normalization)
        normal += len(vocabulary.encode(formed)) if formed != plain else len(ids)
        characters += len(plain)
        size += len(plain.encode("utf-8"))
        broken, odd = broken_tokens([vocabulary.tokens[i] for i in ids])
        breaking, invalid = breaking + broken, invalid + odd
    n = max(1, len(sentences))
    return Costs(
        sentences=len(sentences),
        tokens_per_sentence=tokens / n,
        tokens_per_character=tokens / max(1, characters),
        bytes_per_token=size / max(1, tokens),
        breaking=breaking / max(1, tokens),
        invalid=invalid / max(1, tokens),
        zwsp=marked / max(1, tokens),
        normalized=normal / max(1, marked) if vocabulary.normalization else None,
    )


def broken_tokens(tokens: Sequence[bytes]) -> tuple[int, int]:
    """Tokens that begin or end within a grapheme cluster of what they spell together, and those that are no UTF-8."""
    data = b"".join(tokens)
    text = data.decode("utf-8", "surrogateescape")
    borders = cluster_borders(text, "surrogateescape")
    broken = invalid = start = 0
    for token in tokens:
        end = start + len(token)
        broken += start not in borders or end not in borders
        invalid += not is_utf8(token)
        start = end
    return broken, invalid


def gini(values: Sequence[float]) -> float:
    """Gini coefficient of positive values: half the mean absolute difference over the mean."""
    if not values or not sum(values):
        return 0.0
    ordered, n = sorted(values), len(values)
    weighted = sum((2 * i - n - 1) * value for i, value in enumerate(ordered, 1))
    return weighted / (n * sum(ordered))


def _dead_by_script(vocabulary: Vocabulary) -> dict[str, int]:
    found: dict[str, int] = {}
    for id_ in vocabulary.dead:
        scripts = script_counts(vocabulary.tokens[id_].decode("utf-8"))
        script = scripts.most_common(1)[0][0] if scripts else "other"
        found[script] = found.get(script, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))

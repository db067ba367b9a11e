"""What an extension changes, in numbers per language: tokens per sentence, per character, bytes per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lontar.core.config import JsonObject
from lontar.tokenizer.base import Bpe


def measure(tokenizer: Any, sentences: Sequence[str]) -> dict[str, float]:
    """Lengths of sentences in tokens.

    Returns tokens per sentence, tokens per character (code point) and UTF-8 bytes per token.
    """
    tokens = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in sentences)
    chars, size = sum(map(len, sentences)), sum(len(text.encode("utf-8")) for text in sentences)
    return {
        "tokens_per_sentence": tokens / max(1, len(sentences)),
        "tokens_per_character": tokens / max(1, chars),
        "bytes_per_token": size / max(1, tokens),
    }


def compare(old: Bpe, new: Bpe, sentences: Mapping[str, Sequence[str]]) -> JsonObject:
    """`measure` per language before and after."""
    return {
        lang: {"before": dict(measure(old.tokenizer, texts)), "after": dict(measure(new.tokenizer, texts))}
        for lang, texts in sorted(sentences.items())
        if texts
    }

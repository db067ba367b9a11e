"""Length in words, characters and bytes.

Limits in words mean different things for different segmenters, so each filter states its unit, and the words are those
of the document's own language.
"""

from __future__ import annotations

from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language


@corpus_filter("word_count")
def word_count(doc: Document, lang: Language, /, *, min_words: int = 3, max_words: int = 100_000) -> str | None:
    """Drop documents outside a range of words, counted by the language's own segmenter."""
    n = len(lang.words(doc.text))
    return "too_few_words" if n < min_words else "too_many_words" if n > max_words else None


@corpus_filter("char_count")
def char_count(doc: Document, lang: Language, /, *, min_chars: int = 10, max_chars: int = 1_000_000) -> str | None:
    """Drop documents outside a range of characters (code points, spaces not counted)."""
    n = sum(map(len, doc.text.split()))
    return "too_few_chars" if n < min_chars else "too_many_chars" if n > max_chars else None


@corpus_filter("byte_count")
def byte_count(doc: Document, lang: Language, /, *, min_bytes: int = 16, max_bytes: int = 4_000_000) -> str | None:
    """Drop documents outside a range of UTF-8 bytes."""
    n = len(doc.text.encode("utf-8", "surrogatepass"))
    return "too_few_bytes" if n < min_bytes else "too_many_bytes" if n > max_bytes else None

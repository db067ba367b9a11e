"""The registries of text functions; a language file names its functions from here.

A normalizer is `(text, /) -> text`, idempotent, and a no-op on other scripts than its own, so that the normalizers of
several languages can be applied one after the other to mixed text. A segmenter is `(text, locale, /) -> pieces`: each
piece as it stands in the text, in order, and nothing but spaces and punctuation left out.
"""

from __future__ import annotations

from collections.abc import Callable

from lontar.core.registry import Registry

normalizers: Registry[Callable[[str], str]] = Registry("normalizer", package="lontar.text")
word_segmenters: Registry[Callable[[str, str], list[str]]] = Registry("word segmenter", package="lontar.text")
sentence_segmenters: Registry[Callable[[str, str], list[str]]] = Registry("sentence segmenter", package="lontar.text")

"""The registries of text functions; a language file names its functions from here.

A normalizer is `(text, /) -> Edited`, idempotent, and a no-op on other scripts than its own, so that the normalizers of
several languages can be applied one after the other to mixed text. A plug-in may return the text alone. A segmenter is
`(text, locale, /) -> pieces`: each piece as it stands in the text, in order, and nothing but spaces and punctuation
left out.
"""

from __future__ import annotations

from collections.abc import Callable

from lontar.core.registry import Registry
from lontar.text.edited import Edited

Normalizer = Callable[[str], Edited | str]

normalizers: Registry[Normalizer] = Registry("normalizer", package="lontar.text")
word_segmenters: Registry[Callable[[str, str], list[str]]] = Registry("word segmenter", package="lontar.text")
sentence_segmenters: Registry[Callable[[str, str], list[str]]] = Registry("sentence segmenter", package="lontar.text")
syllable_segmenters: Registry[Callable[[str, str], list[str]]] = Registry("syllable segmenter", package="lontar.text")

"""The registries of text functions; a language file names its functions from here.

A normalizer is `(text, /) -> Edited`, idempotent, and a no-op on other scripts than its own, so that the normalizers of
several languages can be applied one after the other to mixed text. A plug-in may return the text alone. A segmenter is
`(text, locale, /) -> pieces`: each piece as it stands in the text, in order, and nothing but spaces and punctuation
left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

from lontar.core.registry import Registry
from lontar.text.edited import Edited

Normalizer = Callable[[str], Edited | str]
Segmenter = Callable[[str, str], list[str]]


def _load(*modules: str) -> None:
    # Not the whole package: the identifier and the reader of fastText files bring numpy, and register nothing.
    for module in modules:
        importlib.import_module(f"lontar.text.{module}")


_segmenters = partial(_load, "segment", "syllables", "plugged")
normalizers: Registry[Normalizer] = Registry(
    "normalizer", loader=partial(_load, "normal_form", "reorder", "vietnamese", "digits", "legacy")
)
word_segmenters: Registry[Segmenter] = Registry("word segmenter", loader=_segmenters)
sentence_segmenters: Registry[Segmenter] = Registry("sentence segmenter", loader=_segmenters)
syllable_segmenters: Registry[Segmenter] = Registry("syllable segmenter", loader=_segmenters)

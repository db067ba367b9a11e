"""Pure functions on strings, used alike by data, tokenizers, evaluation and serving."""

from lontar.text.normalize import normalize
from lontar.text.registries import normalizers, sentence_segmenters, word_segmenters
from lontar.text.unicode import script_counts, script_of

__all__ = ["normalize", "normalizers", "script_counts", "script_of", "sentence_segmenters", "word_segmenters"]

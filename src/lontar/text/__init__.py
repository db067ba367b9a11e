"""Pure functions on strings, used alike by data, tokenizers, evaluation and serving."""

from lontar.text import reorder, segment
from lontar.text.normalize import limited, normalize
from lontar.text.registries import normalizers, sentence_segmenters, word_segmenters
from lontar.text.unicode import SCRIPTS, ascii_digits, native_digits, script_counts, script_of, script_share

__all__ = [
    "SCRIPTS",
    "ascii_digits",
    "limited",
    "native_digits",
    "normalize",
    "normalizers",
    "reorder",
    "script_counts",
    "script_of",
    "script_share",
    "segment",
    "sentence_segmenters",
    "word_segmenters",
]

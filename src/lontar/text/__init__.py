"""Pure functions on strings, used alike by data, tokenizers, evaluation and serving.

Names are looked up when they are used: the language identifier answers its first call in a fifth of a second, half of
which the registries and their validation would take again.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lontar.text import reorder, segment
    from lontar.text.compare import comparison_form, letters_form
    from lontar.text.edited import Edited
    from lontar.text.normal_form import limited, normalize, normalize_counted
    from lontar.text.registries import normalizers, sentence_segmenters, syllable_segmenters, word_segmenters
    from lontar.text.unicode import SCRIPTS, ascii_digits, native_digits, script_counts, script_of, script_share

_HOMES = {
    "compare": ("comparison_form", "letters_form"),
    "edited": ("Edited",),
    "normal_form": ("limited", "normalize", "normalize_counted"),
    "registries": ("normalizers", "sentence_segmenters", "syllable_segmenters", "word_segmenters"),
    "unicode": ("SCRIPTS", "ascii_digits", "native_digits", "script_counts", "script_of", "script_share"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "SCRIPTS",
    "Edited",
    "ascii_digits",
    "comparison_form",
    "letters_form",
    "limited",
    "native_digits",
    "normalize",
    "normalize_counted",
    "normalizers",
    "reorder",
    "script_counts",
    "script_of",
    "script_share",
    "segment",
    "sentence_segmenters",
    "syllable_segmenters",
    "word_segmenters",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"lontar.text.{_HOME[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"lontar.text.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

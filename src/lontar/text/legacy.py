"""Text in encodings from before Unicode, read as Unicode.

Apart from `zawgyi.py`, which the language identifier uses and which has to do without the registries.
"""

from __future__ import annotations

from lontar.text.edited import Edited
from lontar.text.registries import normalizers
from lontar.text.zawgyi import convert_lines


@normalizers("zawgyi")
def zawgyi(text: str, /) -> Edited:
    """Burmese lines in Zawgyi, told by how their letters stand, as Unicode; counts lines."""
    converted, lines = convert_lines(text)
    return Edited(converted, {"zawgyi": lines} if lines else {})

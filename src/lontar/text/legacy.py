"""Text in encodings from before Unicode, read as Unicode."""

from __future__ import annotations

import re

from lontar.text.edited import Edited
from lontar.text.registries import normalizers

_MYANMAR = re.compile("[\u1000-\u109f]")


@normalizers("zawgyi")
def zawgyi(text: str, /) -> Edited:
    """Burmese lines in Zawgyi, told by how their letters stand, as Unicode; counts lines."""
    if not _MYANMAR.search(text):
        return Edited(text, {})
    from lontar.text.zawgyi import convert_lines

    converted, lines = convert_lines(text)
    return Edited(converted, {"zawgyi": lines} if lines else {})

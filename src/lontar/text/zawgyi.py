"""Zawgyi, the font encoding in which much Burmese text was written until 2019: told line by line, converted both ways.

Detection is `zawgyi_model.py`, conversion `zawgyi_rules.py`; how well both do is in docs/explanation/zawgyi.md.
"""

from __future__ import annotations

import math
import re

from lontar.text.zawgyi_rules import to_unicode, to_zawgyi

__all__ = ["convert_lines", "is_zawgyi", "to_unicode", "to_zawgyi", "zawgyi_probability"]

_LETTER = re.compile("[\u1000-\u103f\u1050-\u109f]")


def zawgyi_probability(text: str) -> float:
    """How likely the text is in Zawgyi, in [0, 1]; 0.0 for text without Myanmar letters.

    Text that reads the same in both encodings (က, ကို) is called Unicode: converting it would change nothing.
    """
    if not _LETTER.search(text):
        return 0.0
    from lontar.text.zawgyi_model import score

    return 1 / (1 + math.exp(-max(-60.0, min(60.0, score(text)))))


def is_zawgyi(text: str, *, threshold: float = 0.95) -> bool:
    """Whether the text is in Zawgyi with more than this probability."""
    return zawgyi_probability(text) > threshold


def convert_lines(text: str, *, threshold: float = 0.95, beside: float = 0.5) -> tuple[str, int]:
    """The text with its Zawgyi lines in Unicode, and how many they are.

    Lines are decided on one by one; where a line is Zawgyi at `threshold`, `beside` is enough for the others. A line
    that still looks like Zawgyi when it is converted is in neither encoding, and stays.
    """
    if not _LETTER.search(text):
        return text, 0
    lines = text.split("\n")
    probable = [zawgyi_probability(line) for line in lines]
    if max(probable) <= threshold:
        return text, 0
    converted = 0
    for i, line in enumerate(lines):
        if probable[i] > beside and (new := to_unicode(line)) != line and zawgyi_probability(new) <= beside:
            lines[i] = new
            converted += 1
    return "\n".join(lines), converted

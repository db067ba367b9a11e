"""Named normalizations. Each is idempotent, and a no-op on text of scripts that it is not about.

There is no NFKC anywhere: it takes Thai and Lao SARA AM apart (71 % of Lao and 39 % of Thai sentences change).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from lontar.text.registries import normalizers


def normalize(text: str, names: Iterable[str]) -> str:
    """Apply registered normalizers, one after the other.

    Raises:
        UnknownNameError: a name is not registered.
    """
    for name in names:
        text = normalizers.get(name).function(text)
    return text


@normalizers("nfc")
def nfc(text: str, /) -> str:
    """Compose characters (NFC)."""
    return unicodedata.normalize("NFC", text)


_SPACES = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r"\r\n?|[\u0085\u2028\u2029\v\f]")


@normalizers("line_space")
def line_space(text: str, /) -> str:
    """One kind of line end, one plain space for a run of spaces, none at the ends of lines."""
    lines = _SPACES.sub(" ", _NEWLINES.sub("\n", text)).split("\n")
    return "\n".join(line.strip(" ") for line in lines).strip("\n")


# Controls but tab and newline, soft hyphen, byte order mark, bidi embeddings: never part of a word's spelling. The joiners
# U+200C and U+200D stay: they carry meaning in Tamil, Burmese and emoji.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


@normalizers("control")
def control(text: str, /) -> str:
    """Drop control characters, soft hyphens, byte order marks and bidi embeddings."""
    return _CONTROL.sub("", text)


@normalizers("zwsp")
def zwsp(text: str, /) -> str:
    """Drop zero-width spaces: 66 % of Khmer sentences in common references contain them, and filters stumble."""
    return text.replace("\u200b", "")


# NIKHAHIT, perhaps a tone mark, SARA AA: typed apart, shown as SARA AM.
_SARA_AM_TH = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_SARA_AM_TH_AFTER = re.compile("([\u0e48-\u0e4b])\u0e4d\u0e32")
_SARA_AM_LO = re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2")
_SARA_AM_LO_AFTER = re.compile("([\u0ec8-\u0ecb])\u0ecd\u0eb2")


@normalizers("sara_am")
def sara_am(text: str, /) -> str:
    """Thai and Lao SARA AM written as one character, after the tone mark."""
    text = _SARA_AM_TH_AFTER.sub("\\1\u0e33", _SARA_AM_TH.sub("\\1\u0e33", text))
    return _SARA_AM_LO_AFTER.sub("\\1\u0eb3", _SARA_AM_LO.sub("\\1\u0eb3", text))


# Thai and Lao: a vowel above or below comes before a tone mark; both orders look the same.
_ORDER_TH = re.compile("([\u0e48-\u0e4b\u0e4c\u0e4d\u0e4e]+)([\u0e31\u0e34-\u0e3a\u0e47]+)")
_ORDER_LO = re.compile("([\u0ec8-\u0ecb\u0ecc\u0ecd]+)([\u0eb1\u0eb4-\u0ebc]+)")


@normalizers("mark_order")
def mark_order(text: str, /) -> str:
    """Thai and Lao vowel signs before tone marks, the order in which they are typed and searched."""
    for pattern in (_ORDER_TH, _ORDER_LO):
        while (changed := pattern.sub(r"\2\1", text)) != text:
            text = changed
    return text

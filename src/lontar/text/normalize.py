"""Named normalizations that are not about one script; those of scripts are in `reorder.py`.

There is no NFKC anywhere: it takes Thai and Lao SARA AM apart (39 % of Thai and 71 % of Lao sentences change) and
replaces fullwidth and superscript characters that mean something.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

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
    # Burmese: the dot below U+1037 moves before the asat U+103A. Both orders are canonically equivalent, look the same
    # and stand mixed in real corpora (11,031 and 6,630 times in one of 8 MB), and many tokenizers apply NFC
    # themselves, so one order has to win and it has to be this one.
    return unicodedata.normalize("NFC", text)


_NEWLINES = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")


@normalizers("line_space")
def line_space(text: str, /) -> str:
    """One kind of line end, one plain space for a run of any spaces, none at the ends of lines; prose, not code."""
    lines = _SPACES.sub(" ", _NEWLINES.sub("\n", text)).split("\n")
    return "\n".join(line.strip(" ") for line in lines).strip("\n")


# Control characters but tab and line ends, soft hyphen, word joiner and invisible operators, deprecated format
# characters, annotation marks, byte order mark, halves of surrogate pairs and noncharacters, which no UTF-8 file can
# or should hold. The joiners U+200C and U+200D stay: they are spelling in Tamil, Khmer and emoji.
_CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u2060-\u2064\u206a-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\ud800-\udfff]"
)
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@normalizers("control")
def control(text: str, /) -> str:
    """Drop control characters and soft hyphens, and bidi controls where no letter runs right to left."""
    text = _CONTROL.sub("", text)
    if _BIDI.search(text) and not any(unicodedata.bidirectional(c) in ("R", "AL") for c in _BIDI.sub("", text)):
        text = _BIDI.sub("", text)
    return text


@normalizers("zwsp")
def zwsp(text: str, /) -> str:
    """Drop zero-width spaces, which some writers of unspaced scripts put between words and most do not."""
    # 66 % of Khmer sentences in a common reference hold them; kept, the same sentence has two spellings.
    return text.replace("\u200b", "")


def limited(texts: Iterable[str], max_bytes: int) -> Iterator[str]:
    """The first texts, up to and including the one that reaches `max_bytes`."""
    total = 0
    for text in texts:
        if total >= max_bytes:
            return
        total += len(text.encode("utf-8"))
        yield text

"""Text that was decoded or stored in a way that is not Unicode: mojibake and Zawgyi.

Both look at the text as it was read, because normalization takes the traces away: half the bytes of mojibake are
control characters. Both count structure and know no words, so they answer for any language.
"""

from __future__ import annotations

import re

from lontar.core.records import Document
from lontar.data.filters import as_read, corpus_filter
from lontar.languages import Language
from lontar.text.zawgyi import is_zawgyi, zawgyi_probability


@as_read
@corpus_filter("zawgyi")
def zawgyi(doc: Document, lang: Language, /, *, max_share: float = 0.5) -> str | None:
    """Drop text in the Zawgyi encoding: more than `max_share` of its lines with Burmese letters.

    Burmese is normalized to Unicode, Zawgyi lines included, so this is for corpora that want only what was typed in it.
    """
    lines = [line for line in doc.text.split("\n") if zawgyi_probability(line)]
    return "zawgyi" if lines and sum(map(is_zawgyi, lines)) > max_share * len(lines) else None


# --- mojibake --------------------------------------------------------------------------------------------------------

_LEADS = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LONG_LEADS = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Code pages of the region that UTF-8 is mistaken for. Western European: two bytes in sequence are evidence enough.
# Thai (cp874) and Chinese (GBK) text makes valid pairs by chance, and Thai such triples as เธอ, so there only triples
# count and nearly all of the text has to be made of them.
# The first pattern is what a lead byte looks like in that code page: without one the text need not be taken apart.
_CODECS = (
    ("cp1252", re.compile("[\xc2-\xf4]"), _LEADS, 0.5),
    ("cp874", re.compile("[\u0e40-\u0e4f]"), _LONG_LEADS, 0.7),
    ("gbk", re.compile("[\u4e00-\u9fff]"), _LONG_LEADS, 0.7),
)
_MIN_DIFFERENT = 4


def _single_bytes(codec: str) -> dict[int, bytes]:
    """Bytes above 127 by the character that a decoder shows for them; undefined ones as the control character."""
    table = {code: bytes([code]) for code in range(0x80, 0x100)}
    for code in range(0x80, 0x100):
        if (char := bytes([code]).decode(codec, "ignore")) and char != chr(code):
            table[ord(char)] = bytes([code])
    return table


_TABLES = {codec: _single_bytes(codec) for codec in ("cp1252", "cp874")}


def _bytes_of(text: str, codec: str) -> bytes:
    """The bytes above 127 that the text came from if it was decoded as `codec`; other characters part sequences."""
    if codec == "gbk":
        return text.encode("gbk", "replace").replace(b"?", b" ")
    table = _TABLES[codec]
    return b"".join(table.get(ord(char), b" ") for char in text)


def _reads_as_utf8(text: str, codec: str, sequences: re.Pattern[bytes], share: float, least: int) -> bool:
    data = _bytes_of(text, codec)
    found = [match for match in sequences.findall(data) if _decodes(match)]
    if len(found) < least or (codec != "cp1252" and len(set(found)) < _MIN_DIFFERENT):
        return False
    return sum(map(len, found)) >= share * sum(not char.isascii() for char in text) * (2 if codec == "gbk" else 1)


def _decodes(data: bytes) -> bool:
    try:
        return bool(data.decode("utf-8"))
    except UnicodeDecodeError:  # overlong, a surrogate, or beyond the last code point
        return False


@as_read
@corpus_filter("mojibake")
def mojibake(doc: Document, lang: Language, /, *, min_sequences: int = 2, max_lost: float = 0.02) -> str | None:
    """Drop UTF-8 that was read as cp1252, Latin-1, cp874 or GBK, and text with many replacement characters.

    A wrong reading gives itself away when it is undone: most characters outside ASCII become valid UTF-8 sequences, at
    least `min_sequences` of them. `max_lost` is the share of characters that may be U+FFFD.
    """
    if doc.text.isascii():
        return None
    if doc.text.count("\ufffd") > max_lost * len(doc.text):
        return "mojibake"
    found = any(
        lead.search(doc.text) and _reads_as_utf8(doc.text, codec, sequences, share, min_sequences)
        for codec, lead, sequences, share in _CODECS
    )
    return "mojibake" if found else None

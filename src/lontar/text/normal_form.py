"""Named normalizations that are not about one script; those of scripts are in `reorder.py` and `vietnamese.py`.

Each returns the text and how many places it changed, by kind. There is no NFKC anywhere: it takes Thai and Lao SARA AM
apart (39 % of Thai and 71 % of Lao sentences change) and replaces fullwidth and superscript characters that mean
something.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from lontar.text.edited import Edited, added, counted, edited
from lontar.text.registries import normalizers
from lontar.text.unicode import whole

__all__ = ["limited", "normalize", "normalize_counted"]


def normalize(text: str, names: Iterable[str]) -> str:
    """Apply registered normalizers, one after the other, to the text in whole characters (`unicode.whole`).

    This is the door to every model, also to one without normalizers: what is encoded has a form in UTF-8.

    Raises:
        UnknownNameError: a name is not registered.
    """
    return normalize_counted(text, names).text


def normalize_counted(text: str, names: Iterable[str]) -> Edited:
    """Apply registered normalizers, one after the other, and count what they changed, halves of characters too.

    Raises:
        UnknownNameError: a name is not registered.
    """
    before, text = text, whole(text)
    # A pair that is joined counts as one change: the text is not the one that was given.
    lone = text.count("\ufffd") - before.count("\ufffd")
    steps: list[Mapping[str, int]] = [{} if text == before else {"lone_surrogates": max(1, lone)}]
    for name in names:
        text, edits = edited(text, normalizers.get(name).function(text), name)
        steps.append(edits)
    return Edited(text, added(steps))


@normalizers("nfc")
def nfc(text: str, /) -> Edited:
    """Compose characters (NFC)."""
    # Burmese: the dot below U+1037 moves before the asat U+103A. Both orders are canonically equivalent, look the same
    # and stand mixed in real corpora (11,031 and 6,630 times in one of 8 MB), and many tokenizers apply NFC
    # themselves, so one order has to win and it has to be this one.
    if _quickly_nfc(text):
        return Edited(text, {})
    parts: list[str] = []
    for part in _clusters(text):
        if len(part) > _LONGEST_CLUSTER:
            # The library sorts marks by insertion: 40 s for 200,000 of them on one letter.
            part = part[0] + "".join(sorted(part[1:], key=unicodedata.combining))
        parts.append(part)
    whole = unicodedata.normalize("NFC", "".join(parts))
    if whole == text:
        return Edited(text, {})
    changed = sum(unicodedata.normalize("NFC", new) != old for old, new in zip(_clusters(text), parts, strict=True))
    return Edited(whole, {"nfc": max(1, changed)})


_LONGEST_CLUSTER = 32
"""A letter and as many marks as the Stream-Safe format of UAX 15 admits, and one more."""
_MANY_MARKS = re.compile("[\u0300-\u036f\u0483-\u0ecb\u0f18-\u1abf\u1dc0-\u20f0]{32}")


def _quickly_nfc(text: str) -> bool:
    """Whether the text is in NFC; False too where only a long way can tell."""
    return text.isascii() or (not _MANY_MARKS.search(text) and unicodedata.is_normalized("NFC", text))


def _clusters(text: str) -> list[str]:
    """Starters (UAX 15) with the marks that follow each."""
    starts = [i for i, char in enumerate(text) if not unicodedata.combining(char) or not i]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


_NEWLINES = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Everything but a plain space between two words: the most frequent case, and nothing to do.
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]|(?:\A|(?<=\n)) | (?=\n|\Z)")


@normalizers("line_space")
def line_space(text: str, /) -> Edited:
    """One kind of line end, one plain space for a run of any spaces, none at the ends of lines; prose, not code."""
    return counted(
        text,
        line_end=lambda text: _NEWLINES.subn("\n", text),
        space=lambda text: _SPACES.subn(_one_space, text),
        blank_line=lambda text: (text.strip("\n"), len(text) - len(text.strip("\n"))),
    )


def _one_space(found: re.Match[str]) -> str:
    before, after = found.start() - 1, found.end()
    text = found.string
    at_edge = before < 0 or text[before] == "\n" or after == len(text) or text[after] == "\n"
    return "" if at_edge else " "


# Control characters but tab and line ends, soft hyphen, word joiner and invisible operators, deprecated format
# characters, annotation marks, byte order mark, halves of surrogate pairs and noncharacters, which no UTF-8 file can
# or should hold. The joiners U+200C and U+200D have a function of their own.
_CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u2060-\u2064\u206a-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\ud800-\udfff]"
)
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@normalizers("control")
def control(text: str, /) -> Edited:
    """Drop control characters and soft hyphens, and bidi controls where no letter runs right to left."""
    return counted(text, control=lambda text: _CONTROL.subn("", text), bidi=_without_bidi)


def _without_bidi(text: str) -> tuple[str, int]:
    if not _BIDI.search(text):
        return text, 0
    plain, n = _BIDI.subn("", text)
    return (text, 0) if any(unicodedata.bidirectional(c) in ("R", "AL") for c in plain) else (plain, n)


@normalizers("zwsp")
def zwsp(text: str, /) -> Edited:
    """Drop zero-width spaces, which some writers of unspaced scripts put between words and most do not."""
    # 66 % of Khmer sentences in a common reference hold them; kept, the same sentence has two spellings.
    n = text.count("\u200b")
    return Edited(text.replace("\u200b", ""), {"zwsp": n} if n else {})


# Where a joiner changes what is seen: after a virama or a letter of a script that joins or stacks (Arabic, the scripts
# of India, Burmese, Khmer, Balinese, Javanese, Sundanese, Mongolian), and between the parts of an emoji.
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\u1b00-\u1bff\ua980-\ua9ff\uaa60-\uaa7f"
_PICTURE = "\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
_JOINERS = re.compile("[\u200c\u200d]+")


@normalizers("joiners")
def joiners(text: str, /) -> Edited:
    """Keep ZWNJ and ZWJ, one at a time, where they carry meaning: within words of joining scripts and in emoji."""
    if not _JOINERS.search(text):
        return Edited(text, {})
    dropped = 0

    def kept(found: re.Match[str]) -> str:
        nonlocal dropped
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        inside = re.match(f"[{_JOINING}]", before) and re.match(f"[{_JOINING}]", after)
        emoji = found[0][0] == "\u200d" and re.match(f"[{_PICTURE}]", before) and re.match(f"[{_PICTURE}]", after)
        one = found[0][0] if inside or emoji else ""
        dropped += len(found[0]) - len(one)
        return one

    changed = _JOINERS.sub(kept, text)
    return Edited(changed, {"joiners": dropped} if dropped else {})


# Marks that stand above or below their letter: a second one of the same falls on the first and is not seen.
_REPEATED = re.compile(
    "([\u0300-\u036f\u0bbf\u0bc0\u0bcd\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102d-\u1030"
    "\u1032-\u1037\u1039\u103a\u103d\u103e\u17b7-\u17bd\u17c6\u17c9-\u17d3\u17dd])\\1+"
)


@normalizers("repeated_marks")
def repeated_marks(text: str, /) -> Edited:
    """One mark where the same one stands several times on a letter; letters and vowels of their own width stay."""
    return counted(text, repeated_marks=lambda text: _REPEATED.subn(r"\1", text))


def limited(texts: Iterable[str], max_bytes: int) -> Iterator[str]:
    """The first texts, up to and including the one that reaches `max_bytes`."""
    total = 0
    for text in texts:
        if total >= max_bytes:
            return
        total += len(text.encode("utf-8"))
        yield text

"""Informal text: what register a text is in, and its standard spelling, with edits that can be taken back.

Chats and comments in the region are written with abbreviations (`yg`, `đc`), stretched letters (`bangeeet`), doubled
words (`hati2`), local spellings (`ค้าบ`) and particles. The tables (`<code>.yaml`) are ours. Normalizing changes only
what a table or a rule knows: particles, laughter and emoji carry tone and stay, code-switching stays.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lontar.text.informal.tables import MARKS, Informal, codes, table

__all__ = ["Edit", "Informal", "Register", "Rewritten", "codes", "normalize_informal", "register", "table"]


class Edit(NamedTuple):
    """One place that was rewritten."""

    start: int
    """Where the new text stands in the rewritten text, in code points."""
    end: int
    before: str
    after: str
    kind: str
    """spelling, elongation or doubling; where several apply, the first of these."""


class Rewritten(NamedTuple):
    """A text in standard spelling."""

    text: str
    edits: tuple[Edit, ...]

    def original(self) -> str:
        """The text as it was: every edit taken back."""
        parts, at = [], 0
        for edit in self.edits:
            parts += [self.text[at : edit.start], edit.before]
            at = edit.end
        return "".join([*parts, self.text[at:]])

    def counts(self) -> dict[str, int]:
        """Edits by kind."""
        return dict(Counter(edit.kind for edit in self.edits))


class Register(NamedTuple):
    """How formal a text is."""

    label: str
    """"formal" or "informal"."""
    score: float
    """From 0 (nothing informal) towards 1; 0.5 is where the label changes."""
    signs: Mapping[str, int]
    """What told it, by kind."""


class _Found(NamedTuple):
    start: int
    end: int
    after: str
    kind: str


_TOKEN = re.compile(rf"[^\W_](?:[^\W_]|[{MARKS}]|['’](?=[^\W_]))*")
# Addresses, names and topics are not words, whatever stands in them.
_NAMED = re.compile(r"https?://\S+|www\.\S+|[\w.+-]{1,64}@[\w.-]{1,64}|[@#][\w]+|</?\w[^<>]{0,40}>|\[[A-Z]{1,20}\]")
_DOUBLED = re.compile(r"^([^\W\d_]{2,})2([^\W\d_]*)$")
# What follows a number is its unit, and what a period follows may be a title: "5 km", "dr. Budi".
_UNIT_LETTERS = 3


def normalize_informal(text: str, code: str) -> Rewritten:
    """The text in the standard spelling of the language `code` (ours: "id", "th").

    Raises:
        UnknownNameError: there is no table for the language.
    """
    known = table(code)
    found = list(_in_words(text, known) if known.spaced else _in_strings(text, known))
    # A single letter may be a name or a point in a list; it is short for a word in text that has other such words.
    if not any(each.end - each.start > 1 for each in found):
        found = []
    return _rewritten(text, found)


def _rewritten(text: str, found: list[_Found]) -> Rewritten:
    parts: list[str] = []
    edits: list[Edit] = []
    at = length = 0
    for start, end, after, kind in found:
        length += start - at
        parts += [text[at:start], after]
        edits.append(Edit(length, length + len(after), text[start:end], after, kind))
        length, at = length + len(after), end
    return Rewritten("".join([*parts, text[at:]]), tuple(edits))


def _tokens(text: str) -> list[tuple[int, int]]:
    """Words that may be looked up: not in addresses, and not part of a compound with a hyphen."""
    plain = _NAMED.sub(lambda found: " " * len(found[0]), text)
    spans = [found.span() for found in _TOKEN.finditer(plain)]
    return [(a, b) for a, b in spans if text[a - 1 : a] != "-" and text[b : b + 1] != "-"]


def _in_words(text: str, known: Informal) -> Iterator[_Found]:
    tokens, capitals = _tokens(text), text.isupper()
    i = 0
    while i < len(tokens):
        for n in range(min(known.longest, len(tokens) - i), 0, -1):
            start, end = tokens[i][0], tokens[i + n - 1][1]
            if n > 1 and (end - start > 40 or text[start:end] not in known.words):
                continue
            if found := _word(text, start, end, known, capitals=capitals):
                yield found
            i += n
            break


def _word(text: str, start: int, end: int, known: Informal, *, capitals: bool) -> _Found | None:
    word = text[start:end]
    if known.laughs.fullmatch(word) or (not capitals and 2 <= len(word) <= 4 and word.isupper()):  # an acronym
        return None
    base = word.casefold()
    kind = ""
    if known.runs.search(base):
        base, kind = _unstretched(base, known), "elongation"
    suffix, twice = "", False
    if known.numeral_doubling and (match := _DOUBLED.match(base)):
        base, suffix, twice, kind = match[1], match[2], True, kind or "doubling"
    if base in known.words and not (len(base) <= _UNIT_LETTERS and _is_unit_or_title(text, start, end)):
        base, kind = known.words[base], "spelling"
    if not kind:
        return None
    after = f"{base}-{base}{suffix}" if twice else base
    return _Found(start, end, after[0].upper() + after[1:] if word[0].isupper() else after, kind)


def _is_unit_or_title(text: str, start: int, end: int) -> bool:
    after_number = text[max(0, start - 4) : start].rstrip(" ")[-1:].isdigit()
    return after_number or bool(re.match(r"\.\s*\w", text[end : end + 8]))


def _unstretched(word: str, known: Informal) -> str:
    """One letter for a run of them, or two where the language has such a word."""
    once = known.runs.sub(r"\1", word)
    twice = known.runs.sub(r"\1\1", word)
    return twice if twice in known.doubles else once


# Three of one letter within a phrase can be the end of a word, a word and the head of a third: ขอออก.
_STRETCHED_LETTER = re.compile(rf"([^\W\d_A-Za-zๆໆ])(?:\1{{3,}}|\1\1(?![^\W\d_]|[{MARKS}]))")


def _in_strings(text: str, known: Informal) -> Iterator[_Found]:
    """Spellings in text without spaces, and letters that stand three times or more in a row."""
    at = 0
    spelled, stretched = known.strings.search(text), _STRETCHED_LETTER.search(text)
    while at < len(text):
        # Each is looked for anew only when it is behind: else a text full of one would be read through for the other.
        if spelled and spelled.start() < at:
            spelled = known.strings.search(text, at)
        if stretched and stretched.start() < at:
            stretched = _STRETCHED_LETTER.search(text, at)
        if spelled and (not stretched or spelled.start() <= stretched.start()):
            key = max((k for k in known.words if spelled[0].startswith(k)), key=len)
            yield _Found(*spelled.span(), known.words[key], "spelling")
            at = spelled.end()
        elif stretched:
            if not _laughed(text, *stretched.span(), known):
                yield _Found(*stretched.span(), stretched[1], "elongation")
            at = stretched.end()
        else:
            return


def _laughed(text: str, start: int, end: int, known: Informal) -> bool:
    """Whether the letters are part of laughter, which is made of repeated letters too."""
    around = known.laughs.finditer(text, max(0, start - 40), end + 40)
    return any(laugh.start() < end and start < laugh.end() for laugh in around)


_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]|(?<!\\w)[:;=]['-]?[)(DPpoO3*|/](?!\\w)|\\^_?\\^|T_T|<3")
_STRETCHED_POINT = re.compile(r"([!?.,~…])\1{2,}|[!?]{2,}|\.{2}(?!\.)")
_WEIGHTS = {"spelling": 1.0, "elongation": 1.0, "doubling": 0.7, "laughter": 1.0, "particle": 0.6, "emoji": 0.6}
_WEIGHTS |= {"punctuation": 0.4, "lower_case": 0.5}
_STEEPNESS = 6.0


def register(text: str, code: str) -> Register:
    """Whether a text of the language `code` is written as one speaks and chats, or as one publishes.

    Raises:
        UnknownNameError: there is no table for the language.
    """
    known = table(code)
    signs = Counter(normalize_informal(text, code).counts())
    signs["particle"] = len(known.tone.findall(text))
    signs["laughter"] = sum(1 for _ in known.laughs.finditer(text))
    signs["emoji"] = len(_EMOJI.findall(text))
    signs["punctuation"] = len(_STRETCHED_POINT.findall(text))
    first = next((char for char in text if char.isalpha()), "")
    signs["lower_case"] = int(first.islower())
    words = len(_TOKEN.findall(text)) if known.spaced else sum(char.isalpha() for char in text) / 4
    weighed = sum(_WEIGHTS[kind] * n for kind, n in signs.items())
    score = 1 - math.exp(-_STEEPNESS * weighed / max(words, 4.0))
    return Register("informal" if score >= 0.5 else "formal", round(score, 4), {k: n for k, n in signs.items() if n})

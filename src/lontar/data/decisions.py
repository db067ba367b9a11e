"""What was decided on each document, and why: one row a document, in the order of the input.

`{id, lang, kept, reason, edits, excerpt}`, and `of` for a duplicate: the id of the document that stays in its place.
`edits` says what was changed in a document that stays, by kind of edit, and in how many places. The excerpt of a
document that stays is of the text as stored, of one that does not as it was read; personal data that the config masks
is masked in both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from lontar.core.config import JsonObject
from lontar.core.shards import read_jsonl

DECISIONS = "decisions.jsonl.zst"
"""Name of the payload file."""
EXCERPT_CHARS = 160


def read_decisions(folder: Path) -> Iterator[JsonObject] | None:
    """Rows of a corpus that keeps decisions; None for one that does not."""
    path = folder / DECISIONS
    return (row for _, row in read_jsonl(path)) if path.is_file() else None


def decision(
    id_: str,
    lang: str,
    excerpt_: str,
    reason: str | None = None,
    edits: Mapping[str, int] | None = None,
    of: str | None = None,
) -> JsonObject:
    """One row."""
    row: JsonObject = {"id": id_, "lang": lang, "kept": reason is None, "reason": reason}
    row |= {"edits": dict(edits or {}), "excerpt": excerpt_}
    return row if of is None else {**row, "of": of}


def excerpt(text: str, limit: int = EXCERPT_CHARS) -> str:
    """The beginning of a text on one line, cut at a space or between characters as readers see them.

    Control and bidi characters, which would act on a terminal, become spaces.
    """
    # A little more than is needed: what follows the cut decides where it may be.
    text = " ".join("".join(_harmless(char) for char in text[: 8 * limit]).split())
    if len(text) <= limit:
        return text
    space = text.rfind(" ", limit - limit // 4, limit)
    return text[: space if space > 0 else _boundary(text, limit)] + "…"


def _harmless(char: str) -> str:
    category = unicodedata.category(char)
    return " " if category in ("Cc", "Cs") or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" else char


# A vowel that is written before its consonant, and signs that bind the next letter.
_BINDS_NEXT = frozenset("เแโใไເແໂໃໄ\u200d\u1039\u17d2")
_BOUND = frozenset("\u200d\u200c\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3")


def _boundary(text: str, at: int) -> int:
    """The last place up to `at` where a cut parts no vowel, tone or subscript from its letter."""
    for cut in range(at, max(0, at - 20), -1):
        joined = unicodedata.category(text[cut])[0] == "M" or text[cut] in _BOUND or text[cut - 1] in _BINDS_NEXT
        if not joined:
            return cut
    return at

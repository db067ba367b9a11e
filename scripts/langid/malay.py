"""Indonesian windows turned into Malay ones and back, by a table of words that differ.

The two languages share most of their words, and Malay text that may be shipped is a fifteenth of the Indonesian. With
the table, every Indonesian window that holds a word of it gives a Malay window about the same thing: the model learns
the words that tell, not the topics of the collections.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_TABLE = Path(__file__).with_name("pairs_ind_zsm.txt")
_CLITIC = re.compile(r"^(.{3,}?)(nya|ku|mu|lah|kah|pun)$")


def _pairs() -> dict[str, str]:
    lines = _TABLE.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


TO_MALAY = _pairs()
TO_INDONESIAN: dict[str, list[str]] = defaultdict(list)
for _indonesian, _malay in TO_MALAY.items():
    TO_INDONESIAN[_malay].append(_indonesian)


def _malay_word(word: str) -> str | None:
    if word in TO_MALAY:
        return TO_MALAY[word]
    if (found := _CLITIC.match(word)) and " " not in TO_MALAY.get(found[1], " "):
        return TO_MALAY[found[1]] + found[2]
    first, _, second = word.partition("-")
    if first == second and " " not in TO_MALAY.get(first, " "):
        return f"{TO_MALAY[first]}-{TO_MALAY[first]}"
    return f"{word[:-4]}iti" if word.endswith("itas") and len(word) > 6 else None


def _indonesian_word(word: str, rnd: random.Random) -> str | None:
    if word in TO_INDONESIAN:
        return rnd.choice(TO_INDONESIAN[word])
    if (found := _CLITIC.match(word)) and found[1] in TO_INDONESIAN:
        if " " not in (chosen := rnd.choice(TO_INDONESIAN[found[1]])):
            return chosen + found[2]
    return f"{word[:-3]}itas" if word.endswith("iti") and len(word) > 6 else None


def to_malay(words: Sequence[str]) -> tuple[list[str], int]:
    """The words in Malay, and how many were changed."""
    out: list[str] = []
    changed = i = 0
    while i < len(words):
        phrase = " ".join(words[i : i + 2])
        if i + 1 < len(words) and phrase in TO_MALAY:
            out, changed, i = out + TO_MALAY[phrase].split(), changed + 1, i + 2
            continue
        word = _malay_word(words[i])
        out, changed, i = out + (word.split() if word else [words[i]]), changed + bool(word), i + 1
    return out, changed


def to_indonesian(words: Sequence[str], rnd: random.Random) -> tuple[list[str], int]:
    """The words in Indonesian, and how many were changed; one of several words for the same is drawn."""
    out: list[str] = []
    changed = i = 0
    while i < len(words):
        for n in (3, 2):
            phrase = " ".join(words[i : i + n])
            if i + n <= len(words) and phrase in TO_INDONESIAN:
                out, changed, i = out + rnd.choice(TO_INDONESIAN[phrase]).split(), changed + 1, i + n
                break
        else:
            word = _indonesian_word(words[i], rnd)
            out, changed, i = out + (word.split() if word else [words[i]]), changed + bool(word), i + 1
    return out, changed

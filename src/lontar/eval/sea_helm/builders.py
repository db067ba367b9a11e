"""Long prompts made for a model: needles in a haystack, and most common words. Their length counts in its own tokens.

The texts come from the user's copy: books, words, and the sentence of a needle. Which sentences a needle may stand
before is decided by a simpler rule than the official one, so the rows are of the same kind, and not the very same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.errors import DataError

SEED = 9472347
COUNT = 200
LARGEST = 2**31 - 1
# A sentence ends at these, or at the end of a line.
_END = re.compile(r"(?<=[.!?])[ \t]+|(?<=[。！？])|[\r\n]+")
_TRIES, _CLOSE = 3, 100
Official = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """How a model counts: its tokens of a text, and the text of the first tokens."""

    count: Callable[[str], int]
    cut: Callable[[str, int], str]


@dataclass(frozen=True)
class Needles:
    """Texts of a language for needles in a haystack."""

    book: str
    nouns: Sequence[str]
    sentence: str
    """with `{needle}` and `{value}`"""
    joint: str
    """stands before the last of several needles"""
    quoted: str = '"{needle}"'
    comma: str = ", "


def haystacks(texts: Needles, settings: Mapping[str, Any], prompt: str, tokens: Tokens) -> list[Official]:
    """Rows of a `niah_*` task.

    Args:
        texts: what they are made of.
        settings: the task's entry in tasks.yaml: context_size, min_num_keys, and num_values or num_queries.
        prompt: preamble and task template, which are part of the length.
        tokens: how the model counts.

    Raises:
        DataError: the book or the list of nouns is too short, or the settings name neither values nor queries.
    """
    keys, seed = int(settings["min_num_keys"]), int(settings.get("random_seed", SEED))
    queries, values = settings.get("num_queries"), settings.get("num_values")
    if (queries is None) == (values is None) or (queries or values or 0) > keys:
        raise DataError(
            f"needles: {queries} queries and {values} values of {keys} keys: give one of the two, no more than keys"
        )
    if len(texts.nouns) <= keys or not texts.book.strip():
        raise DataError(f"needles: {len(texts.nouns)} nouns and {len(texts.book)} characters of text are too few")
    sample = texts.sentence.format(needle=random.Random(seed).choice(list(texts.nouns)), value=123456789)
    room = int(settings["context_size"]) - tokens.count(prompt) - keys * tokens.count(sample)
    book = re.sub(r"[ \t]+", " ", texts.book)
    if (have := tokens.count(book)) < room:
        book *= room // max(have, 1) + 1
    hay = tokens.cut(book, max(room, 0))
    places = [part.strip() for part in _END.split(hay) if re.search(r"\w", part)]
    if not places:
        raise DataError(f"needles: no sentence fits into a context of {settings['context_size']} tokens")
    seeds = random.Random(seed).sample(range(LARGEST), int(settings.get("num_samples", COUNT)))
    rows = [_haystack(texts, hay, places, random.Random(each), keys, queries, values) for each in seeds]
    return [{"id": i, **row} for i, row in enumerate(rows)]


def _haystack(
    texts: Needles,
    hay: str,
    places: Sequence[str],
    rng: random.Random,
    keys: int,
    queries: int | None,
    values: int | None,
) -> Official:
    nouns, labels, asked = list(texts.nouns), list[str](), list[str]()
    if values is not None:
        asked = [_drawn(nouns, rng)]
    wanted = int(queries if queries is not None else values or 0)
    for i in range(keys):
        value = str(rng.randint(0, LARGEST))
        hidden = i < wanted
        noun = asked[0] if hidden and values is not None else _drawn(nouns, rng)
        if hidden:
            labels.append(value)
        if hidden and values is None:
            asked.append(noun)
        place = rng.choice(places)
        hay = hay.replace(place, texts.sentence.format(needle=noun, value=value) + place, 1)
    quoted = [texts.quoted.format(needle=noun) for noun in asked]
    named = texts.comma.join(quoted[:-1]) + (texts.joint if len(quoted) > 1 else "") + "".join(quoted[-1:])
    metadata = {"num_queries": queries, "num_values": values, "num_keys": keys}
    return {"label": labels or ["none"], "prompts": [{"text": hay, "needle_text": named}], "metadata": metadata}


def _drawn(nouns: list[str], rng: random.Random) -> str:
    noun = rng.choice(nouns)
    nouns.remove(noun)
    return noun


def common_words(
    words: Sequence[str], settings: Mapping[str, Any], prompt: str, count: Callable[[str], int]
) -> list[Official]:
    """Rows of a `cwe_*` task; arguments as `haystacks` has them.

    How many words fit is found by trying, where the official code draws a number that no seed fixes.

    Raises:
        DataError: there are too few words, or the context is too small for the common ones.
    """
    seed = int(settings.get("random_seed", SEED))
    own = [f" {word}" for word in sorted(set(words))]
    room = int(settings["context_size"]) - count(prompt)
    seeds = random.Random(seed).sample(range(LARGEST), int(settings.get("num_samples", COUNT)))
    rows = [_words(own, settings, room, each, count) for each in seeds]
    return [{"id": i, **row} for i, row in enumerate(rows)]


def _words(
    own: Sequence[str], settings: Mapping[str, Any], room: int, seed: int, count: Callable[[str], int]
) -> Official:
    n, often = int(settings["num_common_words"]), int(settings["num_repeats_common_words"])
    shuffled = list(own)
    random.Random(seed).shuffle(shuffled)
    common, rest = shuffled[:n], shuffled[n:] * int(settings["num_repeats_uncommon_words"])
    random.Random(seed).shuffle(rest)
    least = n * often
    total, text, used = least + min(len(rest), max(room // 6, 1)), "", 0
    for _ in range(_TRIES + 1):
        text = _numbered(common * often + rest[: total - least], seed)
        used = count(text)
        if abs(room - used) < _CLOSE:
            break
        total = max(least, min(least + len(rest), total * room // max(used, 1)))
    if used > room + _CLOSE or len(common) < n:
        raise DataError(
            f"common words: {len(own)} words, and {used} tokens where {room} fit: too few words or too small a context"
        )
    metadata = {"num_tokens": used + int(settings["context_size"]) - room}
    label = [word.strip() for word in common]
    return {"label": label, "prompts": [{"list": text, "num_common_words": n}], "metadata": metadata}


def _numbered(words: list[str], seed: int) -> str:
    random.Random(seed).shuffle(words)
    return " ".join(f"{i}.{word}" for i, word in enumerate(words, 1))

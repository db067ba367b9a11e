"""Passages to learn new tokens from: the same text under both tokenizers, and the places where they agree on an end.

Byte-level tokens say how many bytes they stand for, so ends are compared in bytes. A tokenizer that extends another
keeps its boundaries: each of its tokens ends where an old one does. Two unrelated tokenizers share most ends of words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from lontar.models.vocab import token_bytes
from lontar.tokenizer.base import Bpe

# A token is shown at most so often: passages for the rare ones are worth more than the hundredth for a frequent one.
MOST_SHOWN = 100


@dataclass(frozen=True)
class Passage:
    """One text under both tokenizers; places count the start token where there is one."""

    old: tuple[int, ...]
    new: tuple[int, ...]
    old_ends: tuple[int, ...]
    new_ends: tuple[int, ...]
    """where a token of each ends at the same byte, pair by pair"""


def aligned(
    text: str, old: Bpe, new: Bpe, sizes: tuple[Mapping[int, int], Mapping[int, int]], starts: tuple[int | None, ...]
) -> Passage | None:
    """The passage, or None where the tokenizers normalize it to other bytes, or it is empty."""
    ids = old.encode(text), new.encode(text)
    if not all(ids):
        return None
    ends = [list(accumulate(size[i] for i in one)) for size, one in zip(sizes, ids, strict=True)]
    if ends[0][-1] != ends[1][-1]:
        return None
    heads = [[] if start is None else [start] for start in starts]
    at = [{end: len(head) + n for n, end in enumerate(one)} for head, one in zip(heads, ends, strict=True)]
    shared = sorted(at[0].keys() & at[1].keys())
    full = [(*head, *one) for head, one in zip(heads, ids, strict=True)]
    return Passage(full[0], full[1], tuple(at[0][end] for end in shared), tuple(at[1][end] for end in shared))


def token_sizes(bpe: Bpe) -> dict[int, int]:
    """Bytes of every token by id."""
    return {
        i: len(token.encode("utf-8")) if token in bpe.specials else len(token_bytes(token))
        for token, i in bpe.ids.items()
    }


def pieces_of(text: str, longest: int) -> Iterator[str]:
    """A text in passages of at most `longest` characters, cut at a line or a space where the last half has one."""
    while len(text) > longest:
        cut = max(text.rfind("\n", longest // 2, longest), text.rfind(" ", longest // 2, longest))
        cut = longest if cut <= 0 else cut
        yield text[:cut]
        text = text[cut:]
    yield text


def choose(
    texts: Iterable[str],
    old: Bpe,
    new: Bpe,
    wanted: Collection[int],
    most: int,
    longest: int,
    starts: tuple[int | None, int | None],
) -> list[Passage]:
    """The first passages that show a wanted token that has not been shown often yet.

    Args:
        texts: in the order in which they are read; no more of them than are needed.
        old: the base's tokenizer.
        new: the tokenizer with new tokens.
        wanted: new ids to learn.
        most: so many passages are enough.
        longest: characters of a passage.
        starts: token that texts begin with, in the base and in the new tokenizer.
    """
    sizes = token_sizes(old), token_sizes(new)
    wanted, shown, found = frozenset(wanted), Counter[int](), list[Passage]()
    for text in texts:
        for part in pieces_of(text, longest):
            if len(found) >= most:
                return found
            passage = aligned(part, old, new, sizes, starts)
            if passage is None or not (here := wanted.intersection(passage.new)):
                continue
            if any(shown[i] < MOST_SHOWN for i in here):
                shown.update(here)
                found.append(passage)
    return found

"""A text after normalization, with what was done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

__all__ = ["Edited", "Rule", "changed_places", "counted", "edited"]

Rule = Callable[[str], tuple[str, int]]
"""One kind of edit: the text after it, and how many places it changed."""


class Edited(NamedTuple):
    """What a normalizer returns."""

    text: str
    edits: Mapping[str, int]
    """Places changed, by kind of edit; kinds that changed nothing are left out."""


def counted(text: str, **rules: Rule) -> Edited:
    """Apply rules in order; each keyword names the kind of edit that its rule makes."""
    edits: Counter[str] = Counter()
    for kind, rule in rules.items():
        text, n = rule(text)
        if n:
            edits[kind] += n
    return Edited(text, dict(edits))


def edited(before: str, given: Edited | str, name: str) -> Edited:
    """The result of a normalizer; one that returns only the text is counted as one kind of edit with its name."""
    if isinstance(given, str):
        return Edited(given, {name: changed_places(before, given)} if given != before else {})
    return given


def changed_places(before: str, after: str) -> int:
    """Characters that came or went, or else stand in other places; at least 1 for different texts."""
    if len(before) != len(after):
        return abs(len(before) - len(after))
    return sum(a != b for a, b in zip(before, after, strict=True))


def added(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Edits of several steps or texts together."""
    total: Counter[str] = Counter()
    for edits in every:
        total.update(edits)
    return dict(total)

"""Maskers: personal data replaced by a placeholder.

A masker is `(text, /) -> (text, places replaced)`, pure and idempotent. It would rather miss a number than take a
price, a date or a quantity for a personal one: every pattern needs a format of its own, a country code, a check digit
or a word that announces it. Digits of all scripts count: a number in Thai or Burmese digits is found like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from pydantic_core import PydanticCustomError

from lontar.core.registry import Registry, Use
from lontar.errors import UnknownNameError
from lontar.text import ascii_digits

__all__ = ["Masker", "known_masker", "mask", "maskers", "replaced", "used"]

Masker = Callable[[str], tuple[str, int]]

maskers: Registry[Masker] = Registry("masker", package="lontar.data.maskers")


def known_masker(name: str) -> str:
    """The name of a masker, as it stands in a config.

    Raises:
        PydanticCustomError: there is none of this name; the nearest is named.
    """
    try:
        return maskers.get(name).name
    except UnknownNameError as err:
        text = err.message if err.hint is None else f"{err.message} ({err.hint})"
        raise PydanticCustomError("masker", "{text}", {"text": text}) from err


def used(names: Iterable[str]) -> list[Use[Masker]]:
    """The maskers of a config, resolved by name."""
    return [maskers.use(name) for name in names]


def mask(text: str, uses: Sequence[Use[Masker]]) -> tuple[str, dict[str, int]]:
    """Apply maskers in order; the second value says how many places each of them replaced, none left out but zeros."""
    edits: dict[str, int] = {}
    for use in uses:
        text, n = use(text)
        if n:
            edits[use.name] = n
    return text, edits


_NATIVE_DIGIT = re.compile(r"(?![0-9])\d")


def replaced(
    text: str, pattern: re.Pattern[str], placeholder: str, accept: Callable[[re.Match[str]], bool] | None = None
) -> tuple[str, int]:
    """Replace what `pattern` finds (its group `number` if it has one) where `accept` agrees.

    The pattern meets the text with ASCII digits, character for character in the same places.
    """
    group = "number" if "number" in pattern.groupindex else 0
    pieces, at = [], 0
    for found in pattern.finditer(ascii_digits(text) if _NATIVE_DIGIT.search(text) else text):
        if accept is None or accept(found):
            pieces += [text[at : found.start(group)], placeholder]
            at = found.end(group)
    return "".join([*pieces, text[at:]]), len(pieces) // 2

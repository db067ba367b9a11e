"""Languages as pages write them."""

from __future__ import annotations

from dataclasses import dataclass

from lontar import languages
from lontar.errors import UnknownNameError


@dataclass(frozen=True)
class Name:
    """A language as pages write it."""

    code: str
    english: str
    endonym: str
    script: str


def language_name(code: str) -> Name:
    """Names of a language; one without a file goes by its code."""
    try:
        found = languages.get(code)
    except UnknownNameError:
        return Name(code, code, "", "")
    return Name(code, found.name, found.endonym, found.script)

"""Tables of informal spellings, one file for each language; written by us, for what chats and comments really hold."""

from __future__ import annotations

import re
from functools import cache, cached_property
from importlib.resources import files

from pydantic import Field, field_validator

from lontar.core.config import Config, nearest, parse_yaml, validate
from lontar.errors import UnknownNameError

__all__ = ["Informal", "codes", "table"]


class Informal(Config):
    """What one language writes in chats: read from `<code>.yaml` in this folder."""

    words: dict[str, str]
    """as written to the standard spelling; a key may hold spaces"""
    particles: tuple[str, ...]
    """words that give speech its tone and say nothing else: they tell the register and stay"""
    laughter: str
    """regular expression of written laughter"""
    doubles: tuple[str, ...] = ()
    """words whose letters stand double, so that "maaaaf" becomes "maaf" and not "maf" """
    numeral_doubling: bool = Field(default=False)
    """whether a 2 after a word doubles it: "hati2" """

    @field_validator("words")
    @classmethod
    def _not_chained(cls, words: dict[str, str]) -> dict[str, str]:
        # Otherwise normalizing twice would go further than normalizing once.
        for written, standard in words.items():
            parts = standard.split()
            if written == standard or any(part.casefold() in words for part in [standard, *parts]):
                raise ValueError(f"{written}: {standard} is itself an informal spelling")
        return words

    stretched: int = Field(default=3, ge=3)
    """how often a letter stands in a row to be taken for a stretched one: "maaaring" is Tagalog as it should be"""

    @cached_property
    def runs(self) -> re.Pattern[str]:
        """A letter that stands in a row as often as that, or oftener."""
        return re.compile(rf"([^\W\d_])\1{{{self.stretched - 1},}}", re.IGNORECASE)

    @cached_property
    def spaced(self) -> bool:
        """Whether words have spaces around them: then whole words are looked up, else strings."""
        return not any(_UNSPACED.match(key) for key in self.words)

    @cached_property
    def longest(self) -> int:
        """Words in the longest key."""
        return max(len(key.split()) for key in self.words)

    @cached_property
    def strings(self) -> re.Pattern[str]:
        """Any key as it stands in text without spaces, its last letter once or more, the longest first."""
        keys = sorted(self.words, key=lambda key: (-len(key), key))
        parts = "|".join(f"{re.escape(key)}{re.escape(key[-1])}*" for key in keys)
        # A sign above or below a letter belongs to it: the string would end within a syllable.
        return re.compile(f"(?<![A-Za-z])(?:{parts})(?![A-Za-z0-9{MARKS}])")

    @cached_property
    def tone(self) -> re.Pattern[str]:
        """Particles, whole words where words are told by spaces and at the end of a phrase where they are not."""
        keys = "|".join(re.escape(key) for key in sorted(self.particles, key=lambda key: (-len(key), key)))
        before = rf"(?<![\w{MARKS}-])" if self.spaced else ""
        return re.compile(rf"{before}(?:{keys})(?![\w{MARKS}-])", re.IGNORECASE)

    @cached_property
    def laughs(self) -> re.Pattern[str]:
        """Written laughter."""
        bound = rf"\w{MARKS}" if self.spaced else "A-Za-z0-9"
        return re.compile(rf"(?<![{bound}])(?:{self.laughter})(?![{bound}])", re.IGNORECASE)


MARKS = "\u0300-\u036f\u0bbe-\u0bd7\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b6-\u17d3"
"""Signs that belong to the letter before them, as the inside of a character class."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3400-\u9fff]")


@cache
def codes() -> tuple[str, ...]:
    """Languages that have a table."""
    folder = files("lontar.text.informal")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@cache
def table(code: str) -> Informal:
    """The table of a language, by our code.

    Raises:
        UnknownNameError: the language has none.
    """
    if code not in codes():
        hint = nearest(code, codes()) or f"there is one for: {', '.join(codes())}"
        raise UnknownNameError(f"no table of informal spellings for {code!r}", hint=hint)
    name = f"{code}.yaml"
    doc = parse_yaml(files("lontar.text.informal").joinpath(name).read_text("utf-8"), name)
    return validate(Informal, doc.value, doc)

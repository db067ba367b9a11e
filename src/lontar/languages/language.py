"""`Language`: what differs between languages, read from one YAML file.

The file names registered functions for behavior, so that nothing else in the project asks which language it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from pydantic import Field, field_validator

from lontar.core.config import Config, nearest
from lontar.core.registry import Registry
from lontar.errors import UnknownNameError
from lontar.text import SCRIPTS, normalize, normalizers, script_share, sentence_segmenters, word_segmenters


class AnswerTags(Config):
    """Words that mark the answer in a prompt of this language."""

    answer: str = Field(min_length=1)
    translation: str = Field(min_length=1)
    summary: str = Field(min_length=1)
    caption: str = Field(min_length=1)


def _unknown(names: Iterable[str], registry: Registry[Any]) -> list[str]:
    """What is wrong with each name that the registry does not know."""
    problems = []
    for name in names:
        try:
            registry.get(name)
        except UnknownNameError as err:
            problems.append(f"{err.message}; {err.hint}")
    return problems


def _check(names: Iterable[str], registry: Registry[Any]) -> None:
    if problems := _unknown(names, registry):
        raise ValueError("; ".join(problems))


class Language(Config):
    """One language, as its file describes it."""

    code: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z]+)?$")
    """our code, ISO 639-1 where there is one; the file is called after it"""
    iso639_3: str = Field(pattern=r"^[a-z]{3}$")
    """three-letter code: tha"""
    aliases: tuple[str, ...] = ()
    """other tags in use for the same language: fil"""
    script: str
    """Unicode name of the script: Thai, Latin, Myanmar"""
    name: str = Field(min_length=1)
    """English name"""
    endonym: str = Field(min_length=1)
    """the language's name in the language"""
    spaced: bool
    """whether spaces part words"""
    digits: str
    """the ten digits from zero to nine as the language writes them"""
    expansion: float = Field(default=1.1, gt=0)
    """characters of a translation per character of English; those of the package are of 400 sentences of FLORES-200"""
    answer_tags: AnswerTags
    """words that mark an answer, a translation, a summary, a caption"""
    normalize: tuple[str, ...]
    """normalizers, in order"""
    word_segmenter: str = Field(alias="words")
    """registered function that finds words"""
    sentence_segmenter: str = Field(alias="sentences")
    """registered function that finds sentences"""
    samples: tuple[str, ...] = Field(min_length=3)
    """native sentences; the shared tests run on them"""

    @field_validator("script")
    @classmethod
    def _known_script(cls, script: str) -> str:
        if script not in SCRIPTS:
            raise ValueError(f"unknown script; {nearest(script, SCRIPTS) or 'see lontar/text/scripts.py'}")
        return script

    @field_validator("digits")
    @classmethod
    def _ten_digits(cls, digits: str) -> str:
        values = [unicodedata.numeric(char, None) for char in digits]
        if values != list(range(10)):
            raise ValueError("expected ten digits, from zero to nine")
        return digits

    @field_validator("normalize")
    @classmethod
    def _known_normalizers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _check(names, normalizers)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"named twice: {', '.join(twice)}")
        return names

    @field_validator("word_segmenter")
    @classmethod
    def _known_words(cls, name: str) -> str:
        _check([name], word_segmenters)
        return name

    @field_validator("sentence_segmenter")
    @classmethod
    def _known_sentences(cls, name: str) -> str:
        _check([name], sentence_segmenters)
        return name

    @field_validator("samples")
    @classmethod
    def _not_blank(cls, samples: tuple[str, ...]) -> tuple[str, ...]:
        if any(not sample.strip() for sample in samples):
            raise ValueError("a sample is blank")
        return samples

    def normalized(self, text: str) -> str:
        """The text in this language's normal form."""
        return normalize(text, self.normalize)

    def words(self, text: str) -> list[str]:
        """Words, by this language's segmenter.

        Raises:
            MissingExtraError: the segmenter needs a library that is not installed.
        """
        return word_segmenters.get(self.word_segmenter).function(text, self.code)

    def sentences(self, text: str) -> list[str]:
        """Sentences, by this language's segmenter.

        Raises:
            MissingExtraError: the segmenter needs a library that is not installed.
        """
        return sentence_segmenters.get(self.sentence_segmenter).function(text, self.code)

    def script_share(self, text: str) -> float:
        """Share in [0, 1] of letters and marks in this language's script; 0.0 for text without letters."""
        return script_share(text, self.script)

"""Word segmenters of other projects, for whoever has them installed: `words: pythainlp` in a language file.

None is needed, none is imported before it is used. Each of them is shown what ours are shown (`hidden.py`), so that
U+200B changes nothing, and what it returns is found again in the text: some drop spaces or write them as underscores.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from lontar.errors import DataError, MissingExtraError
from lontar.text.hidden import shown
from lontar.text.registries import word_segmenters

__all__ = ["as_found", "foreign_words"]

Tokenizer = Callable[[str], Iterable[str]]


def _installed(module: str, project: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as err:
        raise MissingExtraError(f"the word segmenter needs {err.name}", hint=f"pip install {project}") from err


def foreign_words(tokenize: Tokenizer, text: str, locale: str) -> list[str]:
    """Words of another project's tokenizer by this package's rules: in order, as in the text, with a letter or digit.

    Lines are passed one by one, and only those with something in them.

    Raises:
        DataError: the tokenizer returned what is not in the text.
    """
    lines = (line.replace("\0", " ") for line in shown(text, locale).splitlines())
    found = [word for line in lines if line.strip() for word in as_found(line, tokenize(line))]
    return [word for word in found if any(char.isalnum() for char in word)]


def as_found(line: str, tokens: Iterable[str]) -> Iterator[str]:
    """Each token as it stands in the line: with the line's spaces where the tokenizer wrote others or none.

    Raises:
        DataError: a token is not in the rest of the line.
    """
    at = 0
    for token in tokens:
        letters = [char for char in token if not char.isspace() and char != "_"]
        start, at = at, _end(line, at, letters)
        if piece := line[start:at].strip():
            yield piece


def _end(line: str, at: int, letters: Iterable[str]) -> int:
    """Where the line has had these letters, in order, with nothing but spaces and underscores between them."""
    for letter in letters:
        while at < len(line) and line[at] != letter and (line[at].isspace() or line[at] == "_"):
            at += 1
        if at == len(line) or line[at] != letter:
            raise DataError(f"the word segmenter returned {letter!r}, which is not at {line[at : at + 12]!r}")
        at += 1
    return at


@cache
def _pythainlp() -> Any:
    return _installed("pythainlp.tokenize", "pythainlp").word_tokenize


@word_segmenters("pythainlp")
def pythainlp_words(text: str, locale: str, /) -> list[str]:
    """Thai words by PyThaiNLP's newmm-safe: maximal matching over its dictionary."""
    return foreign_words(lambda line: _pythainlp()(line, engine="newmm-safe"), text, locale)


@word_segmenters("khmernltk")
def khmernltk_words(text: str, locale: str, /) -> list[str]:
    """Khmer words by khmer-nltk: a conditional random field."""
    return foreign_words(lambda line: _installed("khmernltk", "khmer-nltk").word_tokenize(line), text, locale)


@word_segmenters("laonlp")
def laonlp_words(text: str, locale: str, /) -> list[str]:
    """Lao words by LaoNLP: maximal matching over its dictionary."""
    return foreign_words(lambda line: _installed("laonlp.tokenize", "laonlp").word_tokenize(line), text, locale)


@word_segmenters("jieba")
def jieba_words(text: str, locale: str, /) -> list[str]:
    """Chinese words by jieba: a dictionary, and a hidden Markov model for what is not in it."""
    return foreign_words(lambda line: _installed("jieba", "jieba").lcut(line), text, locale)


@word_segmenters("pyvi")
def pyvi_words(text: str, locale: str, /) -> list[str]:
    """Vietnamese words by pyvi, compounds in one piece with their spaces: `học sinh` is one word."""
    return foreign_words(lambda line: _installed("pyvi.ViTokenizer", "pyvi").tokenize(line).split(" "), text, locale)

"""Words, sentences, syllables and grapheme clusters of a text, and the same as pieces that joined give the text back.

Words and sentences are ICU's (extra `text`), which has dictionaries for Thai, Lao, Khmer, Burmese and Chinese, revised
by what is known of each language: `words.py` and `sentences.py` say how, docs/explanation/segmentation.md how well.
U+200B never changes what is found (`hidden.py`): it goes with the piece before it, and words come without it. A break
iterator is made per call: making it and passing a sentence through takes 6 µs, so nothing is gained by keeping them,
and they cannot be shared between threads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal

from lontar.core.extras import need
from lontar.text.graphemes import grapheme_pieces, graphemes
from lontar.text.hidden import bare, restored, shown
from lontar.text.registries import sentence_segmenters, word_segmenters
from lontar.text.sentences import revised_sentences
from lontar.text.syllables import syllable_pieces, syllables
from lontar.text.words import revised_words

__all__ = [
    "grapheme_pieces",
    "graphemes",
    "icu_pieces",
    "icu_sentences",
    "icu_words",
    "lontar_sentences",
    "lontar_words",
    "sentence_pieces",
    "sentences",
    "syllable_pieces",
    "syllables",
    "word_pieces",
    "word_pieces_many",
    "words",
    "words_many",
]

# Four, because a word boundary is judged by up to four characters on each side: texts joined by them don't see each
# other. Also what ICU takes for a paragraph's end, so that nothing before it changes what is found after it.
_APART = "\u2029" * 4
_WORDY = re.compile(r"[^\W_]")


def words(text: str, code: str) -> list[str]:
    """Words of a text in the language `code`: the pieces that hold a letter, a mark or a number, without U+200B.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    return _words(word_pieces(text, code))


def words_many(texts: Sequence[str], code: str) -> list[list[str]]:
    """`words` of each text; several times as fast for short ones.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    return [_words(pieces) for pieces in word_pieces_many(texts, code)]


def word_pieces(text: str, code: str) -> list[str]:
    """Words and what lies between them, in order; joined they are `text`.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    seen = shown(text, code)
    return restored(text, revised_words(seen, icu_pieces(seen, code), code))


def word_pieces_many(texts: Sequence[str], code: str) -> list[list[str]]:
    """`word_pieces` of each text, found in one go.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    seen = [shown(text, code) for text in texts]
    joined = _APART.join(seen)
    pieces = revised_words(joined, icu_pieces(joined, code), code)
    parts = _parted(pieces, [len(text) for text in seen])
    return [restored(text, found) for text, found in zip(texts, parts, strict=True)]


def _parted(pieces: Sequence[str], lengths: Iterable[int]) -> list[list[str]]:
    """The pieces of each of the texts that `_APART` joins."""
    index = {end: number for number, end in enumerate(accumulate(map(len, pieces)), 1)} | {0: 0}
    found, start = [], 0
    for length in lengths:
        found.append(list(pieces[index[start] : index[start + length]]))
        start += length + len(_APART)
    return found


def sentences(text: str, code: str) -> list[str]:
    """Sentences without the space around them; see `sentences.py` for what ends one.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    return _sentences(sentence_pieces(text, code))


def sentence_pieces(text: str, code: str) -> list[str]:
    """Sentences with the space that follows each, in order; joined they are `text`.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    seen = shown(text, code)
    return restored(text, revised_sentences(_icu("SentenceBreaker", seen, code), code))


def icu_pieces(seen: str, code: str) -> list[str]:
    """ICU's pieces of a text without U+200B and half characters; see `hidden.shown`.

    Raises:
        MissingExtraError: icu4py is not installed.
    """
    return _icu("WordBreaker", seen, code)


def _icu(kind: Literal["WordBreaker", "SentenceBreaker"], seen: str, locale: str) -> list[str]:
    found: list[str] = list(getattr(need("icu4py.breakers", extra="text"), kind)(seen, locale))
    return found


def _words(pieces: Iterable[str]) -> list[str]:
    return [bare(piece) for piece in pieces if _holds_word(piece)]


def _sentences(pieces: Iterable[str]) -> list[str]:
    return [stripped for piece in pieces if (stripped := bare(piece).strip())]


def _holds_word(piece: str) -> bool:
    return _WORDY.search(piece) is not None or any(map(_is_mark, piece))


def _is_mark(char: str) -> bool:
    """A vowel sign or the like that the dictionary left alone; the style selectors of emoji are not."""
    return unicodedata.category(char)[0] == "M" and not "\ufe00" <= char <= "\ufe0f"


@word_segmenters("lontar")
def lontar_words(text: str, locale: str, /) -> list[str]:
    """Words by ICU, revised for the language; spaces, punctuation and emoji are left out."""
    return words(text, locale)


@word_segmenters("icu")
def icu_words(text: str, locale: str, /) -> list[str]:
    """Words by ICU as it finds them: the pieces that hold a letter, a mark or a number."""
    seen = shown(text)
    return _words(restored(text, icu_pieces(seen, locale)))


@sentence_segmenters("lontar")
def lontar_sentences(text: str, locale: str, /) -> list[str]:
    """Sentences by ICU, revised for the language: abbreviations, initials and numbers of lists end none."""
    return sentences(text, locale)


@sentence_segmenters("icu")
def icu_sentences(text: str, locale: str, /) -> list[str]:
    """Sentences by ICU as it finds them, without the space around them."""
    seen = shown(text)
    return _sentences(restored(text, _icu("SentenceBreaker", seen, locale)))

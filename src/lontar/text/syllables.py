"""Syllables by rule, in the languages whose spelling shows them.

Burmese: a syllable opens with a letter that is neither killed (asat) nor stacked under another; Z. M. Maung, Y. Mikami,
"A rule-based syllable segmentation of Myanmar text" (2008). Lao: an initial, the signs around it and at most one of the
letters that close a syllable; P. Phissamay et al., "Syllabification of Lao script for line breaking" (2004). Khmer:
*orthographic* syllables, a letter with its subscripts, vowels and signs; C. Huor et al., "Word bigram vs orthographic
syllable bigram in Khmer word segmentation" (2004); a letter that closes a spoken syllable is one by itself. Tamil: a
letter with its vowel, and the letters with a dot that follow. Chinese: each character. Vietnamese: what stands between
spaces. Malay, Indonesian, Javanese, Sundanese, Tagalog: the hyphenation rules of their spelling guides (EYD V, 2022,
III.C; KWF, Manwal sa Masinop na Pagsulat, 2014): one consonant goes with the vowel after it, of two or more the first
closes the syllable before, `ng` and the like are one. Prefixes are not told from stems.

Thai has no such rule: vowels that are spoken and not written, and letters that close one syllable and open the next
(ราชการ), need a dictionary. Nor has English. Asking for them is an error, not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from lontar.core.config import nearest
from lontar.errors import ConfigError
from lontar.text.hidden import bare, restored, shown
from lontar.text.registries import syllable_segmenters

__all__ = ["syllable_pieces", "syllables"]

SEGMENTER = {
    "id": "malay",
    "ms": "malay",
    "jv": "javanese",
    "su": "sundanese",
    "tl": "tagalog",
    "vi": "vietnamese",
    "zh": "han",
    "ta": "tamil",
    "my": "myanmar",
    "km": "khmer",
    "lo": "lao",
}
"""The registered function for each language that has one."""


def syllables(text: str, code: str) -> list[str]:
    """Syllables of a text in the language `code`, without U+200B; what is no syllable is left out.

    Raises:
        ConfigError: the spelling of the language doesn't show its syllables, or the language is unknown.
    """
    return syllable_segmenters.get(_name(code)).function(text, code)


def syllable_pieces(text: str, code: str) -> list[str]:
    """Syllables and what lies between them, in order; joined they are `text`.

    Raises:
        ConfigError: as for `syllables`.
    """
    found = syllable_segmenters.get(_name(code)).function(text, code)
    return restored(text, list(_with_gaps(bare(text), found)))


def _name(code: str) -> str:
    if code not in SEGMENTER:
        why = "needs a dictionary" if code in ("th", "en") else "is not known here"
        hint = f"syllables are found in: {', '.join(sorted(SEGMENTER))}"
        raise ConfigError(
            f"no rule cuts {code!r} into syllables: the language {why}", hint=nearest(code, SEGMENTER) or hint
        )
    return SEGMENTER[code]


def _with_gaps(text: str, found: Iterable[str]) -> Iterable[str]:
    at = 0
    for piece in found:
        start = text.index(piece, at)
        if start > at:
            yield text[at:start]
        yield piece
        at = start + len(piece)
    if at < len(text):
        yield text[at:]


Finder = Callable[[str], Iterable[str]]


def _rule(name: str, about: str, find: Finder) -> None:
    """Register a finder; what it is shown holds no U+200B and whole characters only."""

    def function(text: str, locale: str, /) -> list[str]:
        seen = shown(text, locale)
        syllables = list(find(seen))
        if seen == text:
            return syllables
        # As they stand in the text: what is shown has the same characters, some in another order.
        whole, cut, at = bare(text), [], 0
        for syllable in syllables:
            at = seen.index(syllable, at) + len(syllable)
            cut.append(whole[at - len(syllable) : at])
        return cut

    function.__doc__ = about
    function.__qualname__ = function.__name__ = f"{name}_syllables"
    syllable_segmenters.add(name, function)


# --- Scripts that show their syllables -------------------------------------------------------------------------------

_MYANMAR_LETTER = "[\u1000-\u102a\u103f\u104c-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e]"
_MYANMAR_SIGN = (
    "[\u102b-\u1038\u103a-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d]"
)
_MYANMAR = (
    f"{_MYANMAR_LETTER}"
    f"(?:{_MYANMAR_SIGN}|\u1039{_MYANMAR_LETTER}|{_MYANMAR_LETTER}(?=\u1037?\u103a|\u1039{_MYANMAR_LETTER}))*"
)
_KHMER = "[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3]|[\u17b4-\u17d1\u17d3\u17dd\u200c\u200d])*"
_HAN = "[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_TAMIL_DOTTED = "(?:க்ஷ்|[\u0b95-\u0bb9]\u0bcd|\u0b83)"
_TAMIL_LETTER = "(?:க்ஷ|ஸ்ர|[\u0b85-\u0bb9])[\u0bbe-\u0bcc\u0bd7]*(?!\u0bcd)"
_TAMIL = f"(?:(?<![\u0b82-\u0bd7]){_TAMIL_DOTTED}+)?{_TAMIL_LETTER}(?:(?!க்ஷ(?!்)|ஸ்ர){_TAMIL_DOTTED})*|{_TAMIL_DOTTED}+"

# Lao. Signs stand above, below or after the letter; ອ and ວ are vowels where no sign follows them.
_LAO_SIGN = "\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
_LAO_AFTER = "\u0eb0\u0eb2\u0eb3\u0ebd"
_LAO_LETTER = "[\u0e81-\u0eae\u0edc-\u0edf]"
_LAO_ONSET = (
    f"(?:\u0eab[\u0e87\u0e8d\u0e99\u0ea1\u0ea5\u0ea7\u0ea3](?=[{_LAO_SIGN}{_LAO_AFTER}\u0ead\u0ea7])|{_LAO_LETTER})"
    f"(?:[\u0ea5\u0ea3\u0ea7](?=[{_LAO_SIGN}{_LAO_AFTER}]))?"
)
_LAO_VOWEL = f"(?:\u0eb2?\u0eb0|\u0eb3|(?:[\u0eb2\u0ebd]|[\u0ead\u0ea7\u0e8d](?![{_LAO_SIGN}{_LAO_AFTER}]))?"
# A letter that may close a syllable does unless it opens the next: ດີ|ກວ່າ, ມາ|ນອນ, but ຄົນ|ອອກ.
_LAO_FINAL = (
    f"(?:[\u0e81\u0e87](?!\u0ea7[{_LAO_SIGN}{_LAO_AFTER}])|[\u0e94\u0e99\u0e9a\u0ea1\u0e8d\u0ea7])"
    f"(?![{_LAO_SIGN}{_LAO_AFTER}]|[\u0ead\u0ea7](?![{_LAO_SIGN}{_LAO_AFTER}\u0ead]))"
)
_LAO = (
    f"[\u0ec3\u0ec4]{_LAO_ONSET}[{_LAO_SIGN}]*(?:\u0e8d(?![{_LAO_SIGN}{_LAO_AFTER}]))?"
    f"|[\u0ec0-\u0ec2]?{_LAO_ONSET}[{_LAO_SIGN}]*{_LAO_VOWEL}(?:{_LAO_FINAL})?)(?:{_LAO_LETTER}\u0ecc)?"
)
_VIETNAMESE = "(?:[^\\W\\d_][\u0300-\u036f]*)+"


def _matches(pattern: str) -> Finder:
    return re.compile(pattern).findall


_rule("myanmar", "A letter that is neither killed nor stacked, and all up to the next such.", _matches(_MYANMAR))
_rule("khmer", "Orthographic syllables: a letter with its subscripts, vowels and signs.", _matches(_KHMER))
_rule("lao", "An initial, the vowel around it, and a final letter that doesn't open the next syllable.", _matches(_LAO))
_rule("han", "Each character.", _matches(_HAN))
_rule("tamil", "A letter with its vowel and the dotted letters after it.", _matches(_TAMIL))
_rule("vietnamese", "Runs of letters: Vietnamese writes a space between syllables.", _matches(_VIETNAMESE))


# --- Latin -----------------------------------------------------------------------------------------------------------

_WORD = re.compile("(?:[^\\W\\d_][\u0300-\u036f]*)+")


def _hyphenated(vowel: str, pairs: str) -> Finder:
    """Cut words between vowels: before a lone consonant, after the first of several; `pairs` of letters are one."""
    vowels = re.compile(f"(?:{vowel})[\u0300-\u036f]*", re.IGNORECASE)
    consonants = re.compile(f"(?:{pairs}|.)[\u0300-\u036f]*", re.IGNORECASE | re.DOTALL)

    def find(text: str) -> Iterable[str]:
        for word in _WORD.findall(text):
            start, last = 0, None
            for found in vowels.finditer(word):
                if last is not None:
                    cut = _cut(consonants, word, last, found.start())
                    yield word[start:cut]
                    start = cut
                last = found.end()
            yield word[start:]

    return find


def _cut(consonants: re.Pattern[str], word: str, start: int, end: int) -> int:
    """Where the consonants between two vowels are parted."""
    first = consonants.match(word, start, end)
    return first.end() if first and first.end() < end else start


_MALAY_VOWEL = "(?:a[iu]|oi|ei)(?![^\\W\\d_])|[aeiouéèêë]"
_rule(
    "malay",
    "EYD V, III.C: ai, au, ei, oi are one vowel at the end of words only.",
    _hyphenated(_MALAY_VOWEL, "ng|ny|sy|kh"),
)
_rule("javanese", "As in Malay, without its diphthongs; dh and th are one.", _hyphenated("[aeiouéèêëå]", "ng|ny|dh|th"))
_rule("sundanese", "As in Malay, without its diphthongs; eu is one vowel.", _hyphenated("eu|[aeiouéèêë]", "ng|ny"))
_rule("tagalog", "KWF: each vowel has a syllable; ng is one letter.", _hyphenated("[aeiouáàâéèêëíìîóòôúùû]", "ng"))

"""Segmentation on arbitrary text: nothing lost, U+200B without effect, long hostile input in linear work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.text import segment, syllables
from lontar.text.hidden import restored, shown
from lontar.text.sentences import revised_sentences
from lontar.text.words import cuts_of, pieces_of

pytest.importorskip("icu4py")
pytest.importorskip("regex")

CODES = ["en", "id", "jv", "km", "lo", "ms", "my", "su", "ta", "th", "tl", "vi", "zh"]
RANGES = ((0xE01, 0xE5B), (0xE81, 0xEDF), (0x1000, 0x104F), (0x1780, 0x17E9), (0xB82, 0xBFA))
CHARS = [chr(c) for first, last in RANGES for c in range(first, last)]
CHARS += [
    *"aâếnĐI .,!?…-_@/:123\t\n\r中文“”।\0",
    "Dr.",
    "No. ",
    "www.a",
    "\u0301",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u2029",
]
CHARS += ["\ud800", "\udfff", "👩🏽‍🌾", "🇹🇭", "\ufe0f"]
TEXT = st.lists(st.sampled_from(CHARS), max_size=40).map("".join)


@pytest.mark.parametrize("code", CODES)
@given(text=TEXT)
def test_pieces_give_the_text_back(code, text):
    assert "".join(segment.word_pieces(text, code)) == text
    assert "".join(segment.sentence_pieces(text, code)) == text
    assert "".join(segment.grapheme_pieces(text)) == text
    if code in syllables.SEGMENTER:
        assert "".join(segment.syllable_pieces(text, code)) == text


@pytest.mark.parametrize("code", CODES)
@given(text=TEXT, data=st.data())
def test_zwsp_changes_no_count(code, text, data):
    at = data.draw(st.integers(0, len(text)))
    spread = f"{text[:at]}\u200b{text[at:]}"
    assert segment.words(spread, code) == segment.words(text, code)
    assert segment.sentences(spread, code) == segment.sentences(text, code)
    assert segment.graphemes(spread) == segment.graphemes(text)
    if code in syllables.SEGMENTER:
        assert segment.syllables(spread, code) == segment.syllables(text, code)


@pytest.mark.parametrize("code", CODES)
@given(texts=st.lists(TEXT, max_size=5))
def test_many_are_as_one_by_one(code, texts):
    assert segment.word_pieces_many(texts, code) == [segment.word_pieces(text, code) for text in texts]


@given(text=TEXT)
def test_a_grapheme_cluster_is_one_cluster(text):
    for cluster in segment.graphemes(text):
        assert segment.graphemes(cluster) == [shown(cluster)]


@given(text=TEXT, code=st.sampled_from(sorted(syllables.SEGMENTER)))
def test_a_syllable_is_one_syllable(text, code):
    for syllable in segment.syllables(text, code):
        assert segment.syllable_pieces(syllable, code)[0]


@given(text=TEXT)
def test_a_text_is_restored_from_what_is_shown(text):
    assert "".join(restored(text, list(shown(text)))) == text


@given(pieces=st.lists(st.text(min_size=1), max_size=20), code=st.sampled_from(CODES))
def test_revised_sentences_are_the_same_text(pieces, code):
    assert "".join(revised_sentences(pieces, code)) == "".join(pieces)


@given(pieces=st.lists(st.text(min_size=1), max_size=20))
def test_cuts_and_pieces_are_two_forms_of_one_thing(pieces):
    assert pieces_of("".join(pieces), cuts_of("".join(pieces), pieces)) == pieces


# A hundred thousand of each: anything quadratic would take hours here, not seconds.
LONG = {
    "zwsp": "\u200b" * 100_000,
    "marks": "ก" + "\u0e48" * 100_000,
    "burmese marks": "က" + "\u1037\u103a" * 50_000,
    "khmer stack": "ក" + "\u17d2\u1780" * 50_000,
    "khmer vowels": "ក" + "\u17b6" * 100_000,
    "tamil dots": "க்" * 50_000,
    "lao tones": "ກ" + "\u0ec8" * 100_000,
    "consonants": "b" * 100_000,
    "vowels": "a" * 100_000,
    "dots": "." * 100_000,
    "initials": "A. " * 30_000,
    "hyphens": "a-" * 50_000,
    "addresses": "www." * 25_000,
    "at signs": "a@" * 50_000,
    "dotted address": "a@" + "b." * 50_000,
    "quotes": "“" * 100_000,
    "surrogates": "\ud800" * 100_000,
}


@pytest.mark.parametrize("name", LONG)
def test_long_hostile_text_comes_back_whole(name):
    text = LONG[name]
    for code in ("th", "my", "km", "lo", "ta", "id"):
        assert "".join(segment.word_pieces(text, code)) == text
        assert "".join(segment.sentence_pieces(text, code)) == text
        if code in syllables.SEGMENTER:
            assert "".join(segment.syllable_pieces(text, code)) == text
    assert "".join(segment.grapheme_pieces(text)) == text

"""Normalization and segmentation over every language and every normalizer, on arbitrary and on real text."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.text import comparison_form, letters_form, normalize, normalizers
from lontar.text.segment import sentence_pieces, word_pieces

CODES = [language.code for language in languages.all_languages()]
NAMES = [entry.name for entry in normalizers]
# Letters and marks of the scripts that have rules, invisible characters, and a little of everything else.
CHARS = (
    [
        chr(c)
        for a, b in ((0xE01, 0xE5B), (0xE81, 0xEDF), (0x1000, 0x104F), (0x1780, 0x17E9), (0xB82, 0xBFA))
        for c in range(a, b)
    ]
    + list("aâeếnĐ \t\n\r.,!?123中文字 ")
    + ["\u0301", "\u0302", "\u0323", "\u200b", "\u200c", "\u200d", "\ufeff", "\u00ad", "\u202e", "\u2028", "👩🏽‍🌾"]
)
MARKED = st.lists(st.sampled_from(CHARS), max_size=40).map("".join)
SCRIPT_RULES = ["zawgyi", "sara_am", "mark_order", "two_part_vowels", "repeated_marks", "myanmar_marks", "khmer_marks"]
SCRIPT_RULES += ["zwsp", "joiners", "control", "vietnamese_marks"]
ANY = st.one_of(MARKED, st.text(max_size=60))


@pytest.mark.parametrize("name", NAMES)
@given(text=ANY)
def test_a_normalizer_is_idempotent(name, text):
    function = normalizers.get(name).function
    once = function(text)
    assert function(once.text) == (once.text, {})
    # What changes a text is counted, and what is counted changed it.
    assert bool(once.edits) == (once.text != text) and all(n > 0 for n in once.edits.values())


@pytest.mark.parametrize("code", CODES)
@given(text=ANY)
@example(text="\u0e19\u0e49\u0e4d\u0e32 \u0ec0\u0e99\u0ecd\u0eb2")
def test_a_language_normalizes_to_a_fixed_point(code, text):
    language = languages.get(code)
    once = language.normalized(text)
    assert language.normalized(once) == once


@given(text=ANY)
def test_the_joint_pipeline_is_idempotent_and_serves_every_language(text):
    names = languages.pipeline(CODES)
    once = normalize(text, names)
    assert normalize(once, names) == once


@given(text=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=60))
def test_script_rules_leave_other_scripts_alone(text):
    for name in SCRIPT_RULES:
        assert normalize(text, [name]) == text


@given(text=MARKED)
def test_no_normalizer_but_line_space_touches_letters(text):
    letters = [c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) == "Ll"]
    for name in NAMES:
        found = unicodedata.normalize("NFD", normalize(text, [name]))
        assert [c for c in found if unicodedata.category(c) == "Ll"] == letters, name


@pytest.mark.parametrize("code", CODES)
@given(text=ANY)
def test_segmentation_loses_no_character_but_spaces(code, text):
    pytest.importorskip("icu4py")
    assert "".join(word_pieces(text, code)) == text
    assert "".join(sentence_pieces(text, code)) == text
    language = languages.get(code)
    kept = "".join("".join(language.sentences(text)).split())
    assert kept.replace("\u200b", "") == "".join(text.split()).replace("\u200b", "")
    letters = [c for c in text if c.isalnum()]
    assert [c for c in "".join(language.words(text)) if c.isalnum()] == letters


@pytest.mark.parametrize("code", CODES)
def test_samples_survive_every_other_language(code):
    names = languages.pipeline(CODES)
    for _, row in read_jsonl(samples.path("parallel") / f"{code}.jsonl"):
        assert normalize(row["text"], names) == row["text"]


@given(text=ANY)
def test_comparison_forms_are_fixed_points(text):
    once = comparison_form(text)
    assert comparison_form(once) == once
    assert letters_form(once) == letters_form(text)


@given(text=MARKED, data=st.data())
def test_a_zero_width_space_changes_no_comparison(text, data):
    at = data.draw(st.integers(0, len(text)))
    assert comparison_form(f"{text[:at]}\u200b{text[at:]}") == comparison_form(text)


@given(st.text(st.one_of(st.characters(), st.sampled_from("a\ud800\udbff\udc00\udfff😀\ufeff\ufffd"))))
def test_every_text_becomes_whole_characters(text):
    made = normalize(text, ())
    assert made.encode("utf-8").decode("utf-8") == made == normalize(made, ())
    pairs = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")  # joins pairs, keeps halves
    assert made == "".join("\ufffd" if 0xD800 <= ord(char) < 0xE000 else char for char in pairs)

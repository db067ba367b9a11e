"""Informal text: standard spelling with edits that can be taken back, and registers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.errors import UnknownNameError
from lontar.text.informal import codes, normalize_informal, register, table

CASES = [
    ("id", "Gw gak tau knp dia males bangeeeet sih", "Saya tidak tahu kenapa dia malas banget sih"),
    ("id", "hati2 di jalan, teman2nya udah plg", "hati-hati di jalan, teman-temannya sudah plg"),
    ("id", "jaraknya 5 km yg jauh", "jaraknya 5 km yang jauh"),
    ("id", "dr. Budi yg di SD, maaaaf", "dr. Budi yang di SD, maaf"),
    ("id", "lihat https://yg.co/gak @yg #gak wkwkwk", "lihat https://yg.co/gak @yg #gak wkwkwk"),
    ("ms", "sy xnak pegi sbb x larat", "saya tidak mahu pergi sebab tidak larat"),
    ("tl", "bkt d ka pmunta? maaaring nmn", "bakit hindi ka pmunta? maaaring naman"),
    ("vi", "ko biết j lun, đc r nha", "không biết gì luôn, được rồi nha"),
    ("th", "ค้าบบบ อร่อยมากกกก 5555", "ครับ อร่อยมาก 5555"),
    ("th", "ขอออกไปก่อนนะค่ะ", "ขอออกไปก่อนนะคะ"),
    ("ta", "எனக்கு தெரியல", "எனக்கு தெரியவில்லை"),
    ("ta", "இல்லை", "இல்லை"),
    ("en", "idk y u r soooo late", "I don't know why you are so late"),
    ("zh", "你造吗 哈哈哈", "你知道吗 哈哈哈"),
]


@pytest.mark.parametrize(("code", "text", "expected"), CASES)
def test_standard_spelling(code, text, expected):
    found = normalize_informal(text, code)
    assert found.text == expected
    assert found.original() == text
    assert all(found.text[e.start : e.end] == e.after for e in found.edits)


def test_one_letter_is_only_short_for_a_word_among_other_such_words():
    assert normalize_informal("pilihan x dan y", "ms").text == "pilihan x dan y"
    assert normalize_informal("sy x tahu", "ms").text == "saya tidak tahu"


def test_edits_are_counted_by_kind():
    assert normalize_informal("yg baguuuus, hati2", "id").counts() == {"spelling": 1, "elongation": 1, "doubling": 1}


def test_every_language_has_a_table():
    assert set(codes()) == {language.code for language in languages.all_languages()}
    with pytest.raises(UnknownNameError, match="no table of informal spellings for 'ace'"):
        table("ace")


@pytest.mark.parametrize("code", codes())
def test_edited_text_is_left_alone(code):
    texts = [row["text"] for _, row in read_jsonl(samples.path("parallel") / f"{code}.jsonl")]
    changed = [t for t in texts if normalize_informal(t, code).edits]
    assert len(changed) <= 0.05 * len(texts), changed
    assert sum(register(t, code).label == "informal" for t in texts) <= 0.05 * len(texts)


@pytest.mark.parametrize("code", codes())
def test_every_entry_is_found_and_is_a_fixed_point(code):
    for written, standard in table(code).words.items():
        if len(written) == 1:
            continue
        found = normalize_informal(written, code)
        assert found.text == standard, (written, found)
        assert normalize_informal(standard, code).text == standard


@pytest.mark.parametrize("code", codes())
@given(
    text=st.text(
        st.sampled_from(list("yg gak2 xde ko5 aaahHi-'’ ค้าบเเ555 ບໍ່ အ ចឹង இல்ல 哈 @#\u200b\ud800\x00😀")), max_size=40
    )
)
def test_edits_can_be_taken_back(code, text):
    found = normalize_informal(text, code)
    assert found.original() == text
    assert 0 <= register(text, code).score <= 1


@pytest.mark.parametrize(
    ("code", "text", "label"),
    [
        ("id", "wkwkwk iya nih gak jelas bgt dah", "informal"),
        ("id", "Pemerintah menetapkan anggaran baru untuk pendidikan dasar pada tahun depan.", "formal"),
        ("th", "อร่อยมากกกก 5555 😂", "informal"),
        ("th", "กระทรวงสาธารณสุขประกาศมาตรการใหม่สำหรับโรงพยาบาลทั่วประเทศ", "formal"),
        ("ms", "xleh la weh, sy bz gile hahaha", "informal"),
        ("en", "", "formal"),
    ],
)
def test_register(code, text, label):
    assert register(text, code).label == label


def test_long_input_ends():
    for text in (
        "a" * 200_000,
        "ก" * 200_000,
        "yg " * 30_000,
        "\u0e48" * 100_000,
        "hahaha" * 20_000,
        "กกก " * 50_000,
        "YG " * 30_000,
    ):
        for code in ("id", "th"):
            assert normalize_informal(text, code).original() == text
            register(text, code)

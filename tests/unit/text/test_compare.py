"""The comparison form: equal for texts that a reader would call the same, different for others."""

import pytest

from lontar.text import comparison_form, letters_form

SAME = [
    ("ไปตลาด กับแม่", "ไปตลาดกับแม่"),
    ("ภาษาไทย ๑๒", "ภาษา\u200bไทย 12"),
    ("ນ້ຳ ໜ້າ", "ນ\u0ec9\u0ecd\u0eb2 ຫນ້າ"),
    ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
    ("បណ្ដាល", "បណ្តាល"),
    ("သည်\u200b မြန်မာ", "သည်မြန်မာ"),
    ("Hoà BÌNH thế giới", "hòa bình thế giới"),
    ("“Ｈｅｌｌｏ”  it’s", '"hello" it\'s'),
    ("ஸ்ரீ", "ஶ்ரீ"),
    ("你好 世界", "你好世界"),
    ("❤\ufe0f ok", "❤ ok"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_same(first, second):
    assert comparison_form(first) == comparison_form(second)
    assert letters_form(first) == letters_form(second)


@pytest.mark.parametrize(
    ("first", "second"), [("มา", "ม้า"), ("ခြ", "ချ"), ("ma", "má"), ("a b", "ab"), ("កា", "ក"), ("ฉัน", "ฉน")]
)
def test_different(first, second):
    assert comparison_form(first) != comparison_form(second)


def test_punctuation_is_no_letter():
    assert letters_form("Ya, 2 - !") == "ya2" and comparison_form("Ya, 2") == "ya, 2"
    assert letters_form("\ud800\x00 …") == ""

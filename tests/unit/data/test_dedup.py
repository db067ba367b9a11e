import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lontar.data.dedup import KEY_BYTES, key_of
from lontar.text import letters_form


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Halo, dunia!", "halo dunia"),
        ("ພາສາ\u200bລາວ", "ພາສາລາວ"),
        ("ราคา ๕๐ บาท", "ราคา ๕๐บาท"),
        (unicodedata.normalize("NFD", "Tiếng Việt"), "tiếng việt"),
    ],
)
def test_case_spaces_punctuation_and_invisible_characters_make_no_difference(first, second):
    assert key_of(letters_form(first)) == key_of(letters_form(second))


@pytest.mark.parametrize(
    ("first", "second"), [("ข้าว", "ขาว"), ("မြို့", "မြို"), ("ma", "má"), ("bab 1", "bab 2"), ("ក្រុម", "ករម")]
)
def test_marks_and_digits_make_a_difference(first, second):
    assert key_of(letters_form(first)) != key_of(letters_form(second))


def test_nothing_but_signs_has_an_empty_form():
    assert letters_form("… 👍 — \u200b") == ""


def test_keys_are_short():
    assert len(key_of("x" * 10_000)) == KEY_BYTES == 16


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_the_form_of_a_form_is_itself(text):
    form = letters_form(text)
    assert letters_form(form) == form


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=20), st.text(max_size=20))
def test_spaces_and_zero_width_characters_between_words_never_matter(first, second):
    assert key_of(letters_form(f"{first} x {second}")) == key_of(letters_form(f"{first}\u200b\n x\u200b{second}"))

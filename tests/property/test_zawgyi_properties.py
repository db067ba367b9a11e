"""Zawgyi on arbitrary text: nothing is lost, nothing else is touched, canonical Burmese comes back, converting ends."""

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lontar.text.zawgyi import convert_lines, is_zawgyi, to_unicode, to_zawgyi, zawgyi_probability

BLOCK = [chr(code) for code in range(0x1000, 0x10A0)]
OTHER = [*"aZ 1.\t\n\r\u0085\u2028\u200b\u200c\u200d\ufeff\x00กཀက\u1780\ua9e0\uaa60\u10a0\u10a1\u10a2😀", "\ud800"]
ANY = st.lists(st.sampled_from(BLOCK * 2 + OTHER * 8), max_size=40).map("".join)


def outside(text):
    return re.sub("[\u1000-\u109f]", "", text)


def optional(*signs):
    return st.sampled_from(["", *signs])


# Syllables as UTN 11 orders them, with what Burmese writes: no vowel twice in a place, E with AA only, a killer at the
# end or on a second letter. Left out: what Zawgyi writes as something else (စျ as ဈ, ဦ as ဦ, ဥ် and ဥ္စ as ဉ် and ဉ္စ),
# the digits zero and four beside letters, ၎ without င်း, and marks in an order that is not canonical.
CONSONANTS = [chr(code) for code in range(0x1000, 0x1021) if chr(code) not in "စဉ"] + ["အ"]
ROWS = ["ကခဂဃ", "စဆဇဈ", "ဋဌဏ", "တထဒဓန", "ပဖဗဘမ"]
STACKS = [f"{a}\u1039{b}" for row in ROWS for a in row for b in row if a != "စ"]
VOWELS = ["", "ာ", "ါ", "ိ", "ီ", "ု", "ူ", "ဲ", "ံ", "ိံ", "ို", "ုံ", "ေ", "ော", "ေါ", "ော်", "ေါ်"]
ENDS = ["", "့", "း", "က်", "င့်", "န်း", "ည့်", "ဉ်", "တ်", "\u1014\u1037\u103a"]
LETTER = st.one_of(
    st.builds("{}{}".format, optional("\u1004\u103a\u1039"), st.sampled_from(CONSONANTS)), st.sampled_from(STACKS)
)
MEDIALS = st.builds("{}{}{}{}".format, optional("ျ"), optional("ြ"), optional("ွ"), optional("ှ"))
SYLLABLE = st.builds("{}{}{}{}".format, LETTER, MEDIALS, st.sampled_from(VOWELS), st.sampled_from(ENDS))
BURMESE = st.lists(st.one_of(SYLLABLE, st.sampled_from([" ", "၊", "။", "abc", "၁၂", "ဤ", "၏", "ဩ"])), max_size=12).map(
    "".join
)


@given(BURMESE)
def test_canonical_burmese_comes_back(text):
    text = unicodedata.normalize("NFC", text)
    assert to_unicode(to_zawgyi(text)) == text


@given(ANY)
def test_only_the_block_changes(text):
    assert outside(to_unicode(text)) == outside(to_zawgyi(text)) == outside(convert_lines(text)[0]) == outside(text)


@given(ANY)
def test_converting_twice_is_converting_once(text):
    once, lines = convert_lines(text)
    assert convert_lines(once) == (once, 0)
    assert bool(lines) == (once != text)
    assert once.count("\n") == text.count("\n") >= lines - 1


@given(ANY)
def test_a_probability_is_one(text):
    found = zawgyi_probability(text)
    assert 0 <= found <= 1
    assert bool(found) == bool(re.search("[\u1000-\u103f\u1050-\u109f]", text))
    assert is_zawgyi(text, threshold=1) is False


@given(st.text(st.characters(exclude_characters="".join(BLOCK)), max_size=60))
def test_text_without_burmese_is_returned_as_it_is(text):
    assert convert_lines(text) == (text, 0)
    assert to_unicode(text) == to_zawgyi(text) == text

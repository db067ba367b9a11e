"""Normalizers: what each changes, and how it counts."""

import pytest

from lontar import languages
from lontar.errors import UnknownNameError
from lontar.text import Edited, normalize, normalize_counted, normalizers
from lontar.text.edited import changed_places

CASES = [
    ("control", "a\x00b\u00adc", "abc", {"control": 2}),
    ("control", "a\ud800b", "ab", {"control": 1}),
    ("control", "a\u202eb", "ab", {"bidi": 1}),
    ("control", "\u0627\u200fa", "\u0627\u200fa", {}),
    ("zwsp", "ភាសា\u200bខ្មែរ\u200b", "ភាសាខ្មែរ", {"zwsp": 2}),
    ("nfc", "Tie\u0302\u0301ng Vie\u0323\u0302t", "Tiếng Việt", {"nfc": 2}),
    ("nfc", "x²", "x²", {}),
    ("line_space", " a\u00a0 b \r\n c\t\n", "a b\nc", {"line_end": 1, "space": 5, "blank_line": 1}),
    ("mark_order", "ท\u0e48\u0e35น\u0e35\u0e48", "ท\u0e35\u0e48น\u0e35\u0e48", {"mark_order": 1}),
    ("mark_order", "น\u0e33\u0e49", "น\u0e49\u0e33", {"mark_order": 1}),
    ("sara_am", "น\u0e4d\u0e32 ນ\u0ec9\u0ecd\u0eb2", "น\u0e33 ນ\u0ec9\u0eb3", {"sara_am": 2}),
    ("two_part_vowels", "เเม่ ເເມ່ เเเเ", "แม่ ແມ່ เเเเ", {"two_part_vowels": 2}),
    ("repeated_marks", "ที\u0e48\u0e48 ကိ\u102dု", "ที\u0e48 ကို", {"repeated_marks": 2}),
    ("repeated_marks", "มากกก าา", "มากกก าา", {}),
    ("myanmar_marks", "က\u103d\u103b", "က\u103b\u103d", {"mark_order": 1}),
    ("myanmar_marks", "ဥ\u103a ဥ\u102e", "ဉ် ဦ", {"letter_u": 2}),
    ("myanmar_marks", "၀ယ် ၀ိ ၁၀ ၄င်း", "ဝယ် ဝိ ၁၀ ၎င်း", {"digit_for_letter": 3}),
    ("khmer_marks", "ក\u17b6\u17d2\u179a", "ក\u17d2\u179a\u17b6", {"mark_order": 1}),
    ("khmer_marks", "ស\u17d2\u179a\u17d2\u178f", "ស\u17d2\u178f\u17d2\u179a", {"mark_order": 1}),
    ("khmer_marks", "ក\u17c1\u17b6 ក\u17c1\u17b8", "កោ កើ", {"two_part_vowels": 2}),
    ("khmer_marks", "\u17a3ក\u17b4", "\u17a2ក", {"deprecated": 2}),
    ("vietnamese_marks", "Hoà khoẻ THUÝ", "Hòa khỏe THÚY", {"tone_place": 3}),
    ("vietnamese_marks", "hoàn quý oà mới", "hoàn quý òa mới", {"tone_place": 1}),
    ("vietnamese_marks", "tilu poé, hoé", "tilu poé, hoé", {}),
    ("vietnamese_marks", "Ðà Nẵng, Ðức; eð", "Đà Nẵng, Đức; eð", {"letter_d": 2}),
    ("joiners", "a\u200db க்\u200cஷ ကက\u200c", "ab க்\u200cஷ ကက", {"joiners": 2}),
    ("joiners", "👩\u200d🌾 \u200d\u200c", "👩\u200d🌾 ", {"joiners": 2}),
    ("joiners", "न्\u200d\u200dय", "न्\u200dय", {"joiners": 1}),
    ("ascii_digits", "๑๒ ໓ ၄ ៥ ௬ ꧗ 八", "12 3 4 5 6 7 八", {"ascii_digits": 7}),
    ("thai_digits", "ปี 2569", "ปี ๒๕๖๙", {"thai_digits": 4}),
    ("myanmar_digits", "၁2", "၁၂", {"myanmar_digits": 1}),
]


@pytest.mark.parametrize(("name", "text", "expected", "edits"), CASES)
def test_a_normalizer_changes_and_counts(name, text, expected, edits):
    found = normalizers.get(name).function(text)
    assert (found.text, dict(found.edits)) == (expected, edits)


def test_steps_add_up():
    found = normalize_counted("นํ้าใส\u200bมาก\u0000 ท\u0e48\u0e35", languages.get("th").normalize)
    assert found == ("น้ำใสมาก ที่", {"control": 1, "zwsp": 1, "mark_order": 1, "sara_am": 1})
    assert normalize_counted(found.text, languages.get("th").normalize) == (found.text, {})


def test_a_plugin_may_return_the_text_alone(monkeypatch):
    monkeypatch.setattr(normalizers, "_entries", dict(normalizers._entries))
    normalizers.add("shout", lambda text, /: text.upper())
    assert normalize_counted("ab C", ["shout"]) == Edited("AB C", {"shout": 2})
    assert normalize_counted("AB", ["shout"]) == ("AB", {})
    assert normalize("ab", ["shout"]) == "AB"


@pytest.mark.parametrize("names", [(), ("control",), ("nfc", "zwsp")])
def test_a_text_leaves_in_whole_characters(names):
    """Also for a model without normalizers, and whichever it has: the same text."""
    found = normalize_counted("a\ud800b\udc00\ud800 \ud83d\ude00", names)
    assert found == ("a\ufffdb\ufffd\ufffd 😀", {"lone_surrogates": 3})
    assert normalize("\ud83d\ude00", names) == "😀" and normalize("\ufffd\ufeffx", ()) == "\ufffd\ufeffx"


def test_an_unknown_normalizer_is_named():
    with pytest.raises(UnknownNameError, match="unknown normalizer 'nfcc'"):
        normalize("a", ["nfcc"])


def test_places_changed():
    assert changed_places("abc", "ab") == 1 and changed_places("abc", "acb") == 2 and changed_places("a", "aaa") == 2


LONG = {
    "marks": "ก" + "\u0e34\u0e48" * 250_000,
    "one mark": "က" + "\u102d" * 500_000,
    "zwsp": "\u200b" * 100_000,
    "joiners": "\u200d" * 100_000,
    "coeng ro": "ក" + "\u17d2\u179a" * 100_000 + "\u17d2\u178f",
    "surrogates and NUL": "\ud800\x00" * 50_000,
    "spaces": " \u00a0" * 100_000 + "a",
    "latin marks": "a" + "\u0301\u0323" * 100_000,
}


@pytest.mark.parametrize("name", LONG)
def test_long_runs_end(name):
    # Quadratic steps would take minutes here: this is the test that such a step does not pass.
    names = languages.pipeline([each.code for each in languages.all_languages()])
    once = normalize(LONG[name], names)
    assert normalize(once, names) == once

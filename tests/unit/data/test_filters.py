import pytest

from lontar import languages
from lontar.core.records import Document
from lontar.data.filters import compiled, corpus_filter, first_reason
from lontar.errors import DataError, MissingExtraError


def reason(spec, text, lang="id", license="CC0-1.0"):
    return first_reason(compiled([spec]), Document("d", text, lang, "s", license), languages.get(lang), "f:1")


@pytest.mark.parametrize(
    ("spec", "text", "expected"),
    [
        ({"char_count": {"min_chars": 4}}, "a b c", "too_few_chars"),
        ({"char_count": {"min_chars": 1, "max_chars": 4}}, "abcde", "too_many_chars"),
        ({"char_count": {"min_chars": 3}}, "a b c", None),
        ({"byte_count": {"min_bytes": 3}}, "é", "too_few_bytes"),
        ({"byte_count": {"min_bytes": 0, "max_bytes": 2}}, "abc", "too_many_bytes"),
        ({"byte_count": {"min_bytes": 2, "max_bytes": 2}}, "é", None),
        ("language_share", "selamat pagi สวัสดีครับ ทุกคน", "wrong_script"),
        ({"language_share": 0.4}, "selamat pagi สวัสดี", None),
        ("language_share", "selamat pagi semua", None),
        ({"declared_language": ["th", "lo"]}, "x", "other_language"),
        ({"declared_language": ["id"]}, "x", None),
        ("declared_language", "x", None),
        ("repeated_lines", "menu\nmenu\nmenu", "repeated_lines"),
        ("repeated_lines", "satu\n\n\ndua\n\ntiga", None),
        ({"repeated_lines": 0.7}, "menu\nmenu\nmenu", None),
    ],
)
def test_reasons(spec, text, expected):
    assert reason(spec, text) == expected


def test_words_are_those_of_the_language():
    pytest.importorskip("icu4py")
    assert reason({"word_count": {"min_words": 3}}, "satu dua") == "too_few_words"
    assert reason({"word_count": {"max_words": 3}}, "satu dua tiga empat") == "too_many_words"
    assert reason({"word_count": 2}, "satu dua") is None
    assert reason({"word_count": {"min_words": 4}}, "ฉันกินข้าวที่บ้าน", "th") is None


@pytest.mark.parametrize(
    ("spdx", "expected"),
    [
        ("CC-BY-NC-SA-4.0", "license_non_commercial"),
        ("CC-BY-ND-4.0", "license_no_derivatives"),
        ("LicenseRef-x", "license_unknown"),
        ("CC-BY-SA-4.0", None),
    ],
)
def test_license_terms(spdx, expected):
    assert reason("license_terms", "x", license=spdx) == expected


def test_license_terms_refuses_what_it_is_told_to():
    assert reason({"license_terms": ["share-alike"]}, "x", license="CC-BY-SA-4.0") == "license_share_alike"


def test_the_first_reason_counts():
    filters = compiled([{"byte_count": 50}, {"char_count": 100}])
    assert first_reason(filters, Document("d", "a b", "id"), languages.get("id"), "f:1") == "too_few_bytes"


@pytest.mark.parametrize(
    ("answer", "said"), [(lambda: 1 / 0, "ZeroDivisionError"), (lambda: True, "gave True"), (lambda: "", "gave ''")]
)
def test_a_filter_that_does_not_answer_is_named_with_the_document(answer, said, monkeypatch):
    monkeypatch.setattr(corpus_filter, "_entries", dict(corpus_filter._entries))
    corpus_filter.add("broken", lambda doc, lang, /: answer())
    with pytest.raises(DataError) as caught:
        reason("broken", "x")
    assert "f:1: filter 'broken'" in caught.value.message and said in caught.value.message


def test_a_missing_library_is_said_as_such(monkeypatch):
    def lacking(doc, lang, /):
        raise MissingExtraError("icu4py is not installed")

    monkeypatch.setattr(corpus_filter, "_entries", dict(corpus_filter._entries))
    corpus_filter.add("lacking", lacking)
    with pytest.raises(MissingExtraError):
        reason("lacking", "x")

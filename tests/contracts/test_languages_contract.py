"""Every language, built in or added, and the sentences that come along."""

import unicodedata

import pytest

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.errors import ConfigError, UnknownNameError

LANGUAGES = {language.code: language for language in languages.all_languages()}
FIRST = ["en", "id", "jv", "km", "lo", "ms", "my", "su", "ta", "th", "tl", "vi", "zh"]


def rows_of(code):
    return [row for _, row in read_jsonl(samples.path("parallel") / f"{code}.jsonl")]


def test_the_first_languages_are_all_there():
    assert sorted(LANGUAGES) == FIRST
    assert [code for code, language in LANGUAGES.items() if not language.spaced] == ["km", "lo", "my", "th", "zh"]


@pytest.mark.parametrize("code", FIRST)
def test_a_language_is_complete(code):
    language = LANGUAGES[code]
    assert languages.get(language.iso639_3) is language
    assert languages.get(f"{language.iso639_3}_{languages.find.SCRIPTS[language.script]}") is language
    assert len(set(language.digits)) == 10
    assert len(language.samples) >= 3
    assert len(set(language.samples)) == len(language.samples)
    for sample in language.samples:
        assert language.script_share(sample) > 0.9
        assert language.normalized(sample) == sample
        assert unicodedata.normalize("NFC", sample) == sample
    assert language.script_share("") == language.script_share("123 !? 👍") == 0.0


@pytest.mark.parametrize("code", FIRST)
def test_words_and_sentences(code):
    pytest.importorskip("icu4py")
    language = LANGUAGES[code]
    for sample in language.samples:
        words = language.words(sample)
        assert 3 <= len(words) <= len(sample)
        assert all(word in sample for word in words)
        assert "".join(language.sentences(sample)).replace(" ", "") == sample.replace(" ", "")


@pytest.mark.parametrize("code", FIRST)
def test_parallel_samples(code):
    language, rows = LANGUAGES[code], rows_of(code)
    assert [row["id"] for row in rows] == [row["id"] for row in rows_of("en")]
    assert len(rows) >= 40
    assert len({row["text"] for row in rows}) == len(rows)
    for i, row in enumerate(rows, 1):
        assert row["split"] == ("train" if i % 2 else "heldout")
        assert (row["lang"], row["license"], row["source"]) == (code, "CC0-1.0", "lontar-samples")
        assert language.normalized(row["text"]) == row["text"]
        assert language.script_share(row["text"]) > 0.85


def test_no_sentence_stands_in_two_languages_or_on_two_sides():
    seen = {}
    for code in FIRST:
        for row in rows_of(code):
            key = "".join(c for c in row["text"].casefold() if c.isalnum())
            assert key not in seen, (row, seen.get(key))
            seen[key] = row


def test_normal_forms_in_their_scripts():
    for code, text, expected in (
        ("th", "น\u0e49\u0e4d\u0e32", "น\u0e49\u0e33"),  # SARA AM typed in two parts
        ("th", "ท\u0e48\u0e35", "ท\u0e35\u0e48"),  # tone before vowel
        ("lo", "ນ\u0ec9\u0ecd\u0eb2", "ນ\u0ec9\u0eb3"),
        ("km", "ភា\u200bសា", "ភាសា"),
        ("my", "က\u1037\u103a", "က\u1037\u103a"),
        ("vi", "Tie\u0302\u0301ng", "Tiếng"),
        ("en", "a\ufeff \u00a0 b\r\nc\u00ad", "a b\nc"),
    ):
        assert languages.get(code).normalized(text) == expected


def test_meaning_survives():
    # ZWJ in emoji, ZWNJ in Tamil, fullwidth and superscript characters: NFKC would lose them.
    for text in ("👩🏽‍🌾", "க்‌ஷ", "Ａ２", "x²"):
        assert languages.get("ta").normalized(text) == text


def test_unknown_and_broken_languages(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="unknown language 'thx'") as caught:
        languages.get("thx")
    assert "th" in caught.value.hint
    folder = tmp_path / "languages"
    folder.mkdir()
    monkeypatch.setenv("LONTAR_HOME", str(tmp_path))
    (folder / "xx.yaml").write_text(
        "code: xx\niso639_3: xxx\nscript: Thaii\nnormalize: [nfcc]\nwords: icu\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        languages.get("xx")
    message = str(caught.value)
    for part in ("xx.yaml:3", "did you mean Thai", "did you mean nfc", "samples: required"):
        assert part in message


def test_one_file_adds_a_language(tmp_path, monkeypatch):
    folder = tmp_path / "languages"
    folder.mkdir()
    monkeypatch.setenv("LONTAR_HOME", str(tmp_path))
    text = (samples.path("parallel").parent.parent / "languages" / "jv.yaml").read_text(encoding="utf-8")
    text = text.replace("code: jv", "code: ban").replace("jav", "ban").replace("aliases: [jw]\n", "")
    (folder / "ban.yaml").write_text(text, encoding="utf-8")
    assert languages.get("ban").iso639_3 == "ban"
    assert "language:ban" in languages.digests(["ban"])
    assert "ban" in {language.code for language in languages.all_languages()}


def test_a_digest_follows_the_file(tmp_path, monkeypatch):
    (tmp_path / "languages").mkdir()
    own = tmp_path / "languages" / "th.yaml"
    before = languages.digests(["th"])
    built_in = samples.path("parallel").parent.parent / "languages" / "th.yaml"
    own.write_bytes(built_in.read_bytes() + b"# mine\n")
    monkeypatch.setenv("LONTAR_HOME", str(tmp_path))
    assert languages.digests(["th"]) != before

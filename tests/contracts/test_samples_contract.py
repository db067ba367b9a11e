"""Every sample file keeps the promises of `samples/README.md`; a corrected or added line is tested by being there."""

from __future__ import annotations

import collections

import pytest

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.samples import skills, stories
from lontar.text import letters_form

ALL = sorted(language.code for language in languages.all_languages() if language.code in samples.languages("parallel"))
SETS = [(name, lang) for name in ("parallel", "parity", "paragraphs") for lang in samples.languages(name)]
LEAST = {"parallel": 48, "parity": 150, "paragraphs": 60}
SPLITS = {"parallel": {"train", "heldout"}, "parity": {"dev", "test"}, "paragraphs": {"train", "heldout"}}


def rows(name, lang):
    return [row for _, row in read_jsonl(samples.path(name) / f"{lang}.jsonl")]


@pytest.mark.parametrize("name", ["parity", "paragraphs", "stories", "skills"])
def test_every_language_is_there(name):
    assert samples.languages(name) == ALL
    assert len(ALL) >= 13


@pytest.mark.parametrize(("name", "lang"), SETS)
def test_a_set_has_enough_lines_in_good_form(name, lang):
    language, found = languages.get(lang), rows(name, lang)
    assert len(found) >= (300 if (name, lang) == ("paragraphs", "en") else LEAST[name])
    assert {row["split"] for row in found} == SPLITS[name]
    for row in found:
        text = row["text"]
        assert (row["lang"], row["source"], row["license"]) == (lang, "lontar-samples", "CC0-1.0")
        assert text == text.strip()
        assert language.normalized(text) == text, row["id"]
        assert language.script_share(text) >= 0.6, row["id"]
    assert max(collections.Counter(row["id"] for row in found).values()) == 1
    assert max(collections.Counter(letters_form(row["text"]) for row in found).values()) == 1


@pytest.mark.parametrize("name", ["parallel", "parity"])
def test_parallel_sets_have_the_same_ids_on_the_same_side(name):
    sides = {lang: {row["id"]: row["split"] for row in rows(name, lang)} for lang in samples.languages(name)}
    assert all(found == sides["en"] for found in sides.values())


@pytest.mark.parametrize("lang", ALL)
def test_no_sentence_to_measure_on_is_trained_on(lang):
    """Neither a line nor a sentence of it."""
    language = languages.get(lang)
    kept = {letters_form(row["text"]) for row in rows("parity", lang)}
    seen = [row["text"] for name in ("parallel", "paragraphs") for row in rows(name, lang) if row["split"] == "train"]
    seen += [str(row["text"]) for row in stories.generate(lang, 300)]
    forms = {letters_form(s) for text in seen for s in [text, *language.sentences(text)]}
    assert not kept & forms


@pytest.mark.parametrize("lang", ALL)
def test_stories_and_questions_are_in_normal_form(lang):
    language = languages.get(lang)
    texts = [str(row["text"]) for row in stories.generate(lang, 200)]
    texts += [m["content"] for s in skills.SKILLS for r in skills.generate(lang, s, 20, "train") for m in r["messages"]]
    assert [text for text in texts if language.normalized(text) != text] == []
    assert [text for text in texts if "{" in text or "}" in text or "  " in text] == []


@pytest.mark.parametrize("lang", ALL)
def test_templates_give_enough_to_learn_from(lang):
    made = list(stories.generate(lang, 400))
    assert len(made) == 400
    assert 20 <= sum(row["split"] == "heldout" for row in made) <= 100
    assert len(stories.load(lang).scenes) >= 14


@pytest.mark.parametrize("lang", ALL)
def test_words_of_a_skill_file_are_different_words(lang):
    loaded = skills.load(lang)
    assert len(set(loaded.words)) >= 39  # a language may have one word for two of the things
    assert len(set(loaded.weekdays)) == 7
    assert len(set(loaded.months)) == 12
    assert len(set(loaded.digits)) == 10
    assert set(loaded.language_names) == set(ALL)
    assert not set(loaded.sentiment.good) & set(loaded.sentiment.bad)


def test_informal_lines_say_what_they_are():
    found = [row for path in sorted(samples.path("informal").glob("*.jsonl")) for _, row in read_jsonl(path)]
    assert len(found) >= 100
    for row in found:
        assert row["variety"] and row["meaning"] and row["split"] == "test"
        assert languages.get(row["lang"]).normalized(row["text"]) == row["text"]
    assert max(collections.Counter(row["text"] for row in found).values()) == 1

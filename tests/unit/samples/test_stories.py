from __future__ import annotations

import pytest
from pydantic import ValidationError

from lontar import samples
from lontar.samples import stories
from lontar.samples.template import plain


def test_same_seed_same_stories_and_another_seed_others():
    assert list(stories.generate("en", 50)) == list(stories.generate("en", 50))
    assert list(stories.generate("en", 50)) != list(stories.generate("en", 50, seed=2))


def test_more_stories_begin_with_the_same_ones():
    assert list(stories.generate("en", 80))[:30] == list(stories.generate("en", 30))


def test_rows_say_that_they_are_synthetic_and_where_they_are_from():
    row = next(stories.generate("en", 1))
    assert row["synthetic"] is True
    assert (row["source"], row["license"], row["lang"]) == ("lontar-stories", "CC0-1.0", "en")


def test_all_are_different_and_all_scenes_come():
    rows = list(stories.generate("en", 300))
    assert len({row["text"] for row in rows}) == 300
    assert {row["scene"] for row in rows} == set(stories.load("en").scenes)


@pytest.mark.parametrize("lang", samples.languages("stories"))
def test_no_training_story_has_the_pair_of_a_held_out_one(lang):
    """Read off the finished texts, not off the hash that decided."""
    loaded = stories.load(lang)
    for name, scene in loaded.scenes.items():
        rows = [row for row in stories.generate(lang, 40 * len(loaded.scenes)) if row["scene"] == name]
        pairs = {
            split: {pair for row in rows if row["split"] == split for pair in _pairs(loaded, scene, str(row["text"]))}
            for split in ("train", "heldout")
        }
        told = pairs["heldout"] & pairs["train"]
        assert not told, f"{name}: {sorted(told)[:3]}"


def _pairs(loaded, scene, text):
    """The pair of the story where the text shows exactly one word of each key slot's list."""
    found = []
    for slot in scene.key:
        kind = slot.rstrip("0123456789")
        words = {plain(w) for w in loaded.lexicon[kind] if _shown(w, text)}
        if len(words) != 1:
            return []
        found.append(words.pop())
    return [tuple(found)]


def _shown(word, text):
    return any(form.lower() in text.lower() for form in ([word] if isinstance(word, str) else word.values()))


def test_a_template_with_an_unknown_slot_is_refused():
    with pytest.raises(ValidationError, match="no 'dragon'"):
        stories.Stories(
            lang="en",
            lexicon={"person": ("A", "B")},
            scenes={"s": stories.Scene(key=("person", "person2"), lines=(("{person} {person2} {dragon}",), ("x",)))},
        )


def test_a_key_that_no_line_uses_is_refused():
    with pytest.raises(ValidationError, match="no line uses place"):
        stories.Scene(key=("person", "place"), lines=(("{person}",), ("x",)))


def test_fewer_come_when_there_are_no_more(monkeypatch):
    tiny = stories.Stories(
        lang="en",
        lexicon={"person": ("Ann", "Ben")},
        scenes={"s": stories.Scene(key=("person", "person2"), lines=(("{person} met {person2}.",), ("The end.",)))},
    )
    monkeypatch.setattr(stories, "load", lambda lang: tiny)
    assert sorted(str(row["text"]) for row in stories.generate("en", 10)) == [
        "Ann met Ben. The end.",
        "Ben met Ann. The end.",
    ]

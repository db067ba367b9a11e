"""Items that are written from templates: held-out ones alone, in every language that has a file."""

from __future__ import annotations

import pytest

from lontar import samples
from lontar.core.config import validate
from lontar.errors import ConfigError
from lontar.eval.samples import available, make_samples, source_files
from lontar.eval.scores import above_chance
from lontar.eval.task import Task, find_task
from lontar.samples import skills, stories
from lontar.scoring import Score


def test_stories_to_measure_on_are_the_held_out_ones():
    kept = {str(row["text"]) for row in stories.generate("en", 400) if row["split"] == "heldout"}
    asked = {sample.references[0] for sample in make_samples(find_task("unseen_stories"), "en")}
    assert asked
    assert all(any(passage in story for story in kept) for passage in asked)
    seen = {str(row["text"]) for row in stories.generate("en", 400) if row["split"] == "train"}
    assert not asked & seen


def test_questions_have_the_answer_as_reference_or_as_a_choice():
    row = next(skills.generate("en", "date", 1, "heldout"))
    sample = next(s for s in make_samples(find_task("date"), "en") if s.id == row["id"])
    assert sample.references == (row["answer"],)
    assert sample.turns[0][0].content == row["messages"][0]["content"]
    for sample in make_samples(find_task("weekday"), "en"):
        expected = str(sample.facts["expected"])
        assert sample.choices[int(str(sample.facts["answer"]))] == expected
        assert len(sample.choices) == 7


def test_paragraphs_to_measure_on_are_the_held_out_ones():
    task = find_task("paragraphs")
    for code in available(task, None)[:2]:
        ids = {sample.group for sample in make_samples(task, code)}
        assert ids
        assert all(int(id_.rpartition("p")[2]) % 5 == 0 for id_ in ids)


def test_answers_in_other_languages_make_all_files_count():
    names = source_files(find_task("in_language"), None, ["en"])
    assert {f"sample:skills/{code}.yaml" for code in samples.languages("skills")} <= set(names)


def test_an_unknown_skill_gets_a_hint():
    with pytest.raises(ConfigError, match="weekday"):
        validate(Task, {**find_task("weekday").model_dump(mode="json"), "source": {"skill": "weekdays"}})


@pytest.mark.parametrize(
    ("low", "chance", "shown"),
    [(0.6, 0.5, True), (0.4, 0.5, False), (0.5, 0.5, False), (0.0, 0.0, False), (None, 0.5, False)],
)
def test_above_chance_is_what_the_whole_interval_shows(low, chance, shown):
    task = find_task("sentiment").model_copy(update={"chance": chance})
    score = Score(
        task="sentiment", task_version=1, lang="en", n=9, groups=9, nulls=0, failed=0, value=0.7, low=low, high=0.9
    )
    assert above_chance(task, score) is shown


def test_without_a_chance_figure_nothing_is_said():
    score = Score(
        task="paragraphs", task_version=1, lang="en", n=9, groups=9, nulls=0, failed=0, value=0.7, low=0.6, high=0.9
    )
    assert above_chance(find_task("paragraphs"), score) is None

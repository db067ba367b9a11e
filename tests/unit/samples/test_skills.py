from __future__ import annotations

import pytest

from lontar import samples
from lontar.errors import UnknownNameError
from lontar.samples import skills

LANGS = samples.languages("skills")


def _question(row):
    return row["messages"][0]["content"]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("skill", skills.SKILLS)
def test_no_question_stands_on_both_sides(lang, skill):
    train = {_question(row) for row in skills.generate(lang, skill, 300, "train")}
    held_out = {_question(row) for row in skills.generate(lang, skill, 100, "heldout")}
    assert len(train) >= 40
    assert len(held_out) >= 8
    assert not train & held_out


@pytest.mark.parametrize("lang", LANGS)
def test_the_answer_is_among_the_choices_and_is_the_assistants_turn(lang):
    for skill in skills.SKILLS:
        for row in skills.generate(lang, skill, 20, "heldout"):
            assert row["messages"][1] == {"role": "assistant", "content": row["answer"]}
            assert not row["choices"] or row["answer"] in row["choices"]


def test_answers_are_right():
    """Worked out again here, from the English questions."""
    english = skills.load("en")
    for row in skills.generate("en", "weekday", 80, "train"):
        question = _question(row)
        day = next(i for i, name in enumerate(english.weekdays) if name in question)
        step = -1 if any(w in question.lower() for w in ("yesterday", "before")) else 1
        step = 2 if any(w in question.lower() for w in ("two days", "after tomorrow")) else step
        assert row["answer"] == english.weekdays[(day + step) % 7], question
    for row in skills.generate("en", "digits", 20, "train"):
        number = next(word for word in _question(row).replace(".", " ").split() if word.isdigit())
        assert [english.digits.index(word) for word in row["answer"].split()] == [int(d) for d in number]
    for row in skills.generate("en", "date", 20, "train"):
        iso = next(word for word in _question(row).replace("?", " ").split() if word.count("-") == 2).strip(".")
        year, month, day = iso.split("-")
        assert row["answer"] == f"{int(day)} {english.months[int(month) - 1]} {year}"


def test_numbers_of_held_out_questions_stand_in_no_training_question():
    train = {word for row in skills.generate("en", "digits", 400, "train") for word in _question(row).split()}
    numbers = {w.strip(".") for row in skills.generate("en", "digits", 100, "heldout") for w in _question(row).split()}
    assert not {n for n in numbers if n.isdigit()} & {w.strip(".") for w in train}


@pytest.mark.parametrize("lang", LANGS)
def test_praise_and_complaint_come_about_equally_often(lang):
    rows = list(skills.generate(lang, "sentiment", 200, "train"))
    share = sum(row["answer"] == skills.load(lang).sentiment.positive for row in rows) / len(rows)
    assert 0.38 < share < 0.62


def test_an_unknown_skill_gets_a_hint():
    with pytest.raises(UnknownNameError) as caught:
        next(skills.generate("en", "digit", 1, "train"))
    assert "digits" in str(caught.value.hint)

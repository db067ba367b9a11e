from __future__ import annotations

import random

import pytest

from lontar.samples.template import Draw, problems, reserved, slots

LEXICON = {"person": ["Ani", "Budi"], "place": [{"is": "கடை", "to": "கடைக்கு"}, {"is": "பள்ளி", "to": "பள்ளிக்கு"}]}


def test_slots_have_a_kind_a_number_and_a_form():
    assert slots("{person} sees {person2} at {place.to}") == [
        ("person", "", ""),
        ("person", "2", ""),
        ("place", "", "to"),
    ]


def test_a_slot_keeps_its_value_and_numbered_slots_differ():
    for seed in range(20):
        first, again, other = Draw(LEXICON, random.Random(seed)).fill("{person} {person} {person2}").split()
        assert first == again != other


def test_forms_are_of_one_word():
    draw = Draw(LEXICON, random.Random(3))
    plain, form = draw.fill("{place} {place.to}").split()
    assert form == plain.removesuffix("ி") + ("ிக்கு" if plain == "பள்ளி" else "க்கு")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{animal}", "no 'animal'"),
        ("{person.to}", "the form 'to'"),
        ("{place.at}", "'at'"),
        ("{Person}", "brace"),
        ("}", "brace"),
    ],
)
def test_a_wrong_template_is_named(template, told):
    assert any(told in problem for problem in problems(template, LEXICON))


def test_a_right_template_has_no_problem():
    assert problems("{person} → {place.to}.", LEXICON) == []


def test_about_one_combination_in_eight_is_reserved_and_always_the_same():
    chosen = [i for i in range(4000) if reserved(["x", str(i)], 8)]
    assert 400 < len(chosen) < 600
    assert chosen == [i for i in range(4000) if reserved(["x", str(i)], 8)]

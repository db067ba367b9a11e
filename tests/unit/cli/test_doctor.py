from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from lontar.cli.doctor import doctor
from lontar.cli.fits import duration
from lontar.models.tiny import make_model
from lontar.models.vocab import train_bpe


def asked(*options):
    result = CliRunner().invoke(doctor, [*options, "--json"], catch_exceptions=False)
    return json.loads(result.output)["fits"]


def test_without_a_question_nothing_is_measured():
    assert asked() == []


def test_every_training_step_of_a_recipe_is_estimated():
    rows = asked("--recipe", "nano")
    assert [row["what"] for row in rows] == ["nano: base (train.pretrain)", "nano: model (train.cpt)"]
    assert [row["tokens"] for row in rows] == [40 * 8 * 128, 80 * 8 * 128]
    assert all(row["fits"] and 0 < row["hours"] < 1 for row in rows)


def test_a_base_is_answered_for(tmp_path):
    make_model(tmp_path, "nano", tokenizer=train_bpe(["some words"] * 3, 300))
    rows = asked("--base", str(tmp_path))
    assert [row["what"].split()[0] for row in rows] == ["answer,"] * 3 + ["train"]
    sizes = [row["bytes"] for row in rows[:3]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_folder_without_a_model_is_named(tmp_path):
    result = CliRunner().invoke(doctor, ["--base", str(tmp_path)])
    assert "config.json" in str(result.exception)


@pytest.mark.parametrize(
    ("hours", "text"), [(0.002, "7 s"), (0.5, "30 min"), (1.5, "90 min"), (5, "5 h"), (240, "10 days")]
)
def test_durations_are_in_the_unit_one_thinks_in(hours, text):
    assert duration(hours) == text

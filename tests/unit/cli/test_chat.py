from __future__ import annotations

import pytest
from click.testing import CliRunner

from lontar.cli.chat import CLOSE, OPEN, chat, fold


@pytest.mark.parametrize(
    ("answer", "text", "thought", "thinking"),
    [
        ("สวัสดี", "สวัสดี", "", False),
        (f"{OPEN}hm, 2{CLOSE}\n\n4", "4", "hm, 2", False),
        (f"\n{OPEN}hm", "", "hm", True),
        ("<thi", "", "", True),
        ("<this> is text", "<this> is text", "", False),
        (f"hm, 2{CLOSE}4", "4", "hm, 2", False),
        (f"{OPEN}{CLOSE}4", "4", "", False),
        ("", "", "", False),
    ],
)
def test_thoughts_are_parted_from_the_answer(answer, text, thought, thinking):
    folded = fold(answer)
    assert (folded.text, folded.thought, folded.thinking) == (text, thought, thinking)


def test_a_growing_answer_never_shows_a_piece_of_a_thought():
    whole = f"{OPEN}secret thoughts{CLOSE}answer"
    for end in range(len(whole) + 1):
        assert "secret" not in fold(whole[:end]).text
        assert "answer".startswith(fold(whole[:end]).text)


def test_the_label_tells_how_much_was_thought():
    assert fold("plain").label == ""
    assert fold(f"{OPEN}12345{CLOSE}x").label == "[thought 5 characters]"
    assert fold(f"{OPEN}123").label == "[thinking … 3 characters]"


def talk(tmp_path, said, *options):
    return CliRunner().invoke(chat, [str(tmp_path / "a"), "--backend", "echo", *options], input=said)


def test_one_model_answers_until_an_empty_line(tmp_path):
    result = talk(tmp_path, "ကောင်းပါတယ်\nsecond\n\nnever\n")
    assert result.exit_code == 0, result.output
    assert "ကောင်းပါတယ်" in result.output
    assert "second" in result.output
    assert "never" not in result.output


def test_two_models_answer_under_their_names(tmp_path):
    result = talk(tmp_path, "selamat pagi\n\n", "--against", str(tmp_path / "b"))
    assert result.exit_code == 0, result.output
    assert result.output.index("a:") < result.output.index("b:")
    assert result.output.count("selamat pagi") == 2


def test_two_folders_of_one_name_are_told_apart(tmp_path):
    result = talk(tmp_path, "x\n\n", "--against", str(tmp_path / "other" / "a"))
    assert "other/a:" in result.output


def test_what_is_not_a_model_is_named(tmp_path):
    result = CliRunner().invoke(chat, [str(tmp_path)], input="x\n")
    assert result.exit_code != 0
    assert "config.json" in str(result.exception)

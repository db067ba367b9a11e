import json
import shutil

import pytest

pytest.importorskip("transformers")

from lontar.models.ranks import write_ranks
from lontar.models.vocab import write_tokenizer
from lontar.tokenizer import check
from lontar.tokenizer.check import TRICKY, differences, loaded_ids, texts_of_all_languages


@pytest.fixture(scope="module")
def folder(tmp_path_factory, extension):
    place = tmp_path_factory.mktemp("check")
    write_tokenizer(place, extension.new.tokenizer)
    return place


def config(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps({"architectures": [], "transformers_version": "5.0.0", **fields}), encoding="utf-8")
    return path


@pytest.mark.parametrize("model_type", ["qwen3", "llama", "gemma3_text"])
def test_the_generic_class_gives_the_same_ids_for_any_model(folder, tmp_path, model_type, texts):
    many = [*texts_of_all_languages(), *(text for own in texts.values() for text in own)]
    assert differences(folder, many, config=config(tmp_path, model_type=model_type)) == []
    assert differences(folder, many) == []


def test_a_class_that_rebuilds_its_pattern_is_found(folder, tmp_path):
    """The reason why `marks` is refused for model_type qwen2."""
    found = differences(folder, ["plain", "ภาษาไทยนี้ดี"], config=config(tmp_path, model_type="qwen2"))
    assert [(one.loader, one.text) for one in found] == [("AutoTokenizer", "ภาษาไทยนี้ดี")]
    assert "AutoTokenizer: 'ภาษาไทยนี้ดี' differs from token" in str(found[0])


def test_the_difference_names_its_place():
    one = check.Difference("x", "text", (1, 2, 3, 4), (1, 2, 9))
    assert str(one) == "x: 'text' differs from token 2 on: (3, 4) / (9,)"


def test_tricky_text_has_what_it_should():
    joined = "".join(TRICKY)
    for char in ("\u0302", "\u200b", "\u200c", "\u0e4d\u0e32", "๑", "🇹🇭", "ꦗ", "جاوي", "\ufeff", "ေက", "\ud800"):
        assert char in joined
    assert any(len(text.encode("utf-8", "replace")) > 90_000 and " " not in text for text in TRICKY)


def test_halves_of_characters_go_through_the_same_door(folder):
    """Two loaders of four raise, one joins and replaces; what they are given has no halves."""
    assert differences(folder, ["a\ud800b \udc00", "\ud83d\ude00"], loaders=check.LOADERS) == []


def test_a_missing_loader_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)
    assert loaded_ids(folder, ["x"]) is None
    outcome = check.check(folder, ["x"])
    assert (outcome.compared, outcome.differences) == ((), ())
    assert outcome.left_out == dict.fromkeys(check.LOADERS, "not installed")


def test_a_loader_without_a_form_for_the_tokenizer_is_left_out_with_the_reason(folder, tmp_path):
    pytest.importorskip("tiktoken")
    tree = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tree["pre_tokenizer"]["pretokenizers"].insert(0, {"type": "Digits", "individual_digits": True})
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    outcome = check.check(tmp_path, ["x"], loaders=("tiktoken",))
    assert outcome.compared == () and "not one pattern" in outcome.left_out["tiktoken"]


def test_written_ranks_are_what_is_compared(folder, tmp_path):
    pytest.importorskip("tiktoken")
    place = shutil.copytree(folder, tmp_path / "t")
    assert write_ranks(place) is None
    assert check.check(place, texts_of_all_languages(), loaders=("tiktoken",)).compared == ("tiktoken",)
    file = place / "ranks.tiktoken"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    assert "not the ranks of" in check.check(place, ["x"], loaders=("tiktoken",)).left_out["tiktoken"]


def test_the_command_says_what_was_not_compared(folder, monkeypatch):
    from lontar.tokenizer.commands import check as command

    monkeypatch.setattr(check, "installed", lambda loader: loader == "AutoTokenizer")
    report = command(folder)
    assert report.value["loaders"] == ["tokenizers", "AutoTokenizer"]
    assert report.value["not_installed"] == ["tiktoken", "llama.cpp"]
    assert "llama.cpp is left out: not installed" in report.notes and not report.exit_code


def test_tiktoken_agrees(folder, texts):
    pytest.importorskip("tiktoken")
    many = [*texts_of_all_languages(), *(text for own in texts.values() for text in own)]
    assert differences(folder, many, loaders=("tiktoken",)) == []

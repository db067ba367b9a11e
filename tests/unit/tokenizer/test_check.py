import json

import pytest

pytest.importorskip("transformers")

from lontar.models.vocab import write_tokenizer
from lontar.tokenizer import check
from lontar.tokenizer.base import open_base
from lontar.tokenizer.check import TRICKY, differences, loaded_ids, texts_of_all_languages, tiktoken_encoding


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
    for char in ("\u0302", "\u200b", "\u200c", "\u0e4d\u0e32", "๑", "🇹🇭", "ꦗ", "جاوي", "\ufeff"):
        assert char in joined
    assert any(len(text) > 1000 and " " not in text for text in TRICKY)


def test_a_missing_loader_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)
    assert loaded_ids(folder, ["x"]) is None
    assert tiktoken_encoding(open_base(folder)) is None
    assert differences(folder, ["x"], loaders=check.LOADERS) == []


def test_tiktoken_agrees(folder, texts):
    pytest.importorskip("tiktoken")
    many = [*texts_of_all_languages(), *(text for own in texts.values() for text in own)]
    assert differences(folder, many, loaders=("tiktoken",)) == []

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from lontar.errors import ConfigError, DataError
from lontar.tokenizer.config import TrainConfig
from lontar.tokenizer.stages import train as train_tokenizer
from lontar.train import PretrainConfig, pretrain
from tests.unit.train.test_stages import USING, make_text, small


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_text(tmp_path_factory.mktemp("corpus") / "corpus")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("made") / "tokenizer"
    return train_tokenizer(folder, corpus, config=TrainConfig(languages=("en",), vocab_size=300))


def test_the_model_has_the_given_tokenizer(corpus, tokenizer, tmp_path):
    made = pretrain.using(**USING)(tmp_path / "base", corpus, tokenizer, config=small(PretrainConfig, steps=3))
    assert (made.path / "tokenizer.json").read_bytes() == (tokenizer.path / "tokenizer.json").read_bytes()
    assert json.loads((made.path / "config.json").read_text(encoding="utf-8"))["vocab_size"] == 300
    assert set(made.manifest.parents) == {"corpus", "tokenizer"}


def test_a_size_beside_it_is_refused(corpus, tokenizer, tmp_path):
    with pytest.raises(ConfigError, match="vocab_size"):
        pretrain.using(**USING)(tmp_path / "x", corpus, tokenizer, config=small(PretrainConfig, vocab_size=300))


def test_a_tokenizer_without_turn_tokens_is_refused(corpus, tokenizer, tmp_path):
    from lontar.models.vocab import read_tokenizer

    tree = json.loads((tokenizer.path / "tokenizer.json").read_text(encoding="utf-8"))
    tree["added_tokens"] = [t for t in tree["added_tokens"] if t["content"] != "<|im_end|>"]
    del tree["model"]["vocab"]["<|im_end|>"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(DataError, match="im_end"):
        read_tokenizer(tmp_path)

from __future__ import annotations

import json

import pytest

pytest.importorskip("tokenizers")

from lontar.core.config import validate
from lontar.errors import ConfigError, DataError
from lontar.tokenizer.base import open_base
from lontar.tokenizer.config import ExtendConfig, TrainConfig
from lontar.tokenizer.stages import extend, train
from tests.unit.tokenizer.conftest import sentences
from tests.unit.tokenizer.test_stages import make_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus") / "corpus")


@pytest.fixture(scope="module")
def english(tmp_path_factory, corpus):
    return train(
        tmp_path_factory.mktemp("made") / "english", corpus, config=TrainConfig(languages=("en",), vocab_size=400)
    )


def test_it_has_the_size_asked_for_and_loses_nothing(english):
    bpe = open_base(english.path)
    assert english.manifest.metrics["vocab_size"] == bpe.size == 400
    for texts in sentences("heldout").values():
        for text in texts[:5]:
            ids = bpe.tokenizer.encode(text, add_special_tokens=False).ids
            assert bpe.tokenizer.decode(ids) == text


def test_same_corpus_same_bytes(english, corpus, tmp_path):
    again = train(tmp_path / "again", corpus, config=TrainConfig(languages=("en",), vocab_size=400))
    assert again.digest == english.digest


def test_learned_languages_cost_less(english, corpus, tmp_path):
    thai = train(tmp_path / "thai", corpus, config=TrainConfig(languages=("th",), vocab_size=400))
    cost = "tokens_per_sentence."
    assert thai.manifest.metrics[cost + "th"] < 0.7 * english.manifest.metrics[cost + "th"]
    assert thai.manifest.metrics[cost + "en"] > english.manifest.metrics[cost + "en"]


def test_it_can_be_extended(english, corpus, tmp_path):
    made = extend(tmp_path / "made", english, corpus, config=ExtendConfig(new_tokens=200))
    report = json.loads((made.path / "report.json").read_text(encoding="utf-8"))
    assert report["languages"]["my"]["after"]["ratio"] < 0.6
    assert report["languages"]["en"]["after"]["ratio"] == 1
    assert (made.path / "chat_template.jinja").is_file()


def test_a_language_without_text_is_named(corpus, tmp_path):
    with pytest.raises(DataError, match="no train documents in km"):
        train(tmp_path / "x", corpus, config=TrainConfig(languages=("km",)))


@pytest.mark.parametrize("given", [{"vocab_size": 258}, {"pattern": "mine"}, {"languages": ["xx"]}])
def test_wrong_settings_are_refused(given):
    with pytest.raises(ConfigError):
        validate(TrainConfig, given)


def test_no_limit_is_passed(corpus, tmp_path):
    """The limit leaves out text, and the vocabulary shows it."""
    little = TrainConfig(languages=("en",), vocab_size=400, max_bytes=60)
    assert train(tmp_path / "x", corpus, config=little).manifest.metrics["vocab_size"] < 400

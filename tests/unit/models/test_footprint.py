from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from lontar.models.footprint import (
    Footprint,
    seconds_per_token,
    serving_bytes,
    training_bytes,
)
from lontar.models.tiny import SHAPES, make_model
from lontar.models.vocab import train_bpe
from lontar.models.weights import read_index


@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gemma3"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("size", SHAPES)
def test_parameters_are_counted_as_they_are_stored(tmp_path, architecture, tied, size):
    tokenizer = train_bpe(["a few words to learn from"] * 3, 400)
    make_model(tmp_path, size, architecture, tokenizer=tokenizer, tied=tied)
    stored = sum(_product(info.shape) for info in read_index(tmp_path).values() if len(info.shape) == 2)
    model = Footprint.of(json.loads((tmp_path / "config.json").read_text(encoding="utf-8")))
    assert model.parameters == stored


def _product(shape):
    n = 1
    for size in shape:
        n *= size
    return n


QWEN3_06B = {
    "hidden_size": 1024, "num_hidden_layers": 28, "intermediate_size": 3072, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": True,
}  # fmt: skip


def test_a_published_model_has_its_published_size():
    assert Footprint.of(QWEN3_06B).parameters == pytest.approx(0.596e9, rel=0.005)


def test_a_config_of_parts_is_read_where_its_text_part_is():
    assert Footprint.of({"text_config": QWEN3_06B}) == Footprint.of(QWEN3_06B)


def test_more_of_anything_costs_more():
    model = Footprint.of(QWEN3_06B)
    assert training_bytes(model, 512, "adamw") > training_bytes(model, 512, "muon") > 0.596e9 * 12
    assert training_bytes(model, 4096) > training_bytes(model, 512)
    assert serving_bytes(model, 4.0) > serving_bytes(model, 2.0) > 2 * 0.596e9


def test_the_time_of_a_token_is_measured_and_deeper_models_take_longer():
    shallow = Footprint(layers=1, width=64, inner=128, heads=2, key_heads=1, head_width=32, vocabulary=300)
    deep = Footprint(layers=30, width=64, inner=128, heads=2, key_heads=1, head_width=32, vocabulary=300)
    assert 0 < seconds_per_token(shallow) < seconds_per_token(deep) < 1


def test_a_missing_field_is_named():
    with pytest.raises(KeyError, match="hidden_size"):
        Footprint.of({})

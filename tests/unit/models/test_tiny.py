import json

import pytest
import torch

from lontar.models.tiny import SHAPES, make_model
from lontar.models.weights import read_index


def test_it_loads_unchanged_in_transformers(folder, tokenizer):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    loaded = AutoTokenizer.from_pretrained(folder)
    text = "the cat sat ພາສາລາວ"
    ids = loaded(text, add_special_tokens=False)["input_ids"]
    assert ids == tokenizer.encode(text).ids and loaded.decode(ids) == text
    out = model.generate(torch.tensor([ids]), max_new_tokens=3, do_sample=False)
    assert out.shape[1] >= len(ids)
    chat = [{"role": "user", "content": "hello"}]
    shown = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert shown == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_same_seed_same_bytes(folders, tokenizer, tmp_path):
    for name, seed in (("same", 3), ("other", 4)):
        make_model(tmp_path / name, "nano", "qwen3", tokenizer=tokenizer, seed=seed, normalization=("nfc",))
    first = {p.name: p.read_bytes() for p in (folders / "qwen3").iterdir()}
    assert {p.name: p.read_bytes() for p in (tmp_path / "same").iterdir()} == first
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != first["model.safetensors"]


@pytest.mark.parametrize(("size", "low", "high"), [("nano", 0.3e6, 0.9e6), ("tiny", 1.2e6, 3.5e6), ("small", 4e6, 9e6)])
def test_sizes(tokenizer, tmp_path, size, low, high):
    make_model(tmp_path, size, tokenizer=tokenizer)
    n = sum(info.elements for info in read_index(tmp_path).values())
    n += (4096 - 400) * SHAPES[size].width * (size != "nano")  # the vocabulary that goes with the larger ones
    assert low < n < high


@pytest.mark.parametrize("tied", [True, False])
def test_a_tied_head_is_not_stored(tokenizer, tmp_path, tied):
    make_model(tmp_path, "nano", tokenizer=tokenizer, tied=tied, dtype="bfloat16")
    index = read_index(tmp_path)
    assert ("lm_head.weight" in index) != tied
    assert {info.dtype for info in index.values()} == {"BF16"}
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["tie_word_embeddings"] == tied and config["dtype"] == "bfloat16" and config["transformers_version"]


def test_the_generator_of_the_process_is_left_alone(tokenizer, tmp_path):
    before = torch.get_rng_state()
    make_model(tmp_path, "nano", tokenizer=tokenizer)
    assert torch.equal(before, torch.get_rng_state())

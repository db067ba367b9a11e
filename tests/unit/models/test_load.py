import json

import pytest
import torch

from lontar.errors import ArtifactError, ConfigError, DataError, NotAnArtifactError
from lontar.models import files, load
from lontar.models.files import read_settings
from lontar.models.load import has_bf16_flag, open_model, resolve_device, resolve_dtype
from lontar.models.weights import describe, read_tensors, write_weights


def test_a_folder_opens(folder, tokenizer):
    from transformers import AutoModelForCausalLM

    loaded = open_model(folder, device="cpu")
    end, turn_end = (tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_end|>"))
    assert (loaded.start_id, loaded.end_id, set(loaded.eos_ids)) == (end, end, {end, turn_end})
    assert (loaded.normalization, loaded.context_length, loaded.dtype) == (("nfc",), 1024, "float32")
    assert "<|im_start|>" in loaded.chat_template and not loaded.model.training
    ids = torch.tensor([loaded.tokenizer.encode("the cat").ids])
    with torch.no_grad():
        assert torch.equal(loaded.model(ids).logits, AutoModelForCausalLM.from_pretrained(folder)(ids).logits)


def test_the_text_part_of_a_gemma_with_vision_opens(folders, tmp_path):
    import transformers as t

    source = open_model(folders / "gemma3", device="cpu")
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = t.Gemma3Config(
        text_config=source.model.config.to_dict(),
        vision_config={**vision, "image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4, boi_token_index=1, eoi_token_index=2, image_token_index=3,
    )  # fmt: skip
    whole = t.Gemma3ForConditionalGeneration(config)
    whole.model.language_model.load_state_dict(source.model.model.state_dict())
    whole.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((folders / "gemma3" / name).read_bytes())
    ids = torch.tensor([source.tokenizer.encode("the cat sat").ids])
    loaded = open_model(tmp_path, device="cpu")
    assert type(loaded.model).__name__ == "Gemma3ForCausalLM"
    with torch.no_grad():
        assert torch.equal(loaded.model(ids).logits, source.model(ids).logits)


def test_weights_that_are_missing_are_not_made_up(copied):
    tensors = dict(read_tensors(copied))
    del tensors["model.layers.1.mlp.up_proj.weight"]
    write_weights(copied, describe(tensors), tensors.__getitem__)
    with pytest.raises(ArtifactError, match=r"1 weights are missing, first 'model\.layers\.1\.mlp\.up_proj\.weight'"):
        open_model(copied)


def test_weights_of_another_shape_are_an_error(copied):
    tensors = dict(read_tensors(copied))
    tensors["model.layers.1.mlp.up_proj.weight"] = torch.zeros(3, 128)
    write_weights(copied, describe(tensors), tensors.__getitem__)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        open_model(copied)


def test_no_code_from_the_folder_runs(copied, tmp_path):
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    (copied / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (copied / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: pass\n", encoding="utf-8")
    assert type(open_model(copied).model).__name__ == "Qwen3ForCausalLM"
    assert not (tmp_path / "ran").exists()


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"
    with pytest.raises(ConfigError, match="torch sees 0 GPUs"):
        resolve_device("cuda")
    with pytest.raises(ConfigError, match="unknown device 'gpu'"):
        resolve_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (resolve_device("auto"), resolve_device("cuda:1")) == ("cuda", "cuda:1")
    with pytest.raises(ConfigError):
        resolve_device("cuda:2")


@pytest.mark.parametrize(
    ("dtype", "stored", "bf16", "device", "kind"),
    [
        ("auto", "float32", True, "cpu", "float32"),
        ("auto", "bfloat16", True, "cpu", "bfloat16"),
        ("auto", "bfloat16", False, "cpu", "float32"),
        ("auto", "float16", True, "cpu", "float32"),
        ("auto", "float16", True, "cuda:1", "float16"),
        ("float32", "bfloat16", True, "cpu", "float32"),
        ("bfloat16", "float32", False, "cpu", "bfloat16"),
    ],
)
def test_types(monkeypatch, dtype, stored, bf16, device, kind):
    monkeypatch.setattr(load, "bf16_arithmetic", lambda device_type: bf16)
    assert resolve_dtype(dtype, stored, device) == kind


@pytest.mark.parametrize(
    ("text", "machine", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16\n", "x86_64", True),
        ("flags : fpu amx_bf16 amx_tile\n", "x86_64", True),
        ("flags : fpu avx2\n", "x86_64", False),
        ("Features : fp asimd bf16\n", "aarch64", True),
        ("Features : fp asimd\n", "aarch64", False),
        ("", "x86_64", False),
    ],
)
def test_processor_flags(text, machine, found):
    assert has_bf16_flag(text, machine) == found


@pytest.mark.parametrize(
    ("config", "generation", "found"),
    [
        ({"bos_token_id": 9, "eos_token_id": 9}, {"eos_token_id": [8, 9]}, ((9, 8), 9, 9)),  # Qwen base
        ({"bos_token_id": 9, "eos_token_id": 8}, {"bos_token_id": 9, "eos_token_id": [8, 9]}, ((8, 9), 9, 9)),  # chat
        ({"bos_token_id": 1, "eos_token_id": [2, 3]}, {}, ((2, 3), 1, 2)),  # Llama
        ({"text_config": {"x": 1}}, {"bos_token_id": 2, "eos_token_id": [1, 106]}, ((1, 106), 2, 1)),  # Gemma 3
        ({"eos_token_id": 5}, {}, ((5,), 5, 5)),
        ({}, {}, ((), None, None)),
    ],
)
def test_start_and_end(tmp_path, config, generation, found):
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if generation:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    settings = read_settings(tmp_path)
    assert (settings.eos_ids, settings.start_id, settings.end_id) == found


def test_damaged_small_files(copied):
    (copied / "lontar.json").write_text('{"normalization": "nfc"}', encoding="utf-8")
    with pytest.raises(DataError, match="list of names"):
        open_model(copied)
    (copied / "lontar.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"lontar\.json: not readable as JSON"):
        open_model(copied)
    (copied / "lontar.json").unlink()
    assert open_model(copied).normalization == ()
    (copied / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="not a tokenizer"):
        open_model(copied)
    (copied / "config.json").unlink()
    with pytest.raises(NotAnArtifactError, match=r"no config\.json"):
        open_model(copied)


def test_templates_in_older_places(tmp_path):
    path = tmp_path / "tokenizer_config.json"
    assert files.read_chat_template(tmp_path) is None
    path.write_text(json.dumps({"chat_template": "one"}), encoding="utf-8")
    assert files.read_chat_template(tmp_path) == "one"
    several = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "two"}]
    path.write_text(json.dumps({"chat_template": several}), encoding="utf-8")
    assert files.read_chat_template(tmp_path) == "two"
    (tmp_path / "chat_template.jinja").write_text("three", encoding="utf-8")
    assert files.read_chat_template(tmp_path) == "three"

import json
from pathlib import Path

import pytest

from lontar.core.artifact import Model
from lontar.core.config import validate
from lontar.errors import ConfigError, DataError, DriftError, GateError, IntegrityError, LicenseError
from lontar.export import SafetensorsConfig, parity, safetensors, weights
from lontar.export.config import size_bytes
from lontar.models.weights import INDEX, TensorInfo, read_index, shard_names
from tests.unit.export.conftest import TinyConfig, tiny_model

for needed in ("torch", "transformers", "safetensors", "tokenizers"):
    pytest.importorskip(needed)


def export(model, out, **given):
    return safetensors(out, model, config=validate(SafetensorsConfig, given))


def tensors(folder):
    from safetensors.torch import load_file

    return {k: v for file in sorted(folder.glob("*.safetensors")) for k, v in load_file(file).items()}


def test_an_unchanged_export_holds_the_same_tensors_and_loads_unchanged(model, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = export(model, tmp_path / "out")
    assert isinstance(made, Model) and made.verify() == []
    before, after = tensors(model.path), tensors(made.path)
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)
    assert made.manifest.metrics["parity.max_abs_logit_diff"] == 0
    loaded = AutoModelForCausalLM.from_pretrained(made.path)
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    out = loaded.generate(**tokenizer("ສະບາຍດີ", return_tensors="pt"), max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert out.shape[0] == 1
    config = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert config["transformers_version"] and config["architectures"] == ["Qwen3ForCausalLM"]


@pytest.mark.parametrize(("dtype", "stored"), [("bfloat16", "BF16"), ("float16", "F16"), ("float32", "F32")])
def test_another_number_type(model, tmp_path, dtype, stored):
    import torch

    made = export(model, tmp_path / "out", dtype=dtype)
    assert {info.dtype for info in read_index(made.path).values()} == {stored}
    wanted = {k: v.to(getattr(torch, dtype)) for k, v in tensors(model.path).items()}
    assert all(torch.equal(wanted[k], v) for k, v in tensors(made.path).items())
    assert json.loads((made.path / "config.json").read_text(encoding="utf-8"))["dtype"] == dtype
    assert (made.manifest.metrics["parity.max_abs_logit_diff"] > 0) == (dtype != "float32")


def test_several_files_carry_an_index_and_load(model, tmp_path):
    made = export(model, tmp_path / "out", max_shard_size="20KB")
    index = json.loads((made.path / INDEX).read_text(encoding="utf-8"))
    files = sorted(p.name for p in made.path.glob("*.safetensors"))
    assert len(files) > 2 and files == shard_names(len(files))
    assert index["weight_map"].keys() == tensors(model.path).keys()
    assert set(index["weight_map"].values()) == set(files)
    assert index["metadata"]["total_size"] == made.manifest.metrics["weights.bytes"]


def test_the_card_has_valid_front_matter_and_names_terms_and_figures(model, tmp_path):
    import yaml

    text = (export(model, tmp_path / "out", name="Tiny").path / "README.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "apache-2.0", "library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["lontar"],
    }  # fmt: skip
    assert "# Tiny" in body and "| loss | 1.25 |" in body and "`test.tiny_model`" in body and "notice" in body


def test_the_front_matter_is_what_the_hub_reads(model, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(export(model, tmp_path / "out").path / "README.md")
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "transformers")


def test_unknown_terms_are_named_or_stop(tmp_path):
    model = tiny_model(tmp_path / "model", config=TinyConfig(license="LicenseRef-mine"))
    made = export(model, tmp_path / "out")
    text = (made.path / "README.md").read_text(encoding="utf-8")
    assert "the terms of LicenseRef-mine are not known here" in text and "license: other" in text
    assert made.manifest.metrics["license.conflicts"] == 1
    with pytest.raises(LicenseError, match="LicenseRef-mine"):
        export(model, tmp_path / "other", on_conflict="stop")


def test_a_difference_beyond_the_tolerance_fails(model, tmp_path):
    with pytest.raises(GateError, match="logits differ by"):
        export(model, tmp_path / "out", dtype="bfloat16", tolerance=1e-9)
    assert not (tmp_path / "out").exists()


def test_values_that_float16_cannot_hold_are_named(tmp_path):
    model = tiny_model(tmp_path / "model", config=TinyConfig(scale=1e8))
    with pytest.raises(DataError, match=r"lm_head\.weight.*float16 cannot"):
        export(model, tmp_path / "out", dtype="float16")


def test_ids_that_differ_are_shown_with_sentence_and_language():
    probes = [parity.Probe("lo", "ພາສາ"), parity.Probe("th", "ไทย")]
    parity.check_ids(probes, [(1, 2), (3,)], [(1, 2), (3,)], "x")
    with pytest.raises(GateError, match=r"'ไทย' \(th\): at position 1 \[9\], expected \[4\]"):
        parity.check_ids(probes, [(1, 2), (3, 4)], [(1, 2), (3, 9)], "x")
    with pytest.raises(GateError, match="at position 1"):
        parity.check_ids(probes[:1], [(1, 2)], [(1,)], "x")


def test_logits_that_are_not_numbers_never_pass():
    with pytest.raises(GateError):
        parity.check_logits(parity.Parity(float("nan"), 1.0, 1.0), 1.0)


def test_a_tokenizer_that_rebuilds_itself_is_found(model, tmp_path):
    """transformers reads the merges through a class of its own here, as published folders do."""
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(model.path, folder)
    data = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    data["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    probes = [parity.Probe("en", "the cat sat")]
    with pytest.raises(GateError, match="other token ids"):
        parity.check_ids(probes, parity.bare_ids(model.path, probes), parity.answers(folder, probes).ids, "x")


def test_a_damaged_weight_file_is_named(model, tmp_path):
    (tmp_path / "model.safetensors").write_bytes((model.path / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        weights.rewrite(tmp_path, tmp_path / "out", "keep", 10**9, lambda n: None)


def test_integers_stay_as_they_are():
    infos = {name: TensorInfo(name, Path("x"), dtype, (2,)) for name, dtype in (("a", "F32"), ("b", "I64"))}
    assert [i.dtype for i in weights.converted(infos, "bfloat16").values()] == ["BF16", "I64"]
    assert weights.converted(infos, "keep") == infos


def test_a_second_export_reuses_and_another_type_is_drift(model, tmp_path):
    first = export(model, tmp_path / "out")
    assert export(model, tmp_path / "out").manifest.seal == first.manifest.seal
    with pytest.raises(DriftError, match="dtype"):
        export(model, tmp_path / "out", dtype="bfloat16")


@pytest.mark.parametrize(("text", "n"), [("1B", 1), ("500MB", 500_000_000), ("1.5GiB", 3 << 29), ("2 KB", 2000)])
def test_sizes(text, n):
    assert size_bytes(text) == n


@pytest.mark.parametrize("text", ["5", "GB", "0GB", "-1MB", "5 gigabytes"])
def test_what_is_no_size_is_a_config_error(text):
    with pytest.raises(ConfigError, match="max_shard_size: not a size"):
        validate(SafetensorsConfig, {"max_shard_size": text})

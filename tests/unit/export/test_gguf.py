"""The stage: files, record, metadata from the lineage, resuming, refusals."""

import json

import pytest

gguf = pytest.importorskip("gguf")
for needed in ("torch", "transformers", "safetensors", "tokenizers"):
    pytest.importorskip(needed)

from lontar.core.artifact import Model  # noqa: E402
from lontar.core.config import validate  # noqa: E402
from lontar.errors import ConfigError, DataError, GateError, LicenseError  # noqa: E402
from lontar.export import GgufConfig  # noqa: E402
from lontar.export import gguf as export_gguf  # noqa: E402
from tests.unit.export.conftest import TinyConfig, tiny_model  # noqa: E402


def export(model, out, **given):
    return export_gguf(out, model, config=validate(GgufConfig, given))


@pytest.fixture(scope="module")
def made(model, tmp_path_factory):
    types = ["F32", "F16", "Q8_0"]
    return export(model, tmp_path_factory.mktemp("gguf") / "out", types=types, name="Tiny", tolerance=0.01)


def keys(path):
    reader = gguf.GGUFReader(str(path))
    return {name: field.contents() for name, field in reader.fields.items()}


def test_one_file_per_type_and_a_record(made):
    assert isinstance(made, Model) and made.verify() == []
    assert set(made.manifest.files) == {
        "model-F32.gguf", "model-F16.gguf", "model-Q8_0.gguf", "gguf.json", "lontar.json",
    }  # fmt: skip
    found = json.loads((made.path / "gguf.json").read_text(encoding="utf-8"))
    assert (
        found["files"]["F32"]["max_error"]
        == 0
        < found["files"]["F16"]["max_error"]
        < found["files"]["Q8_0"]["max_error"]
    )
    row = found["files"]["Q8_0"]["tensors"]["token_embd.weight"]
    assert row["type"] == "Q8_0" and 0 < row["max_error"] <= row["allowed"]
    # inner width 48 is no multiple of 32
    assert found["files"]["Q8_0"]["tensors"]["blk.0.ffn_down.weight"]["type"] == "F16"
    assert found["vocabulary"]["pre"] == "gpt-2" and found["architecture"] == "qwen3"
    sizes = [made.manifest.metrics[f"bytes.{kind}"] for kind in ("Q8_0", "F16", "F32")]
    assert sizes == sorted(sizes)
    assert json.loads((made.path / "lontar.json").read_text(encoding="utf-8"))["format"] == "gguf"


def test_the_file_says_what_it_is_and_where_from(made, model):
    found = keys(made.path / "model-F16.gguf")
    assert found["general.name"] == "Tiny" and found["general.license"] == "Apache-2.0"
    assert found["lontar.source.digest"] == model.digest
    assert found["lontar.source.fingerprint"] == model.manifest.fingerprint
    assert found["general.size_label"].endswith("K") and found["general.type"] == "model"
    assert found["tokenizer.chat_template"].startswith("{% for m in messages %}")


def test_by_default_what_a_device_takes(model, tmp_path):
    assert {n for n in export(model, tmp_path / "out").manifest.files if n.endswith(".gguf")} == {
        "model-F16.gguf", "model-Q8_0.gguf",
    }  # fmt: skip


def test_two_exports_have_the_same_digest(made, model, tmp_path):
    again = export(model, tmp_path / "out", types=["F32", "F16", "Q8_0"], name="Tiny", tolerance=0.01)
    assert again.digest == made.digest


def test_a_tolerance_that_is_not_met_stops(model, tmp_path):
    with pytest.raises(GateError, match="as Q8_0: off by"):
        export(model, tmp_path / "out", types=["Q8_0"], tolerance=1e-6)
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_on_the_way_is_found(model, tmp_path, monkeypatch):
    """What was written before a crash is checked again, not trusted."""
    from lontar.models import gguf as module

    real = module.write_gguf

    def spoiled(source, path, *rest):
        real(source, path, *rest)
        data = bytearray(path.read_bytes())
        data[-5] ^= 0x10
        path.write_bytes(data)

    monkeypatch.setattr(module, "write_gguf", spoiled)
    with pytest.raises(GateError, match="the source has"):
        export(model, tmp_path / "out", types=["F32"])


def test_unknown_terms_are_named_or_stop(tmp_path):
    model = tiny_model(tmp_path / "model", config=TinyConfig(license="LicenseRef-mine"))
    with pytest.raises(LicenseError, match="LicenseRef-mine"):
        export(model, tmp_path / "out", on_conflict="stop")
    assert export(model, tmp_path / "out", types=["F16"]).manifest.metrics["license.conflicts"] == 1


def test_what_float16_cannot_hold_is_named(tmp_path):
    model = tiny_model(tmp_path / "model", config=TinyConfig(scale=1e8))
    with pytest.raises(DataError, match=r"lm_head\.weight.*float16 ends"):
        export(model, tmp_path / "out", types=["F16"])


@pytest.mark.parametrize("types", [[], ["Q4_K_M"]])
def test_types_that_are_not_written(types):
    with pytest.raises(ConfigError, match="types"):
        validate(GgufConfig, {"types": types})

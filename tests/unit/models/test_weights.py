import json

import pytest
import torch

from lontar.errors import ArtifactError, IntegrityError, NotAnArtifactError
from lontar.models import weights
from lontar.models.weights import describe, read_index, read_tensors, write_weights

TENSORS = {
    "b.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "a.weight": torch.arange(5, dtype=torch.bfloat16),
    "c.ids": torch.arange(3, dtype=torch.int64),
    "d.scalar": torch.tensor(2.5, dtype=torch.float16),
    "e.turned": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
}


@pytest.mark.parametrize("shard_bytes", [10**9, 30, 1])
def test_round_trip(tmp_path, shard_bytes):
    files = write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__, shard_bytes=shard_bytes)
    again = dict(read_tensors(tmp_path))
    assert list(again) == sorted(TENSORS) and len(files) == {10**9: 1, 30: 4, 1: 5}[shard_bytes]
    assert all(torch.equal(again[k], v) and again[k].dtype == v.dtype for k, v in TENSORS.items())
    assert [name for name, _ in read_tensors(tmp_path, ["c.ids"])] == ["c.ids"]
    with pytest.raises(ArtifactError, match=r"no tensor 'x'"):
        list(read_tensors(tmp_path, ["x"]))


@pytest.mark.parametrize("shard_bytes", [10**9, 30])
def test_the_safetensors_library_reads_it(tmp_path, shard_bytes):
    from safetensors.torch import load_file

    files = write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__, shard_bytes=shard_bytes)
    again = {k: v for file in files for k, v in load_file(file).items()}
    assert again.keys() == TENSORS.keys() and all(torch.equal(again[k], v) for k, v in TENSORS.items())


def test_what_transformers_saves_is_read(folders, tmp_path):
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folders / "qwen3").save_pretrained(tmp_path, max_shard_size="300KB")
    index, old = read_index(tmp_path), read_index(folders / "qwen3")
    assert len({info.file for info in index.values()}) > 2
    assert {k: (v.dtype, v.shape) for k, v in index.items()} == {k: (v.dtype, v.shape) for k, v in old.items()}


def test_equal_tensors_give_equal_bytes(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        order = sorted(TENSORS, reverse=name == "y")
        write_weights(tmp_path / name, [i for n in order for i in describe({n: TENSORS[n]})], TENSORS.__getitem__)
    assert (tmp_path / "x" / weights.SINGLE).read_bytes() == (tmp_path / "y" / weights.SINGLE).read_bytes()


def test_one_tensor_at_a_time(tmp_path):
    asked = []
    write_weights(tmp_path, describe(TENSORS), lambda name: asked.append(name) or TENSORS[name])
    assert sorted(asked) == sorted(TENSORS)  # each once


def test_a_tensor_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"b\.weight: expected F32 \(3, 4\), got F32 \(4, 3\)"):
        write_weights(tmp_path, describe(TENSORS), lambda name: TENSORS[name].T if name[0] == "b" else TENSORS[name])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_file_cut_short_is_named(tmp_path, cut):
    (file,) = write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        read_index(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    files = write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__, shard_bytes=30)
    files[1].unlink()
    with pytest.raises(ArtifactError, match=r"model-00002-of-00004\.safetensors is missing"):
        read_index(tmp_path)


def test_pickled_weights_are_refused_with_the_way_out(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="pickled") as caught:
        read_index(tmp_path)
    assert "safe_serialization=True" in caught.value.hint
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(NotAnArtifactError, match=r"no model\.safetensors"):
        read_index(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"weight_map": 3}', "{}"])
def test_a_damaged_index_is_named(tmp_path, text):
    (tmp_path / weights.INDEX).write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"index\.json"):
        read_index(tmp_path)


def test_a_tensor_in_two_files_is_found(tmp_path):
    files = write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__, shard_bytes=30)
    files[1].write_bytes(files[0].read_bytes())
    with pytest.raises(IntegrityError, match="is also in"):
        read_index(tmp_path)


def test_the_index_tells_the_size(tmp_path):
    write_weights(tmp_path, describe(TENSORS), TENSORS.__getitem__, shard_bytes=30)
    index = json.loads((tmp_path / weights.INDEX).read_text(encoding="utf-8"))
    assert index["metadata"]["total_size"] == sum(t.numel() * t.element_size() for t in TENSORS.values())

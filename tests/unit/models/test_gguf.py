"""GGUF files against their source: what is in them, what the check finds, what is refused."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

gguf = pytest.importorskip("gguf")

from lontar.errors import DataError, GateError  # noqa: E402
from lontar.models import gguf_check  # noqa: E402
from lontar.models.gguf import FILE_TYPES, arranged, open_source, stored_type, write_gguf  # noqa: E402
from lontar.models.gguf_arch import label, llama3_factors, read_architecture  # noqa: E402
from lontar.models.gguf_check import check_gguf, expected_values  # noqa: E402
from lontar.models.gguf_names import Placed, plain_name  # noqa: E402
from lontar.models.gguf_pre import pre_name  # noqa: E402
from lontar.models.gguf_spm import scores_of  # noqa: E402
from lontar.models.gguf_vocab import read_vocabulary  # noqa: E402
from lontar.models.tiny import make_model  # noqa: E402
from lontar.models.vocab import train_bpe  # noqa: E402
from lontar.models.weights import TensorInfo  # noqa: E402

KEYS = {"general.name": "Tiny", "general.license": "CC0-1.0", "general.languages": ["lo", "th"]}


@pytest.fixture(scope="session")
def written(folders, tmp_path_factory):
    """Path of a file by architecture and type, made once."""
    root, made = tmp_path_factory.mktemp("gguf"), {}

    def path(name, kind):
        if (name, kind) not in made:
            made[name, kind] = root / f"{name}-{kind}.gguf"
            write_gguf(open_source(folders / name), made[name, kind], kind, KEYS)
        return made[name, kind]

    return path


def edit(folder, name, **fields):
    """Change fields of a JSON file; None removes one."""
    data = {**json.loads((folder / name).read_text(encoding="utf-8")), **fields}
    (folder / name).write_text(json.dumps({k: v for k, v in data.items() if v is not None}), encoding="utf-8")


def read(path):
    return gguf.GGUFReader(str(path))


def value(reader, key):
    field = reader.get_field(key)
    return None if field is None else field.contents()


# --- tensors


@pytest.mark.parametrize("kind", FILE_TYPES)
@pytest.mark.parametrize("name", ["qwen3", "llama", "gemma3"])
def test_every_tensor_is_there_within_what_its_type_allows(folders, written, name, kind):
    errors = check_gguf(open_source(folders / name), written(name, kind), kind, KEYS)
    layers = {"qwen3": 11, "llama": 9, "gemma3": 13}[name]
    assert len(errors) == 2 * layers + 2  # two layers, embedding, last norm; the head is the embedding
    assert all(0 <= e.max_error <= e.allowed for e in errors)
    assert {e.type for e in errors if "norm" in e.name} == {"F32"}
    assert {e.type for e in errors if "norm" not in e.name} == {kind}
    assert max(e.max_error for e in errors) == 0 if kind == "F32" else max(e.max_error for e in errors) > 0


def test_f32_holds_the_very_values(folders, written):
    from lontar.models.weights import read_tensors

    source = {name: tensor.numpy() for name, tensor in read_tensors(folders / "qwen3")}
    stored = {t.name: t.data for t in read(written("qwen3", "F32")).tensors}
    assert np.array_equal(stored["token_embd.weight"], source["model.embed_tokens.weight"])
    assert np.array_equal(stored["blk.1.attn_q.weight"], source["model.layers.1.self_attn.q_proj.weight"])
    assert np.array_equal(stored["blk.0.attn_k_norm.weight"], source["model.layers.0.self_attn.k_norm.weight"])


def test_gemma_norms_hold_one_more_and_llama_rows_are_interleaved(folders, written):
    from lontar.models.weights import read_tensors

    gemma = dict(read_tensors(folders / "gemma3", ["model.norm.weight"]))["model.norm.weight"].numpy()
    stored = {t.name: t.data for t in read(written("gemma3", "F32")).tensors}
    assert np.array_equal(stored["output_norm.weight"], gemma + 1)
    key = "model.layers.0.self_attn.k_proj.weight"
    llama = dict(read_tensors(folders / "llama", [key]))[key].numpy()
    stored = {t.name: t.data for t in read(written("llama", "F32")).tensors}["blk.0.attn_k.weight"]
    assert np.array_equal(stored[:4], llama[[0, 16, 1, 17]])  # head width 32: d and d + 16 together
    assert np.array_equal(stored[32:34], llama[[32, 48]])


def test_the_check_arranges_rows_by_another_way_than_the_writer():
    values = np.arange(24, dtype=np.float32).reshape(12, 2)
    placed = Placed(TensorInfo("q", Path("x"), "F32", (12, 2)), "blk.0.attn_q.weight", permuted_heads=3)
    assert np.array_equal(arranged(placed, values), expected_values(placed, values))
    assert arranged(placed, values)[:4, 0].tolist() == [0, 4, 2, 6]


def test_an_untied_head_is_written_and_a_tied_one_is_not(tokenizer, folders, written, tmp_path):
    make_model(tmp_path / "m", "nano", "llama", tokenizer=tokenizer, tied=False)
    write_gguf(open_source(tmp_path / "m"), tmp_path / "m.gguf", "F16", {})
    assert "output.weight" in {t.name for t in read(tmp_path / "m.gguf").tensors}
    assert "output.weight" not in {t.name for t in read(written("llama", "F16")).tensors}


def test_bfloat16_weights_become_exact_float32(tokenizer, tmp_path):
    make_model(tmp_path / "m", "nano", tokenizer=tokenizer, dtype="bfloat16")
    source = open_source(tmp_path / "m")
    write_gguf(source, tmp_path / "m.gguf", "F32", {})
    assert max(e.max_error for e in check_gguf(source, tmp_path / "m.gguf", "F32", {})) == 0


def test_rows_that_do_not_divide_into_blocks_are_f16_in_a_q8_0_file():
    matrix = {n: Placed(TensorInfo("x", Path("x"), "F32", (4, n)), "blk.0.ffn_up.weight") for n in (64, 48)}
    assert [stored_type(matrix[n], "Q8_0") for n in (64, 48)] == ["Q8_0", "F16"]
    assert stored_type(matrix[48], "F32") == "F32"


def test_memory_is_for_one_tensor(folders, monkeypatch, tmp_path):
    """A tensor is asked for only after the one before it was written."""
    import lontar.models.gguf as module

    alive, most = 0, 0

    class Held(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    real = module.read_tensors

    def counted(folder, names):
        nonlocal alive, most
        for name, tensor in real(folder, names):
            alive += 1
            most = max(most, alive)
            yield name, _Float(tensor)

    class _Float:
        def __init__(self, tensor):
            self.tensor = tensor

        def float(self):
            return self

        def numpy(self):
            return self.tensor.float().numpy().copy().view(Held)

    monkeypatch.setattr(module, "read_tensors", counted)
    monkeypatch.setattr(module, "_encoded", lambda gguf, placed, values, kind: np.array(arranged(placed, values)))
    write_gguf(open_source(folders / "qwen3"), tmp_path / "m.gguf", "F32", {})
    assert most <= 2  # the one being written, and the next


def test_the_same_source_gives_the_same_bytes(folders, written, tmp_path):
    write_gguf(open_source(folders / "qwen3"), tmp_path / "again.gguf", "Q8_0", KEYS)
    assert (tmp_path / "again.gguf").read_bytes() == written("qwen3", "Q8_0").read_bytes()


def test_values_that_float16_cannot_hold_are_named(copied, tmp_path):
    spoil(copied, "model.norm.weight", lambda t: t)  # rewriting alone changes nothing
    spoil(copied, "model.layers.0.mlp.up_proj.weight", lambda t: t * 1e8)
    write_gguf(open_source(copied), tmp_path / "m.gguf", "F32", {})
    with pytest.raises(DataError, match=r"up_proj\.weight.*float16 ends at 65,504"):
        write_gguf(open_source(copied), tmp_path / "m.gguf", "F16", {})
    spoil(copied, "model.norm.weight", lambda t: t * math.nan)
    with pytest.raises(DataError, match=r"model\.norm\.weight.*not numbers"):
        write_gguf(open_source(copied), tmp_path / "n.gguf", "F32", {})
    assert not (tmp_path / "n.gguf").exists()


def spoil(folder, name, change):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors[name] = change(tensors[name]).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


# --- keys


def test_llama_cpp_finds_its_numbers(folders, written):
    reader = read(written("qwen3", "Q8_0"))
    expected = {
        "general.architecture": "qwen3", "general.name": "Tiny", "general.license": "CC0-1.0", "general.file_type": 7,
        "general.quantization_version": 2, "general.languages": ["lo", "th"], "qwen3.block_count": 2,
        "qwen3.embedding_length": 128, "qwen3.feed_forward_length": 352, "qwen3.attention.head_count": 4,
        "qwen3.attention.head_count_kv": 2, "qwen3.attention.key_length": 32, "qwen3.attention.value_length": 32,
        "qwen3.context_length": 1024, "qwen3.rope.freq_base": 10000.0, "tokenizer.ggml.pre": "qwen35",
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.add_eos_token": False,
        "lontar.normalization": ["nfc"], "lontar.tokenizer.normalizer": "NFC",
    }  # fmt: skip
    assert {key: value(reader, key) for key in expected} == expected
    assert value(reader, "tokenizer.chat_template").startswith("{%- for message in messages")
    assert value(read(written("gemma3", "F32")), "gemma3.attention.sliding_window_pattern") == [True, False]
    assert value(read(written("gemma3", "F32")), "gemma3.rope.freq_base_swa") == 10000.0
    assert value(read(written("llama", "F32")), "general.file_type") == 0


def test_the_vocabulary_is_that_of_the_tokenizer(folders, written, tokenizer):
    reader = read(written("qwen3", "F32"))
    tokens, types = (value(reader, f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    assert {token: i for i, token in enumerate(tokens)} == tokenizer.get_vocab()
    special = {tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")}
    assert {i for i, kind in enumerate(types) if kind == 3} == special
    assert set(types) == {1, 3}
    merges = [" ".join(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]]
    assert value(reader, "tokenizer.ggml.merges") == merges
    ends = {name: value(reader, f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos", "eot", "padding")}
    end, turn = (tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_end|>"))
    assert ends == {"bos": end, "eos": turn, "eot": end, "padding": end}


def test_rows_without_a_token_are_unused(copied, tokenizer):
    size = tokenizer.get_vocab_size()
    made = read_vocabulary(copied, size + 3)
    assert made.tokens[size:] == tuple(f"[PAD{size + i}]" for i in range(3))
    assert made.types[size:] == (5, 5, 5)
    with pytest.raises(DataError, match="has no row in the embedding"):
        read_vocabulary(copied, size - 1)


def test_a_start_token_is_announced_and_other_frames_are_refused(copied, tokenizer):
    def framed(*after):
        single = [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
        single += [{"SpecialToken": {"id": token, "type_id": 0}} for token in after]
        ids = {t: {"id": t, "ids": [tokenizer.token_to_id(t)], "tokens": [t]} for t in ("<|im_start|>", "<|im_end|>")}
        return {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": ids,
        }

    edit(copied, "tokenizer.json", post_processor=framed())
    made = read_vocabulary(copied, tokenizer.get_vocab_size())
    assert (made.add_bos, made.add_eos, made.ids["bos"]) == (True, False, tokenizer.token_to_id("<|im_start|>"))
    edit(copied, "tokenizer.json", post_processor=framed("<|im_end|>"))
    assert read_vocabulary(copied, tokenizer.get_vocab_size()).add_eos
    edit(copied, "tokenizer.json", post_processor=framed("<|im_end|>", "<|im_end|>"))
    with pytest.raises(DataError, match="room for one before and one after"):
        read_vocabulary(copied, tokenizer.get_vocab_size())


# --- what the check finds


def damaged(path, target, change):
    data = bytearray(path.read_bytes())
    change(data)
    target.write_bytes(data)
    return target


def test_one_changed_value_is_found_with_its_place(folders, written, tmp_path):
    source = open_source(folders / "qwen3")
    stored = {t.name: t for t in read(written("qwen3", "F32")).tensors}["blk.0.ffn_up.weight"]
    place = int(stored.data_offset) + 4 * (2 * 128 + 5)  # row 2, column 5

    def change(data):
        data[place : place + 4] = np.float32(np.frombuffer(data[place : place + 4], np.float32)[0] + 1e-6).tobytes()

    path = damaged(written("qwen3", "F32"), tmp_path / "x.gguf", change)
    with pytest.raises(GateError, match=r"blk\.0\.ffn_up\.weight\[2, 5\] is"):
        check_gguf(source, path, "F32", KEYS)


def test_a_damaged_scale_is_found(folders, written, tmp_path):
    stored = {t.name: t for t in read(written("qwen3", "Q8_0")).tensors}["token_embd.weight"]
    place = int(stored.data_offset) + 34 * 3

    def change(data):
        data[place : place + 2] = np.float16(np.frombuffer(data[place : place + 2], np.float16)[0] * 1.02).tobytes()

    path = damaged(written("qwen3", "Q8_0"), tmp_path / "x.gguf", change)
    with pytest.raises(GateError, match=r"token_embd\.weight\[0, "):
        check_gguf(open_source(folders / "qwen3"), path, "Q8_0", KEYS)


def test_another_token_or_key_is_found(folders, written, tmp_path):
    source = open_source(folders / "qwen3")
    path = damaged(written("qwen3", "F32"), tmp_path / "x.gguf", lambda d: d.__setitem__(d.index(b"qwen35"), ord("Q")))
    with pytest.raises(GateError, match=r"tokenizer\.ggml\.pre is 'Qwen35'"):
        check_gguf(source, path, "F32", KEYS)
    with pytest.raises(GateError, match=r"general\.name is 'Tiny', expected 'Other'"):
        check_gguf(source, written("qwen3", "F32"), "F32", {**KEYS, "general.name": "Other"})
    with pytest.raises(GateError, match=r"is F32 .*expected F16"):
        check_gguf(source, written("qwen3", "F32"), "F16", KEYS)


def test_a_vocabulary_of_another_tokenizer_is_found(folders, written, copied):
    edit(
        copied,
        "tokenizer.json",
        model={**json.loads((copied / "tokenizer.json").read_text("utf-8"))["model"], "merges": []},
    )
    reader = read(written("qwen3", "F32"))
    gguf_check._check_vocabulary(reader, folders / "qwen3", Path("x"))
    with pytest.raises(GateError, match="merges differ"):
        gguf_check._check_vocabulary(reader, copied, Path("x"))


def test_a_missing_tensor_is_found(folders, written):
    source = open_source(folders / "qwen3")
    fewer = replace(source, tensors=source.tensors[:-1])
    with pytest.raises(GateError, match=r"output_norm\.weight is not expected"):
        check_gguf(fewer, written("qwen3", "F32"), "F32", KEYS)


# --- what is refused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "no GGUF is written for"),
        ({"hidden_act": "relu"}, "activation relu"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "'yarn' are not exported"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"num_hidden_layers": 3}, "needs blk.2"),
        ({"num_hidden_layers": 1}, "has no name in GGUF"),
        ({"tie_word_embeddings": False}, "needs output.weight"),
    ],
)
def test_what_would_compute_something_else_is_refused(copied, change, said):
    edit(copied, "config.json", **change)
    with pytest.raises(DataError, match=said):
        open_source(copied)


def test_gemma_with_another_attention_scale_is_refused(folders, tmp_path):
    folder = shutil.copytree(folders / "gemma3", tmp_path / "m")
    edit(folder, "config.json", query_pre_attn_scalar=7)
    with pytest.raises(DataError, match="query_pre_attn_scalar 7"):
        open_source(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": r"\p{L}+"}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}]}},
         "no name in llama.cpp"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "not byte-level BPE"),
        ({"normalizer": {"type": "Lowercase"}}, "Lowercase"),
        ({"normalizer": {"type": "NFKC"}}, "NFKC"),
    ],
)  # fmt: skip
def test_tokenizers_that_llama_cpp_cannot_follow_are_refused(copied, tokenizer, change, said):
    edit(copied, "tokenizer.json", **change)
    with pytest.raises(DataError, match=said) as err:
        read_vocabulary(copied, tokenizer.get_vocab_size())
    assert "no name" not in said or "qwen35" in str(err.value.hint)


def test_gpt_4o_is_refused_with_the_reason():
    made = json.loads(train_bpe(["the cat sat on the mat"] * 3, 300, pattern="gpt-4o").to_str())
    with pytest.raises(DataError, match="cuts at every combining mark"):
        pre_name(made, Path("tokenizer.json"))


@pytest.mark.parametrize(
    ("pattern", "ignore", "name"),
    [("qwen2", False, "qwen2"), ("qwen35", False, "qwen35"), ("llama-bpe", True, "llama-bpe"),
     ("llama-bpe", False, "smaug-bpe"), ("qwen35", True, "qwen35")],
)  # fmt: skip
def test_names_of_patterns(pattern, ignore, name):
    made = json.loads(train_bpe(["the cat sat on the mat"] * 3, 290, pattern=pattern).to_str())
    made["model"]["ignore_merges"] = ignore
    assert pre_name(made, Path("tokenizer.json")) == name


def test_whole_word_lookup_that_matters_is_refused():
    made = json.loads(train_bpe(["the cat sat on the mat"] * 3, 290).to_str())
    made["model"]["ignore_merges"] = True
    made["model"]["vocab"]["zebra"] = len(made["model"]["vocab"])
    with pytest.raises(DataError, match=r"ignore_merges is true.*'zebra'"):
        pre_name(made, Path("tokenizer.json"))


def test_an_added_token_that_eats_spaces_is_refused(copied, tokenizer):
    tree = json.loads((copied / "tokenizer.json").read_text(encoding="utf-8"))
    tree["added_tokens"][0]["lstrip"] = True
    (copied / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(DataError, match="is lstrip"):
        read_vocabulary(copied, tokenizer.get_vocab_size())


# --- SentencePiece style


def spm(merges, vocab):
    return {
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "model": {"vocab": {token: i for i, token in enumerate(vocab)}, "merges": merges, "byte_fallback": True},
    }


def test_scores_say_what_merges_say():
    tree = spm([["a", "b"], ["b", "c"], ["ab", "c"], ["a", "bc"]], ["<0x61>", "a", "b", "c", "ab", "bc", "abc", "odd"])
    tokens = list(tree["model"]["vocab"])
    assert scores_of(tree, tokens, [6, *[1] * 7], "x") == (0.0, 0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -1e9)
    del tree["model"]["merges"][3]
    with pytest.raises(DataError, match="'abc' has 1 merges of 2 possible"):
        scores_of(tree, tokens, [6, *[1] * 7], "x")
    tree["normalizer"] = None
    with pytest.raises(DataError, match="prepares text otherwise"):
        scores_of(tree, tokens, [6, *[1] * 7], "x")


# --- numbers and names


def test_llama_3_factors_are_those_of_transformers():
    import torch
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}  # fmt: skip
    config = LlamaConfig(hidden_size=256, num_attention_heads=2, rope_parameters=rope)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = 1 / 500000.0 ** (torch.arange(0, 128, 2).float() / 128)
    assert llama3_factors(rope, 500000.0, 128) == pytest.approx((plain / scaled).tolist(), rel=1e-5)


def test_old_and_new_forms_of_rope_settings_agree(copied):
    new = read_architecture(copied, 400).values
    edit(copied, "config.json", rope_parameters=None, rope_theta=10000.0, rope_scaling=None)
    assert read_architecture(copied, 400).values == new
    edit(copied, "config.json", rope_scaling={"type": "linear", "factor": 2.0})
    made = read_architecture(copied, 400).values
    assert (made["rope.scaling.type"], made["rope.scaling.factor"], made["rope.freq_base"]) == ("linear", 2.0, 1e4)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("language_model.model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        ("model.language_model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        ("model.language_model.norm.weight", "model.norm.weight"),
        ("language_model.lm_head.weight", "lm_head.weight"),
        ("model.embed_tokens.weight", "model.embed_tokens.weight"),
    ],
)
def test_names_inside_a_larger_model(name, plain):
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("n", "text"), [(1_720_000_000, "1.7B"), (268_000_000, "268M"), (8_000_000_000, "8B"), (413_000, "413K")]
)
def test_sizes_as_file_names_have_them(n, text):
    assert label(n) == text

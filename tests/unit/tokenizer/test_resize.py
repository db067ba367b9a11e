import json

import pytest

for name in ("torch", "transformers", "safetensors"):
    pytest.importorskip(name)

import torch  # noqa: E402

from lontar.core.shards import write_json  # noqa: E402
from lontar.errors import ArtifactError  # noqa: E402
from lontar.models.tiny import make_model  # noqa: E402
from lontar.models.vocab import write_tokenizer  # noqa: E402
from lontar.models.weights import read_index, read_tensors  # noqa: E402
from lontar.tokenizer.base import open_base  # noqa: E402
from lontar.tokenizer.resize import (  # noqa: E402
    copy_rest,
    is_tied,
    method_of,
    padded,
    plan,
    resize,
    revived_tokens,
    with_rows,
)
from lontar.tokenizer.resize_config import ResizeConfig  # noqa: E402
from tests.unit.tokenizer.test_base import dead_word  # noqa: E402

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"


@pytest.fixture(scope="module")
def models(tmp_path_factory, base):
    root = tmp_path_factory.mktemp("models")
    for architecture in ("qwen3", "llama", "gemma3"):
        for tied in (True, False):
            folder = root / f"{architecture}-{tied}"
            dtype = "bfloat16" if architecture == "llama" else "float32"
            make_model(folder, "nano", architecture, tokenizer=base.tokenizer, tied=tied, dtype=dtype)
    return root


def resized(source, target, old, new, config=None, seed=0):
    config = config or ResizeConfig()
    target.mkdir()
    tokenizer = target.parent / f"{target.name}-tokenizer"
    write_tokenizer(tokenizer, new.tokenizer)
    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    growth = plan(settings, old, new, config.multiple)
    resize(source, target, growth, config, seed)
    copy_rest(source, target, sorted(p.name for p in source.iterdir()), tokenizer, growth.rows)
    return growth


def tensors(folder):
    return dict(read_tensors(folder))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gemma3"])
def test_shapes_types_and_loading(models, tmp_path, extension, architecture, tied):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, target = models / f"{architecture}-{tied}", tmp_path / "made"
    growth = resized(source, target, extension.original, extension.new)
    before, after = read_index(source), read_index(target)
    assert before.keys() == after.keys() and (HEAD in after) == (not tied)
    for name, info in before.items():
        rows = extension.new.size if name in (EMBED, HEAD) else info.shape[0]
        assert after[name].shape == (rows, *info.shape[1:]) and after[name].dtype == info.dtype
    assert growth.rows == extension.new.size
    model = AutoModelForCausalLM.from_pretrained(target)
    assert model.config.vocab_size == extension.new.size
    ids = torch.tensor([AutoTokenizer.from_pretrained(target)("สวัสดี ครับ")["input_ids"]])
    assert int(ids.max()) >= extension.original.size, "a new token is used"
    with torch.no_grad():
        old_model = AutoModelForCausalLM.from_pretrained(source)
        plain = torch.tensor([extension.original.encode("the cat")])
        old, new = old_model(plain).logits, model(plain).logits
    assert new.shape[-1] == extension.new.size and torch.isfinite(model(ids).logits).all()
    assert torch.equal(old, new[..., : old.shape[-1]]), "old text is computed as before"


def test_rows_by_hand_tied_and_untied(models, tmp_path, extension):
    token, id_ = max(extension.new_ids.items(), key=lambda item: len(extension.original.old_pieces(item[0])))
    pieces = extension.original.old_pieces(token)
    assert len(pieces) > 2
    for tied in (True, False):
        source, target = models / f"qwen3-{tied}", tmp_path / f"made-{tied}"
        resized(source, target, extension.original, extension.new)
        old, new = tensors(source), tensors(target)
        mean = old[EMBED][pieces].mean(0)
        weights = torch.tensor([2.0**j for j in range(len(pieces))])
        last = (weights[:, None] * old[EMBED][pieces]).sum(0) / weights.sum()
        assert torch.allclose(new[EMBED][id_], mean if tied else last, atol=1e-6)
        if not tied:
            assert torch.allclose(new[HEAD][id_], old[HEAD][pieces].mean(0), atol=1e-6)
        for name in old:
            assert torch.equal(new[name][: old[name].shape[0]], old[name])


def test_two_runs_give_equal_bytes_and_seeds_matter_for_random_rows(models, tmp_path, extension):
    made = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = ResizeConfig(method="random")
        resized(models / "qwen3-True", tmp_path / name, extension.original, extension.new, config, seed)
        made[name] = (tmp_path / name / "model.safetensors").read_bytes()
    assert made["a"] == made["b"] != made["c"]


def test_which_rows_are_made_how():
    auto, mean, weighted = ResizeConfig(), ResizeConfig(input="mean"), ResizeConfig(input="last_weighted")
    assert [method_of(EMBED, tied, auto) for tied in (True, False)] == ["mean", "last_weighted"]
    assert method_of(HEAD, False, auto) == method_of(HEAD, False, weighted) == "mean"
    assert method_of(EMBED, False, mean) == "mean" and method_of(EMBED, True, weighted) == "last_weighted"
    assert method_of(HEAD, False, ResizeConfig(method="random")) == "random"


def test_spare_rows_are_used_first(base, extension):
    spare = plan({"vocab_size": 2048}, extension.original, extension.new)
    assert spare.rows == 2048 and spare.old_rows == 2048
    tight = plan({"vocab_size": base.size}, extension.original, extension.new)
    assert tight.rows == extension.new.size
    padded_base = plan({"text_config": {"vocab_size": 640}}, extension.original, extension.new)
    assert padded_base.rows % 128 == 0 and padded_base.rows >= extension.new.size
    assert set(tight.pieces) == set(extension.new_ids.values())


def test_padding():
    assert [padded(1000, False, None), padded(1000, True, None), padded(1024, True, None)] == [1000, 1024, 1024]
    assert padded(1000, False, 64) == 1024 and padded(1000, True, 1) == 1000


def test_tokens_that_the_base_could_not_produce_get_new_rows(base, extension):
    """Under `qwen2` the word กี is cut, so its row was never trained; under `qwen35` it is produced."""
    old, word = dead_word(base)
    new = type(old)({**old.tree, "pre_tokenizer": extension.new.tree["pre_tokenizer"]})
    assert revived_tokens(old, new) == [(old.vocab[word], word)]
    assert revived_tokens(old, old) == []
    growth = plan({"vocab_size": old.size}, old, new)
    assert growth.revived == 1 and growth.pieces == {old.vocab[word]: [old.vocab[word[:3]], old.vocab[word[3:]]]}


def test_a_tokenizer_of_another_base_is_refused(base, extension):
    from tests.unit.tokenizer.conftest import make_base

    other = make_base(vocab_size=400)
    with pytest.raises(ArtifactError, match=r"does not extend the model's own: \d+ old tokens") as caught:
        plan({"vocab_size": base.size}, other.extended([]), extension.new)
    assert "tokenizer extend" in caught.value.hint
    with pytest.raises(ArtifactError, match="does not extend"):
        plan({"vocab_size": extension.new.size}, extension.new, extension.original)


def test_a_config_without_rows_and_weights_of_another_size_are_refused(models, tmp_path, extension):
    with pytest.raises(ArtifactError, match="no vocab_size"):
        plan({}, extension.original, extension.new)
    growth = plan({"vocab_size": 5000}, extension.original, extension.new)
    with pytest.raises(ArtifactError, match="of 5000 rows"):
        resize(models / "qwen3-True", tmp_path, growth, ResizeConfig(), 0)


def test_ties_are_read_from_the_weights_where_the_config_is_silent(models):
    tied, untied = (read_index(models / f"llama-{t}") for t in (True, False))
    assert is_tied({}, tied) and not is_tied({}, untied)
    assert is_tied({"tie_word_embeddings": True}, untied), "a stored copy of a tied head is not used"
    assert is_tied({"text_config": {"tie_word_embeddings": True}}, untied)


def test_rows_stand_where_the_config_had_them():
    assert with_rows({"vocab_size": 1, "x": 2}, 9) == {"vocab_size": 9, "x": 2}
    assert with_rows({"text_config": {"vocab_size": 1}}, 9) == {"text_config": {"vocab_size": 9}}
    assert with_rows({"text_config": {"vocab_size": 1}, "vocab_size": 1}, 9) == {
        "text_config": {"vocab_size": 9}, "vocab_size": 9,
    }  # fmt: skip


def test_other_files_go_along_but_old_vocabularies_do_not(models, tmp_path, extension):
    source = tmp_path / "source"
    import shutil

    shutil.copytree(models / "qwen3-True", source)
    (source / "merges.txt").write_text("old", encoding="utf-8")
    (source / "vocab.json").write_text("{}", encoding="utf-8")
    (source / "LICENSE").write_text("terms", encoding="utf-8")
    write_json(source / "lontar.json", {"format": "safetensors", "normalization": ["nfc", "sara_am"]})
    resized(source, tmp_path / "made", extension.original, extension.new)
    made = {path.name for path in (tmp_path / "made").iterdir()}
    assert {"LICENSE", "generation_config.json", "lontar.json", "chat_template.jinja"} <= made
    assert made.isdisjoint({"merges.txt", "vocab.json"})
    for name in ("lontar.json", "generation_config.json", "chat_template.jinja", "LICENSE"):
        assert (tmp_path / "made" / name).read_bytes() == (source / name).read_bytes()
    assert open_base(tmp_path / "made").ids == extension.new.ids


def test_another_chat_template_is_refused(models, tmp_path, extension):
    tokenizer = tmp_path / "tokenizer"
    write_tokenizer(tokenizer, extension.new.tokenizer, chat_template="{{ messages }}")
    with pytest.raises(ArtifactError, match="chat template"):
        copy_rest(models / "qwen3-True", tmp_path, [], tokenizer, 10)

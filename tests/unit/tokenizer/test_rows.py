"""Rows by every method, and a model that moves to another tokenizer, as whole artifacts on tiny models."""

from __future__ import annotations

import json

import pytest

for name in ("torch", "transformers", "safetensors"):
    pytest.importorskip(name)

import torch  # noqa: E402

from lontar.core.artifact import Model, Tokenizer  # noqa: E402
from lontar.errors import ArtifactError, ConfigError  # noqa: E402
from lontar.models.load import open_model  # noqa: E402
from lontar.models.stages import AdoptConfig  # noqa: E402
from lontar.models.stages import adopt as adopt_model  # noqa: E402
from lontar.models.tiny import make_model  # noqa: E402
from lontar.models.vocab import train_bpe, write_tokenizer  # noqa: E402
from lontar.models.weights import read_tensors  # noqa: E402
from lontar.tokenizer.base import open_base  # noqa: E402
from lontar.tokenizer.config import ExtendConfig  # noqa: E402
from lontar.tokenizer.embeddings import grow, new_rows  # noqa: E402
from lontar.tokenizer.resize_config import ResizeConfig, TransplantConfig  # noqa: E402
from lontar.tokenizer.stages import adopt as adopt_tokenizer  # noqa: E402
from lontar.tokenizer.stages import extend, resize, transplant  # noqa: E402
from lontar.tokenizer.transplant import with_ids  # noqa: E402
from tests.unit.tokenizer.conftest import make_base, sentences  # noqa: E402
from tests.unit.tokenizer.test_stages import make_corpus  # noqa: E402


def as_artifact(folder, kind):
    adopt = adopt_model if kind is Model else adopt_tokenizer
    target = folder.with_name(f"{folder.name}-adopted")
    return adopt(target, config=AdoptConfig(path=str(folder), license="CC0-1.0"))


EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def corpus(place):
    return make_corpus(place / "corpus")


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def model(request, place):
    folder = place / f"base-{request.param}"
    make_model(folder, "nano", "qwen3", tokenizer=make_base().tokenizer, tied=request.param)
    return as_artifact(folder, Model)


@pytest.fixture(scope="module")
def tokenizer(place, corpus):
    folder = place / "bare"
    folder.mkdir()
    write_tokenizer(folder, make_base().tokenizer)
    bare = as_artifact(folder, Tokenizer)
    return extend(place / "tokenizer", bare, corpus, config=ExtendConfig(new_tokens=120))


def tensors(folder):
    return dict(read_tensors(folder))


@pytest.mark.parametrize("method", ["mean", "hewitt", "omp", "distill", "random"])
def test_every_method_keeps_old_rows_and_makes_new_ones(method, model, tokenizer, corpus, tmp_path):
    config = ResizeConfig(method=method, steps=6, batch=4, measure=1)
    made = resize(tmp_path / "made", model, tokenizer, corpus, config=config)
    before, after = tensors(model.path), tensors(made.path)
    size = open_base(model.path).size
    freed = int(made.manifest.metrics["freed_tokens"])
    for name in (EMBED, HEAD):
        if name in before:
            same = (after[name][:size] == before[name][:size]).all(dim=1)
            assert size - int(same.sum()) <= freed + int(made.manifest.metrics["revived_tokens"])
            rows = after[name][size:]
            assert torch.isfinite(rows).all() and len(rows.unique(dim=0)) > len(rows) // 2
    report = json.loads((made.path / "resize.json").read_text(encoding="utf-8"))
    assert report["method"] == method and report["bits_per_byte"]["th"]["bytes"] > 0
    again = resize(tmp_path / "again", model, tokenizer, corpus, config=config)
    assert again.digest == made.digest, "the same seed gives the same bytes"


def test_distillation_needs_text(model, tokenizer, tmp_path):
    with pytest.raises(ConfigError, match="no corpus is given"):
        resize(tmp_path / "no", model, tokenizer, config=ResizeConfig(method="distill"))


def test_distillation_comes_closer_than_it_began(model, tokenizer, corpus, tmp_path):
    config = ResizeConfig(method="distill", steps=20, batch=6, measure=0)
    numbers = resize(tmp_path / "made", model, tokenizer, corpus, config=config).manifest.metrics
    assert numbers["distill.loss.last"] < numbers["distill.loss.first"]
    assert numbers["distill.tokens"] > 20


def test_hewitts_rows_lie_around_the_mean_as_the_old_ones_do():
    torch.manual_seed(0)
    old = torch.randn(400, 8) * torch.tensor([5.0, 1, 1, 1, 1, 1, 1, 0.1]) + 3
    rows = new_rows(old, {i: [0] for i in range(2000)}, "hewitt", 1)
    assert torch.allclose(rows.mean(dim=0), old.mean(dim=0), atol=1e-2)
    assert rows[:, 0].std() > 10 * rows[:, 7].std()
    assert rows.std(dim=0).max() < 0.1 * old.std(dim=0).max(), "close together: none is likely by chance"


def test_copied_and_idle_rows():
    old = torch.arange(12.0).reshape(6, 2)
    made = grow(old, 4, {3: [0, 1]}, "mean", 0, kept={0: 5, 1: 2}, idle=[1])
    assert made.tolist() == [[10, 11], [5, 6], [5, 6], [1, 2]]


# --- another tokenizer ------------------------------------------------------------------------------------------------


def other_tokenizer(folder, eos="<|im_end|>", pattern="qwen35"):
    """Trained on other text, with its special tokens at other ids."""
    texts = sentences()
    made = train_bpe([*texts["th"], *texts["id"]], 500, pattern=pattern, specials=("<|extra|>", "<|im_start|>", eos))
    folder.mkdir()
    write_tokenizer(folder, made, eos=eos, pad=eos)
    return as_artifact(folder, Tokenizer)


def test_a_model_moves_to_another_tokenizer(model, tmp_path):
    tokenizer = other_tokenizer(tmp_path / "other")
    made = transplant(tmp_path / "made", model, tokenizer, config=TransplantConfig(measure=2))
    old, new = open_base(model.path), open_base(made.path)
    assert new.ids == open_base(tokenizer.path).ids
    before, after = tensors(model.path), tensors(made.path)
    shared = [token for token in new.vocab if token in old.vocab and old.encode(_text(token)) == [old.ids[token]]]
    assert len(shared) > 100
    for token in [*shared, "<|im_end|>"]:
        assert torch.equal(after[EMBED][new.ids[token]], before[EMBED][old.ids[token]])
    settings = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert settings["vocab_size"] == after[EMBED].shape[0] == new.size
    generation = json.loads((made.path / "generation_config.json").read_text(encoding="utf-8"))
    assert new.ids["<|im_end|>"] in generation["eos_token_id"]
    loaded = open_model(made.path)
    assert loaded.tokenizer.encode("สวัสดี").ids == new.encode("สวัสดี")
    assert made.manifest.metrics["shared_tokens"] >= len(shared)


def _text(token):
    from lontar.tokenizer.base import text_of

    return text_of(token)


def test_a_special_token_of_another_name_takes_over_the_row_of_its_part(model, tmp_path):
    tokenizer = other_tokenizer(tmp_path / "other", eos="<|stop|>")
    config = TransplantConfig(measure=0, chat_template="none")
    made = transplant(tmp_path / "made", model, tokenizer, config=config)
    old, new = open_base(model.path), open_base(made.path)
    before, after = tensors(model.path)[EMBED], tensors(made.path)[EMBED]
    assert torch.equal(after[new.ids["<|stop|>"]], before[old.ids["<|im_end|>"]])
    assert not (made.path / "chat_template.jinja").exists()


def test_a_template_that_the_tokenizer_cannot_write_is_refused(model, tmp_path):
    tokenizer = other_tokenizer(tmp_path / "other", eos="<|stop|>")
    with pytest.raises(ArtifactError, match="has no chat template"):
        transplant(tmp_path / "made", model, tokenizer, config=TransplantConfig(measure=0))


def test_rows_from_a_donor(model, tmp_path):
    tokenizer = other_tokenizer(tmp_path / "other")
    folder = tmp_path / "donor"
    make_model(folder, "nano", "llama", tokenizer=open_base(tokenizer.path).tokenizer, seed=5)
    donor = as_artifact(folder, Model)
    made = transplant(tmp_path / "made", model, tokenizer, donor=donor, config=TransplantConfig(measure=0))
    plain = transplant(tmp_path / "plain", model, tokenizer, config=TransplantConfig(measure=0))
    assert not torch.equal(tensors(made.path)[EMBED], tensors(plain.path)[EMBED])
    with pytest.raises(ArtifactError, match="is not the one that the model moves to"):
        transplant(tmp_path / "no", model, tokenizer, donor=model, config=TransplantConfig(measure=0))


def test_special_ids_of_configs_are_mapped():
    config = {"bos_token_id": 1, "eos_token_id": [2, 9], "pad_token_id": None, "text_config": {"image_token_id": 3}}
    found = with_ids(config, {1: 11, 2: 12}, {"eos": 12, "image": 13})
    assert found == {
        "bos_token_id": 11,
        "eos_token_id": [12],
        "pad_token_id": None,
        "text_config": {"image_token_id": 13},
    }

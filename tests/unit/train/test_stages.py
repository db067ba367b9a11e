import json
import random

import pytest
import torch

from lontar.core.artifact import Corpus, Model
from lontar.core.config import Config, validate
from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.core.shards import write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import ConfigError, DataError, UnknownNameError
from lontar.models.load import open_model
from lontar.train import CptConfig, PretrainConfig, cpt, loop, pretrain

WORDS = {
    "en": "the a cat dog sat ran on under mat tree red old house and with near".split(),
    "id": "kucing anjing duduk lari di bawah tikar pohon merah tua rumah dan dengan dekat".split(),
    "th": "แมว หมา นั่ง วิ่ง บน ใต้ เสื่อ ต้นไม้ แดง เก่า บ้าน และ กับ ใกล้".split(),
}
USING = {"seed": 5, "resources": Resources(device="cpu", threads=2)}


class TextConfig(Config):
    languages: tuple[str, ...] = ("en", "id", "th")
    held_out: bool = True


@stage("test.text", out=Corpus, version=1)
def make_text(job: Job, *, config: TextConfig = TextConfig()) -> None:  # noqa: B008 - frozen
    """Sentences of words drawn at random, so that there is something to learn and nothing to remember."""
    for lang in config.languages:
        rng = random.Random(lang)
        join = "" if lang == "th" else " "
        for split, n in (("train", 60), ("heldout", 20)):
            rows = [
                {"id": str(i), "text": join.join(rng.choices(WORDS[lang], k=rng.randint(4, 12))), "lang": lang}
                for i in range(n)
            ]
            if split == "train" or config.held_out:
                write_jsonl(job.dir / split / f"{lang}-00000.jsonl.zst", rows)
    write_json(job.dir / "counts.json", {})
    job.add_license("CC0-1.0", "a test", 1)


def small(kind, **given):
    return validate(kind, {"steps": 40, "batch": 4, "seq_len": 32, "checkpoint_every": 15, **given})


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return make_text(tmp_path_factory.mktemp("corpus") / "corpus")


@pytest.fixture(scope="session")
def base(tmp_path_factory, corpus):
    return pretrain.using(**USING)(
        tmp_path_factory.mktemp("base") / "base", corpus, config=small(PretrainConfig, vocab_size=320)
    )


@pytest.fixture(scope="session")
def adapted(tmp_path_factory, corpus, base):
    return cpt.using(**USING)(tmp_path_factory.mktemp("cpt") / "cpt", base, corpus, config=small(CptConfig))


def report(model):
    return json.loads((model.path / "training.json").read_text(encoding="utf-8"))


def test_pretrain_makes_a_whole_folder(base):
    assert isinstance(base, Model) and base.verify() == []
    assert set(base.manifest.files) == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "lontar.json", "training.json",
    }  # fmt: skip
    facts = json.loads((base.path / "lontar.json").read_text(encoding="utf-8"))
    assert facts["format"] == "safetensors" and "nfc" in facts["normalization"]
    found = report(base)["languages"]["en"]
    assert found["bits_per_byte_after"] == pytest.approx(base.manifest.metrics["bits_per_byte.after.en"], abs=1e-5)
    assert found["bits_per_byte_after"] < 3.0 and found["tokens"] > 0


def test_it_loads_unchanged_in_transformers_with_the_same_logits(adapted):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(adapted.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapted.path)
    ours = open_model(adapted.path, device="cpu")
    text = "the cat แมวนั่ง kucing"
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert ids[0].tolist() == ours.tokenizer.encode(text).ids
    with torch.no_grad():
        assert torch.equal(theirs(ids).logits, ours.model(ids).logits)


def test_cpt_lowers_bits_per_byte_in_the_languages_it_learns(adapted):
    found = report(adapted)["languages"]
    assert set(found) == {"en", "id", "th"}
    for lang in ("id", "th"):
        assert found[lang]["bits_per_byte_after"] < 0.8 * found[lang]["bits_per_byte_before"]
    assert found["en"]["bits_per_byte_after"] < found["en"]["bits_per_byte_before"] + 1.0
    metrics = adapted.manifest.metrics
    for when in ("before", "after"):
        assert metrics[f"bits_per_byte.{when}.th"] == pytest.approx(found["th"][f"bits_per_byte_{when}"], abs=1e-5)
    share = found["en"]["tokens"] / sum(row["tokens"] for row in found.values())
    assert share == pytest.approx(0.2, abs=0.06)
    assert report(adapted)["steps"] == 40


def test_bits_per_byte_is_that_of_transformers(base, corpus):
    """Sum over documents of the loss of the text's tokens after the start token, over their bytes."""
    from transformers import AutoModelForCausalLM

    model, loaded = AutoModelForCausalLM.from_pretrained(base.path), open_model(base.path, device="cpu")
    nats = n_bytes = 0
    for doc in corpus.documents("heldout", ["en"]):
        ids = torch.tensor([[loaded.start_id, *loaded.tokenizer.encode(doc.text).ids]])
        with torch.no_grad():
            nats += float(model(ids, labels=ids).loss) * (ids.shape[1] - 1)
        n_bytes += len(doc.text.encode("utf-8"))
    bits = nats / torch.log(torch.tensor(2.0)).item() / n_bytes
    assert report(base)["languages"]["en"]["bits_per_byte_after"] == pytest.approx(bits, rel=1e-4)


def test_the_base_is_trained_from_nothing_by_the_seed(tmp_path, corpus, base):
    config = small(PretrainConfig, vocab_size=320)
    assert pretrain.using(**USING)(tmp_path / "again", corpus, config=config).digest == base.digest
    other = pretrain.using(**{**USING, "seed": 6})(tmp_path / "other", corpus, config=config)
    assert other.manifest.files["model.safetensors"] != base.manifest.files["model.safetensors"]
    assert other.manifest.files["tokenizer.json"] == base.manifest.files["tokenizer.json"]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("place", ["tokenize", "before", "step 20", "after", "writing"])
def test_killed_anywhere_and_run_again_it_is_the_same(tmp_path, monkeypatch, corpus, base, adapted, place):
    from lontar.train import driver

    name = {"tokenize": "tokenize", "writing": "write_model"}.get(
        place, "measure" if place in ("before", "after") else ""
    )
    module, name = (driver, name) if name else (loop, "_step")
    original = getattr(module, name)

    def killed(*args, **kwargs):
        if place in ("before", "after") and args[1] != place:
            return original(*args, **kwargs)
        if place.startswith("step") and args[-1].step < 20:
            return original(*args, **kwargs)
        raise KilledError

    run = lambda: cpt.using(**USING)(tmp_path / "cpt", base, corpus, config=small(CptConfig))  # noqa: E731
    monkeypatch.setattr(module, name, killed)
    with pytest.raises(KilledError):
        run()
    monkeypatch.setattr(module, name, original)
    made = run()
    assert made.digest == adapted.digest
    assert made.manifest.metrics["bits_per_byte.before.th"] == adapted.manifest.metrics["bits_per_byte.before.th"]


def test_the_text_part_of_a_larger_model_comes_out_alone(tmp_path, corpus, base):
    """A Gemma 3 with vision: its language model is trained and written as one of its own."""
    import transformers as t

    from lontar.models.tiny import make_model

    @stage("test.vision", out=Model, version=1)
    def vision(job: Job) -> None:
        """A base with vision."""
        make_model(job.dir, "nano", "gemma3", tokenizer=open_model(base.path, device="cpu").tokenizer)
        text = open_model(job.dir, device="cpu").model
        tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = t.Gemma3Config(
            text_config=text.config.to_dict(),
            vision_config={**tower, "image_size": 28, "patch_size": 14},
            mm_tokens_per_image=4, boi_token_index=1, eoi_token_index=2, image_token_index=3,
        )  # fmt: skip
        whole = t.Gemma3ForConditionalGeneration(config)
        whole.model.language_model.load_state_dict(text.model.state_dict())
        whole.save_pretrained(job.dir)
        (job.dir / "preprocessor_config.json").write_text("{}", encoding="utf-8")
        job.add_license("MIT", "a test")

    made = cpt.using(**USING)(tmp_path / "x", vision(tmp_path / "v"), corpus, config=small(CptConfig, steps=3))
    config = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert (config["architectures"], config["model_type"]) == (["Gemma3ForCausalLM"], "gemma3_text")
    assert str(tmp_path) not in json.dumps(config) and not (made.path / "preprocessor_config.json").exists()
    loaded = t.AutoModelForCausalLM.from_pretrained(made.path)
    assert loaded.config.use_cache and loaded.config._attn_implementation == "sdpa"
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, open_model(made.path, device="cpu").model(ids).logits)


def test_frozen_parameters_come_out_as_they_went_in(tmp_path, corpus, base):
    from lontar.models.weights import read_tensors

    config = small(CptConfig, freeze=["model.embed_tokens", "model.layers.0"], steps=4)
    made = cpt.using(**USING)(tmp_path / "x", base, corpus, config=config)
    old, new = dict(read_tensors(base.path)), dict(read_tensors(made.path))
    for name in old:
        same = torch.equal(old[name], new[name])
        assert same == name.startswith(("model.embed_tokens", "model.layers.0")), name


def test_tokens_in_place_of_steps(tmp_path, corpus, base):
    config = validate(
        CptConfig, {"tokens": 600, "batch": 4, "seq_len": 32, "eval_bytes": 0, "languages": ["th"], "replay": 0}
    )
    made = cpt.using(**USING)(tmp_path / "x", base, corpus, config=config)
    assert report(made)["steps"] == 5 and set(report(made)["languages"]) == {"th"}
    assert not any(name.startswith("bits_per_byte") for name in made.manifest.metrics)


def test_without_replay_what_is_lost_is_measured_all_the_same(tmp_path, corpus, base):
    made = cpt.using(**USING)(
        tmp_path / "x", base, corpus, config=small(CptConfig, steps=2, replay=0, languages=["th"])
    )
    found = report(made)["languages"]
    assert found["en"]["tokens"] == 0 and "bits_per_byte_before" in found["en"]


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_other_architectures_and_types(tmp_path, corpus, base, architecture, dtype):
    from lontar.models.tiny import make_model
    from lontar.models.weights import read_index

    @stage("test.other", out=Model, version=1)
    def other(job: Job) -> None:
        """A base from elsewhere."""
        tokenizer = open_model(base.path, device="cpu").tokenizer
        make_model(job.dir, "nano", architecture, tokenizer=tokenizer, dtype=dtype, tied=dtype == "float32")
        job.add_license("MIT", "a test")

    made = cpt.using(**USING)(tmp_path / "x", other(tmp_path / "other"), corpus, config=small(CptConfig, steps=12))
    index = read_index(made.path)
    assert {info.dtype for info in index.values()} == {"F32" if dtype == "float32" else "BF16"}
    assert ("lm_head.weight" in index) == (dtype == "bfloat16")
    found = report(made)["languages"]
    assert found["th"]["bits_per_byte_after"] < found["th"]["bits_per_byte_before"]
    assert json.loads((made.path / "config.json").read_text("utf-8")) == json.loads(
        (tmp_path / "other" / "config.json").read_text("utf-8")
    )


# --- what is wrong with the input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"languages": ["lo"]}, DataError, "no train documents in lo"),
        ({"languages": ["xx"]}, UnknownNameError, "unknown language 'xx'"),
        ({"replay_languages": ["zh"]}, DataError, "replay needs documents in zh"),
        ({"weights": {"th": 1}}, ConfigError, "id has none"),
        ({"weights": {"th": 1, "id": 1, "lo": 2}}, ConfigError, "lo has a weight"),
        ({"freeze": ["embed"]}, ConfigError, "no parameter begins with 'embed'"),
        ({"replay_languages": ["en", "id", "th"]}, DataError, "nothing to learn"),
    ],
)
def test_cpt_settings_that_do_not_fit(tmp_path, corpus, base, given, kind, message):
    with pytest.raises(kind, match=message):
        cpt.using(**USING)(tmp_path / "x", base, corpus, config=small(CptConfig, **given))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (CptConfig, {"tokens": 5}, "steps or tokens, not both"),
        (CptConfig, {"languages": ["en", "th"]}, "en stands in languages and in replay_languages"),
        (CptConfig, {"languages": ["th"], "weights": {"ht": 1}}, "weights: ht is not among the languages; known: th"),
        (PretrainConfig, {"languages": ["en", "id"], "weights": {"en": 1}}, "weights: id has none"),
        (PretrainConfig, {"languages": []}, "languages"),
        (PretrainConfig, {"accumulate": 9}, "accumulate cannot be larger than batch"),
        (PretrainConfig, {"size": "huge"}, "size"),
        (PretrainConfig, {"lr": 0}, "lr"),
    ],
)
def test_settings_that_contradict_themselves(kind, given, message):
    with pytest.raises(ConfigError, match=message):
        small(kind, **given)


def test_a_language_without_held_out_text(tmp_path, base):
    corpus = make_text(tmp_path / "corpus", config=TextConfig(held_out=False))
    with pytest.raises(DataError, match="no heldout documents in en") as caught:
        pretrain.using(**USING)(tmp_path / "x", corpus, config=small(PretrainConfig, vocab_size=320))
    assert "eval_bytes: 0" in caught.value.hint
    made = cpt.using(**USING)(tmp_path / "y", base, corpus, config=small(CptConfig, steps=2, eval_bytes=0))
    assert report(made)["languages"]["th"]["tokens"] > 0


def test_a_corpus_without_the_language(tmp_path):
    corpus = make_text(tmp_path / "corpus", config=TextConfig(languages=("th",)))
    with pytest.raises(DataError, match="no train documents in en") as caught:
        pretrain.using(**USING)(tmp_path / "x", corpus, config=small(PretrainConfig))
    assert "th" in caught.value.hint


def test_language_files_are_part_of_the_fingerprint(base, adapted):
    assert {"language:en"} == {name for name in base.manifest.uses if name.startswith("language:")}
    assert {"language:en", "language:id", "language:th"} <= set(adapted.manifest.uses)


def test_no_torch_is_needed_to_list_the_stages():
    import subprocess
    import sys

    heavy = "{'torch', 'transformers', 'tokenizers'}"
    code = f"import sys, lontar.train.stages, lontar.models; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

import json
import math
import random

import pytest
import torch

from lontar.core.artifact import Corpus, Model, Records
from lontar.core.config import Config, validate
from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.core.records import Message
from lontar.core.shards import write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import CapabilityError, ConfigError, DataError
from lontar.models.chat import encode, open_chat
from lontar.models.load import open_model
from lontar.models.tiny import make_model
from lontar.models.vocab import train_bpe
from lontar.train import CptConfig, SftConfig, cpt, finetune, loop, sft
from lontar.train.chat_tokens import examples

WORDS = {
    "en": "cat dog tree house red old sun moon".split(),
    "th": "แมว หมา ต้นไม้ บ้าน แดง เก่า".split(),
}
ASKS = {"en": "say {}", "th": "พูดว่า {}"}
USING = {"seed": 5, "resources": Resources(device="cpu", threads=1)}


class ToyConfig(Config):
    languages: tuple[str, ...] = ("en", "th")
    long: int = 0
    answers: int = 1


@stage("test.chats", out=Records, version=1)
def make_chats(job: Job, *, config: ToyConfig = ToyConfig()) -> None:  # noqa: B008 - frozen
    """Repeat two words."""
    for lang in config.languages:
        rng = random.Random(lang)
        for split, n in (("train", 40), ("heldout", 8)):
            rows = [chat_row(lang, f"{split}-{i}", rng, config.answers) for i in range(n)]
            rows += [chat_row(lang, f"long-{i}", rng, 20) for i in range(config.long)]
            write_jsonl(job.dir / split / f"{lang}-00000.jsonl.zst", rows)
    write_json(job.dir / "counts.json", {})
    job.add_license("CC0-1.0", "a test", 1)


def chat_row(lang, name, rng, n):
    messages = []
    for _ in range(n):
        words = " ".join(rng.choices(WORDS[lang], k=2))
        messages += [{"role": "user", "content": ASKS[lang].format(words)}, {"role": "assistant", "content": words}]
    return {"id": name, "messages": messages, "lang": lang, "source": "ours", "license": "CC0-1.0"}


@stage("test.words", out=Corpus, version=1)
def make_corpus(job: Job) -> None:
    """Words in a row."""
    for lang in WORDS:
        rng = random.Random(lang)
        for split, n in (("train", 30), ("heldout", 6)):
            rows = [{"id": str(i), "text": " ".join(rng.choices(WORDS[lang], k=8)), "lang": lang} for i in range(n)]
            write_jsonl(job.dir / split / f"{lang}-00000.jsonl.zst", rows)
    write_json(job.dir / "counts.json", {})
    job.add_license("CC0-1.0", "a test", 1)


TEXTS = [f"{ASKS[lang]} {' '.join(words)}" for lang, words in WORDS.items()] * 5


@stage("test.base", out=Model, version=1)
def make_base(job: Job) -> None:
    """An untrained model with a chat template."""
    make_model(job.dir, "nano", tokenizer=train_bpe(TEXTS, 330), seed=1, normalization=("nfc",))
    job.add_license("MIT", "a test")


@stage("test.bare", out=Model, version=1)
def make_bare(job: Job) -> None:
    """An untrained base without a chat template, that ends texts with one token alone."""
    make_model(job.dir, "nano", tokenizer=train_bpe(TEXTS, 330), seed=1)
    (job.dir / "chat_template.jinja").unlink()
    end = open_model(job.dir, device="cpu").tokenizer.token_to_id("<|endoftext|>")
    write_json(job.dir / "generation_config.json", {"eos_token_id": end, "temperature": 0.7})
    job.add_license("MIT", "a test")


@stage("test.mute", out=Model, version=1)
def make_mute(job: Job) -> None:
    """A base whose tokenizer has no tokens for turns."""
    make_model(job.dir, "nano", tokenizer=train_bpe(TEXTS, 330), seed=1)
    (job.dir / "chat_template.jinja").unlink()
    path = job.dir / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace("<|im_end|>", "<|other|>"), encoding="utf-8")
    job.add_license("MIT", "a test")


def small(**given):
    return validate(SftConfig, {"steps": 24, "batch": 4, "seq_len": 64, "checkpoint_every": 10, **given})


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("sft")


@pytest.fixture(scope="session")
def chats(root):
    return make_chats(root / "chats")


@pytest.fixture(scope="session")
def corpus(root):
    return make_corpus(root / "corpus")


@pytest.fixture(scope="session")
def base(root):
    return make_base(root / "base")


@pytest.fixture(scope="session")
def taught(root, base, chats, corpus):
    return sft.using(**USING)(root / "taught", base, chats, corpus, config=small(replay=0.25))


def report(model):
    return json.loads((model.path / "training.json").read_text(encoding="utf-8"))


# --- what comes out --------------------------------------------------------------------------------------------------


def test_a_whole_folder_with_the_run_in_figures(taught, base):
    assert taught.verify() == [] and set(taught.manifest.files) == {*base.manifest.files, "training.json"}
    found = report(taught)
    assert found["steps"] == 24 and found["template"]["installed"] is False
    assert 0.1 < found["label_share"] < 0.6
    assert found["label_tokens"] == sum(row["tokens"] for row in found["languages"].values())
    assert found["replay_tokens"] == sum(row["replay_tokens"] for row in found["languages"].values()) > 0
    assert found["read_tokens"] > found["label_tokens"] + found["replay_tokens"]
    for lang in WORDS:
        row = found["languages"][lang]
        assert row["assistant_loss_after"] < 0.8 * row["assistant_loss_before"]
        assert row["bits_per_byte_after"] < row["bits_per_byte_before"]
        assert (row["chats"], row["examples"], row["too_long"], row["heldout_chats"]) == (40, 40, 0, 8)
        metrics = taught.manifest.metrics
        for when in ("before", "after"):
            assert metrics[f"assistant_loss.{when}.{lang}"] == pytest.approx(row[f"assistant_loss_{when}"], abs=1e-5)
            assert metrics[f"bits_per_byte.{when}.{lang}"] == pytest.approx(row[f"bits_per_byte_{when}"], abs=1e-5)
    assert metrics["train.label_tokens"] == found["label_tokens"]


def test_curves_hold_the_start_and_the_end(taught):
    found = report(taught)
    curves = found["series"]
    assert curves["steps"] == [0, 24] and curves["loss_steps"] == list(range(1, 25))
    assert len(curves["loss"]) == 24 and curves["loss"][-1] == found["loss"]
    row = found["languages"]["th"]
    assert curves["bits_per_byte"]["th"] == [row["bits_per_byte_before"], row["bits_per_byte_after"]]
    assert curves["assistant_loss"]["th"] == [row["assistant_loss_before"], row["assistant_loss_after"]]


def test_the_loss_of_answers_is_that_of_transformers(taught, chats):
    """Mean over the answers' tokens of the model's own loss on the ids a server would build."""
    from transformers import AutoModelForCausalLM

    model, loaded = AutoModelForCausalLM.from_pretrained(taught.path), open_model(taught.path, device="cpu")
    chat = open_chat(taught.path, loaded.tokenizer)
    nats = n = 0
    for record in chats.chats("heldout", ["th"]):
        prompt = encode(chat, record.messages[:1])
        said = loaded.tokenizer.encode(record.messages[1].content).ids
        answer = [*said, loaded.tokenizer.token_to_id("<|im_end|>")]
        ids = torch.tensor([[*prompt, *answer]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(prompt) - 1 : -1]
        nats += float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum"))
        n += len(answer)
    row = report(taught)["languages"]["th"]
    assert row["heldout_label_tokens"] == n
    assert row["assistant_loss_after"] == pytest.approx(nats / n, rel=1e-4)


def test_what_is_learned_by_heart_is_answered_by_the_server(tmp_path, base):
    """Few chats, many steps: a loss near 0, and the back-end gives the answer and stops."""
    import asyncio

    from lontar.backends.base import Sampling
    from lontar.backends.hf import HuggingFace

    @stage("test.few", out=Records, version=1)
    def few(job: Job) -> None:
        """Four chats, one of two turns."""
        rows = [chat_row("en", str(i), random.Random(i), 2 if i == 3 else 1) for i in range(4)]
        write_jsonl(job.dir / "train" / "en-00000.jsonl.zst", rows)
        job.add_license("CC0-1.0", "a test", 1)

    records = few(tmp_path / "few")
    made = sft.using(**USING)(tmp_path / "x", base, records, config=small(steps=110, batch=2, lr=3e-3, matrix_lr=0.02))
    assert report(made)["loss"] < 0.02
    assert "assistant_loss" not in report(made)["series"] and "steps" not in report(made)["series"]
    backend = HuggingFace(made.path, device="cpu", dtype="float32")
    for record in records.chats():
        prompt = record.messages[:-1]
        (answer,) = asyncio.run(backend.generate_many([prompt], Sampling(max_tokens=30, temperature=0.0)))
        assert (answer.text, answer.finish_reason) == (record.messages[-1].content, "stop")


def test_epochs_in_place_of_steps(tmp_path, base, chats):
    made = sft.using(**USING)(tmp_path / "x", base, chats, config=small(steps=None, epochs=2, eval_chats=0, temper=1))
    found = report(made)
    rows = found["languages"]
    assert all(row["epochs"] == pytest.approx(2, abs=0.35) for row in rows.values())
    assert found["label_tokens"] == pytest.approx(2 * labels(base, chats), rel=0.2)
    assert not any(name.startswith("assistant_loss") for name in made.manifest.metrics)


def labels(model, chats):
    chat = open_chat(model.path, open_model(model.path, device="cpu").tokenizer)
    found = [e for record in chats.chats() for e in examples(chat, record.messages)]
    return sum(a.end - a.begin for e in found for a in e.answers)


def test_languages_and_their_weights(tmp_path, base, chats, corpus):
    config = small(steps=10, languages=["th"], replay_languages=["en"], replay=0.5)
    made = sft.using(**USING)(tmp_path / "x", base, chats, corpus, config=config)
    rows = report(made)["languages"]
    assert "tokens" not in rows["en"] and rows["en"]["replay_tokens"] > 0
    assert rows["th"]["tokens"] > 0 and "replay_tokens" not in rows["th"]
    assert {"bits_per_byte_after"} <= set(rows["en"]) & set(rows["th"])
    config = small(steps=10, weights={"en": 3, "th": 1})
    rows = report(sft.using(**USING)(tmp_path / "y", base, chats, config=config))["languages"]
    assert rows["en"]["epochs"] > 1.5 * rows["th"]["epochs"]


def test_replay_is_the_share_of_rows_and_keeps_text(tmp_path, base, chats, corpus):
    ends = {}
    for replay in (0, 0.5):
        made = sft.using(**USING)(tmp_path / str(replay), base, chats, corpus, config=small(replay=replay))
        ends[replay] = report(made)
    assert ends[0]["replay_tokens"] == 0 and ends[0.5]["replay"] == 0.5
    for lang in WORDS:
        without, with_ = (ends[r]["languages"][lang]["bits_per_byte_after"] for r in (0, 0.5))
        assert with_ < 0.9 * without


# --- exactness -------------------------------------------------------------------------------------------------------


class KilledError(Exception):
    pass


@pytest.mark.parametrize("place", ["tokenize", "before", "step 14", "after", "writing"])
def test_killed_anywhere_and_run_again_it_is_the_same(tmp_path, monkeypatch, base, chats, corpus, taught, place):
    from lontar.train import driver

    module, name = {
        "tokenize": (finetune, "tokenize_chats"), "writing": (finetune, "write_chat_files"),
        "before": (driver, "kept"), "after": (driver, "kept"),
    }.get(place, (loop, "_step"))  # fmt: skip
    original = getattr(module, name)

    def killed(*args, **kwargs):
        if place in ("before", "after") and place not in args[1]:
            return original(*args, **kwargs)
        if place.startswith("step") and args[-1].step < 14:
            return original(*args, **kwargs)
        raise KilledError

    run = lambda: sft.using(**USING)(tmp_path / "x", base, chats, corpus, config=small(replay=0.25))  # noqa: E731
    monkeypatch.setattr(module, name, killed)
    with pytest.raises(KilledError):
        run()
    monkeypatch.setattr(module, name, original)
    made = run()
    assert made.digest == taught.digest and made.manifest.metrics == taught.manifest.metrics


def test_one_batch_of_eight_is_eight_batches_of_one(tmp_path, base, chats, corpus):
    ends = []
    for parts in (1, 8):
        config = small(steps=5, batch=8, accumulate=parts, dtype="float32", replay=0.25, eval_bytes=0)
        made = sft.using(**USING)(tmp_path / str(parts), base, chats, corpus, config=config)
        ends.append((report(made), dict(open_model(made.path, device="cpu").model.named_parameters())))
    (one, whole), (eight, parts) = ends
    assert one["series"]["loss"] == pytest.approx(eight["series"]["loss"], rel=1e-4)
    for name in whole:
        assert (whole[name] - parts[name]).norm() <= 1e-4 * whole[name].norm(), name


def test_measuring_on_the_way_changes_no_weight(tmp_path, base, chats, corpus, taught):
    config = small(replay=0.25, eval_every=7)
    shown = Notes()
    made = sft.using(**USING, progress=shown)(tmp_path / "x", base, chats, corpus, config=config)
    assert made.manifest.files["model.safetensors"] == taught.manifest.files["model.safetensors"]
    curves = report(made)["series"]
    assert curves["steps"] == [0, 7, 14, 21, 24]
    for name in ("bits_per_byte", "assistant_loss"):
        assert set(curves[name]) == set(WORDS) and all(len(points) == 5 for points in curves[name].values())
        assert curves[name]["th"][0] > curves[name]["th"][3]
    assert shown.last["held_out_bits_per_byte"].startswith("en ") and " th " in shown.last["held_out_bits_per_byte"]
    assert "held_out_assistant_loss" in shown.last


def test_measuring_on_the_way_survives_a_kill(tmp_path, monkeypatch, base, chats, corpus):
    config, step = small(replay=0.25, eval_every=4), loop._step

    def killed(*args):
        if args[-1].step == 13:
            raise KilledError
        step(*args)

    whole = sft.using(**USING)(tmp_path / "whole", base, chats, corpus, config=config)
    monkeypatch.setattr(loop, "_step", killed)
    with pytest.raises(KilledError):
        sft.using(**USING)(tmp_path / "cut", base, chats, corpus, config=config)
    monkeypatch.setattr(loop, "_step", step)
    assert sft.using(**USING)(tmp_path / "cut", base, chats, corpus, config=config).digest == whole.digest


def test_cpt_shows_languages_on_the_way_too(tmp_path, base, corpus):
    given = {"steps": 9, "batch": 2, "seq_len": 32, "languages": ["th"]}
    plain = cpt.using(**USING)(tmp_path / "a", base, corpus, config=validate(CptConfig, given))
    watched = cpt.using(**USING)(tmp_path / "b", base, corpus, config=validate(CptConfig, {**given, "eval_every": 3}))
    assert plain.manifest.files["model.safetensors"] == watched.manifest.files["model.safetensors"]
    assert report(plain)["series"]["steps"] == [0, 9] and report(watched)["series"]["steps"] == [0, 3, 6, 9]
    row = report(watched)["languages"]["en"]
    series = report(watched)["series"]["bits_per_byte"]
    assert (series["en"][0], series["en"][-1]) == (row["bits_per_byte_before"], row["bits_per_byte_after"])
    assert set(series) == {"en", "th"}


class Notes:
    """Keeps the notes of tasks."""

    def __init__(self):
        self.last = {}
        self.said = []

    def start(self, name, total, unit):
        return self

    def stop(self, task):
        pass

    def say(self, text):
        self.said.append(text)

    def advance(self, n=1):
        pass

    def note(self, **values):
        self.last |= values


# --- templates -------------------------------------------------------------------------------------------------------


def test_a_base_without_a_template_gets_one_and_an_end(tmp_path, chats):
    base = make_bare(tmp_path / "bare")
    made = sft.using(**USING)(tmp_path / "x", base, chats, config=small(steps=3))
    loaded = open_model(made.path, device="cpu")
    end = loaded.tokenizer.token_to_id("<|im_end|>")
    assert report(made)["template"]["installed"] is True and end in loaded.eos_ids
    generation = json.loads((made.path / "generation_config.json").read_text(encoding="utf-8"))
    assert generation == {"eos_token_id": [end, loaded.tokenizer.token_to_id("<|endoftext|>")], "temperature": 0.7}
    assert json.loads((made.path / "tokenizer_config.json").read_text("utf-8"))["eos_token"] == "<|im_end|>"
    assert (loaded.start_id, loaded.end_id) == (open_model(base.path, device="cpu").start_id,) * 2
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(made.path)
    messages = next(chats.chats()).messages
    ids = theirs.apply_chat_template([m.model_dump() for m in messages], return_dict=False)
    (example,) = examples(open_chat(made.path, loaded.tokenizer), messages)
    assert tuple(ids[: len(example.ids)]) == example.ids


def test_a_base_that_has_no_tokens_for_turns(tmp_path, chats):
    with pytest.raises(CapabilityError, match=r"no special token <\|im_end\|> to install one with") as caught:
        sft.using(**USING)(tmp_path / "x", make_mute(tmp_path / "mute"), chats, config=small(steps=3))
    assert "chat_template.jinja" in caught.value.hint


def test_nothing_is_trained_where_serving_would_read_other_ids(tmp_path, monkeypatch, base, chats):
    from lontar.train import chat_tokens

    real = chat_tokens.encode
    monkeypatch.setattr(chat_tokens, "encode", lambda *args, **more: (*real(*args, **more), 7))
    with pytest.raises(CapabilityError, match="chat 'train-0': message 1: serving and training differ at token"):
        sft.using(**USING)(tmp_path / "x", base, chats, config=small(steps=3))
    monkeypatch.setattr(chat_tokens, "encode", real)
    assert report(sft.using(**USING)(tmp_path / "x", base, chats, config=small(steps=3)))["steps"] == 3


# --- what is wrong with the input ------------------------------------------------------------------------------------


def test_chats_that_are_too_long_are_left_out_or_stop(tmp_path, base):
    records = make_chats(tmp_path / "chats", config=ToyConfig(long=2))
    shown = Notes()
    made = sft.using(**USING, progress=shown)(tmp_path / "x", base, records, config=small(steps=3))
    assert report(made)["languages"]["en"]["too_long"] == 2
    assert any(
        "chats of more than seq_len 64 tokens" in text and "en 2 of 42, th 2 of 42" in text for text in shown.said
    )
    with pytest.raises(DataError, match="chats of more than seq_len 64 tokens") as caught:
        sft.using(**USING)(tmp_path / "y", base, records, config=small(steps=3, too_long="stop"))
    assert "raise seq_len to" in caught.value.hint
    with pytest.raises(DataError, match="nothing is left in en, th"):
        sft.using(**USING)(tmp_path / "z", base, records, config=small(steps=3, seq_len=8))


@pytest.mark.parametrize(
    ("given", "with_corpus", "kind", "message"),
    [
        ({"languages": ["lo"]}, False, DataError, "no chats to train on in lo"),
        ({"replay": 0.2}, False, ConfigError, "replay needs a corpus"),
        ({"replay_languages": ["lo"]}, True, DataError, "no train documents in lo"),
        ({"weights": {"th": 1}}, False, ConfigError, "en has none"),
        ({"seq_len": 4096}, False, ConfigError, "more than the 1024 tokens of the model's context"),
        ({"freeze": ["embed"]}, False, ConfigError, "no parameter begins with 'embed'"),
    ],
)
def test_settings_that_do_not_fit(tmp_path, base, chats, corpus, given, with_corpus, kind, message):
    with pytest.raises(kind, match=message):
        sft.using(**USING)(tmp_path / "x", base, chats, corpus if with_corpus else None, config=small(**given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 2}, "steps or epochs, not both"),
        ({"languages": ["th"], "weights": {"en": 1}}, "en is not among the languages"),
        ({"eval_every": -1}, "eval_every"),
        ({"replay": 1}, "replay"),
    ],
)
def test_settings_that_contradict_themselves(given, message):
    with pytest.raises(ConfigError, match=message):
        small(**given)


def test_language_files_are_part_of_the_fingerprint(taught):
    assert {"language:en", "language:th", "library:jinja2"} <= set(taught.manifest.uses)


def test_messages_are_normalized_as_the_written_folder_says(tmp_path, base):
    """A chat with a zero-width space: what the model was taught is what the server makes of the same words."""
    from lontar.backends.hf import HuggingFace

    @stage("test.spaces", out=Records, version=1)
    def spaces(job: Job) -> None:
        """One Khmer chat."""
        turns = [{"role": "user", "content": "ភាសា\u200bខ្មែរ"}, {"role": "assistant", "content": "បាទ\u200bចាស"}]
        write_jsonl(job.dir / "train" / "km-00000.jsonl.zst", [{"id": "0", "messages": turns, "lang": "km"}])
        job.add_license("CC0-1.0", "a test", 1)

    made = sft.using(**USING)(tmp_path / "x", base, spaces(tmp_path / "s"), config=small(steps=2))
    names = json.loads((made.path / "lontar.json").read_text(encoding="utf-8"))["normalization"]
    assert "zwsp" in names
    backend = HuggingFace(made.path, device="cpu")
    prompt = (Message(role="user", content="ភាសា\u200bខ្មែរ"),)
    assert "\u200b" not in backend._loaded.tokenizer.decode(list(backend._ids(prompt)))
    assert math.isfinite(report(made)["loss"])

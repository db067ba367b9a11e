"""The chain from text to a served, adapted model: finished once, then reused, killed, resumed, damaged, moved."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lontar.core.artifact import Artifact, Corpus
from tests.e2e.conftest import Nano, environment, lontar, run_nano

ADAPTED = ["id", "jv", "km", "lo", "ms", "my", "su", "ta", "th", "tl", "vi", "zh"]


def test_every_step_is_finished_and_intact(nano: Nano) -> None:
    assert list(nano.steps) == ["corpus", "base", "tokenizer", "resized", "model", "scores", "export"]
    assert all(step["complete"] for step in nano.steps.values())
    result = lontar("verify", str(nano.folder), "--json", home=nano.home)
    assert result.code == 0
    assert result.json["problems"] == 0


def test_second_run_reuses_every_step(nano: Nano) -> None:
    begin = time.monotonic()
    result = run_nano(nano.folder, nano.home)
    assert result.code == 0, result.err
    assert {row["action"] for row in result.json["steps"]} == {"reused"}
    assert {row["step"]: row["digest"] for row in result.json["steps"]} == nano.digests
    assert time.monotonic() - begin < 5


def test_bits_per_byte_fall_in_every_adapted_language(nano: Nano) -> None:
    metrics = nano.metrics("model")
    for lang in ADAPTED:
        before, after = metrics[f"bits_per_byte.before.{lang}"], metrics[f"bits_per_byte.after.{lang}"]
        assert after < before, f"{lang}: {before} -> {after}"
    assert "bits_per_byte.after.en" in metrics, "what English loses is measured too"


def test_the_base_learns_english_and_extension_saves_tokens(nano: Nano) -> None:
    tokenizer = nano.metrics("tokenizer")
    for lang in ("th", "my", "km", "lo", "ta"):
        assert tokenizer[f"tokens_per_sentence.after.{lang}"] < tokenizer[f"tokens_per_sentence.before.{lang}"]
    assert tokenizer["tokens_per_sentence.after.en"] == tokenizer["tokens_per_sentence.before.en"]


def test_old_text_keeps_its_ids(nano: Nano) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    old = tokenizers.Tokenizer.from_file(str(nano.folder / "base" / "tokenizer.json"))
    new = tokenizers.Tokenizer.from_file(str(nano.folder / "export" / "tokenizer.json"))
    corpus = Corpus.open(nano.folder / "corpus")
    texts = [doc.text for split in ("train", "heldout") for doc in corpus.documents(split, ["en", "zh"])]
    texts += [
        "def f(x: int) -> int:\n    return x ** 2  # square\n",
        "SELECT * FROM t WHERE a >= 1;",
        '{"a": [1, 2.5e-3]}',
    ]
    changed = [text for text in texts if old.encode(text).ids != new.encode(text).ids]
    assert not changed


def test_export_loads_unchanged_in_transformers(nano: Nano) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    folder = nano.folder / "export"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ids = tokenizer("ສະບາຍດີ Selamat pagi", return_tensors="pt").input_ids
    assert int(ids.max()) < model.config.vocab_size
    with torch.no_grad():
        assert torch.isfinite(model(ids).logits).all()


@pytest.mark.parametrize(("kills", "seed"), [(4, 1), pytest.param(20, 2, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_digests(
    nano: Nano, tmp_path: Path, kills: int, seed: int
) -> None:
    rng = random.Random(seed)
    # Delays reach from "before anything is written" to most of a whole run, so that every kind of moment is met.
    whole = sum(step["cost"]["seconds"] for step in nano.steps.values())
    command = [sys.executable, "-m", "lontar", "run", "nano", "--out", str(tmp_path / "run"), "--progress", "none"]
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen(
            command,
            env=environment(nano.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=rng.uniform(0.5, max(2.0, 2 * whole / kills)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        assert all((folder / "manifest.json").is_file() for folder in (tmp_path / "run").glob("[a-z]*/"))
    assert killed > 0
    result = run_nano(tmp_path / "run", nano.home)
    assert result.code == 0, result.err
    assert {row["step"]: row["digest"] for row in result.json["steps"]} == nano.digests


def test_interrupted_it_exits_130_and_goes_on(nano: Nano, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lontar", "run", "nano", "--out", str(tmp_path / "run"), "--progress", "none"]
    process = subprocess.Popen(command, env=environment(nano.home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while not process.stderr.readline().startswith(b"base:"):  # wait until the second step has begun
        pass
    until = time.monotonic() + 60
    while not list((tmp_path / "run").glob(".base*/log/metrics.jsonl")) and time.monotonic() < until:
        time.sleep(0.05)  # until it trains: while libraries are being imported, an interrupt may meet anything
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    result = run_nano(tmp_path / "run", nano.home, "--until", "base")
    assert result.code == 0, result.err
    assert {row["step"]: row["digest"] for row in result.json["steps"]} == {
        k: nano.digests[k] for k in ("corpus", "base")
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_no_data(nano: Nano, tmp_path: Path, workers: int) -> None:
    result = run_nano(tmp_path / "run", nano.home, "--resources", f"workers={workers}", "--until", "corpus")
    assert result.code == 0, result.err
    assert result.json["steps"][0]["digest"] == nano.digests["corpus"]


def test_any_flipped_byte_is_found(nano: Nano, tmp_path: Path) -> None:
    rng = random.Random(3)
    run = tmp_path / "run"
    shutil.copytree(nano.folder, run)
    for step in nano.steps:
        artifact = Artifact.open(run / step)
        for name in artifact.manifest.files:
            path = artifact.path / name
            data = path.read_bytes()
            at = rng.randrange(len(data))
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
            problems = artifact.verify()
            assert [p for p in problems if p.startswith(f"{name}:")], f"{step}/{name} byte {at}"
            path.write_bytes(data)
    target = run / "model" / "model.safetensors"
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    result = lontar("verify", str(run), home=nano.home)
    assert result.code == 4
    assert "model/model.safetensors" in result.err


def test_a_changed_setting_is_drift_with_the_ways_on(nano: Nano) -> None:
    result = lontar("run", "nano", "--out", str(nano.folder), "--set", "model.config.steps=3", home=nano.home)
    assert result.code == 4
    assert "config.steps:" in result.err
    assert "→ 3" in result.err
    for way in ("--rebuild model", "--out", "--reuse"):
        assert way in result.err
    assert Artifact.open(nano.folder / "model").digest == nano.digests["model"], "the finished one is untouched"


def test_reuse_takes_equal_steps_from_an_earlier_run(nano: Nano, tmp_path: Path) -> None:
    more = ("--reuse", str(nano.folder), "--until", "resized", "--set", "tokenizer.config.new_tokens=128")
    result = run_nano(tmp_path / "run", nano.home, *more)
    assert result.code == 0, result.err
    actions = {row["step"]: row["action"] for row in result.json["steps"]}
    assert actions == {"corpus": "taken", "base": "taken", "tokenizer": "built", "resized": "built"}


def test_typos_are_all_reported_at_once_with_lines(nano: Nano, tmp_path: Path) -> None:
    assert lontar("copy", "nano", str(tmp_path / "mine.yaml"), home=nano.home).code == 0
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    for right, wrong in (("train.cpt", "train.ctp"), ("new_tokens", "new_tokns"), ("{model: base,", "{modle: base,")):
        assert right in text, f"the recipe no longer holds {right!r}"
        text = text.replace(right, wrong)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    result = lontar("run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "run"), home=nano.home)
    assert result.code == 2
    for hint in ("train.cpt", "new_tokens", "model"):
        assert f"did you mean {hint}" in result.err, result.err
    lines = [i for i, line in enumerate(text.splitlines(), 1) if any(w in line for w in ("ctp", "new_tokns", "modle"))]
    for line in lines:
        assert f"mine.yaml:{line}" in result.err
    assert not (tmp_path / "run").exists()


def test_a_moved_run_still_tells_its_story(nano: Nano, tmp_path: Path) -> None:
    shutil.copytree(nano.folder / "export", tmp_path / "elsewhere")
    result = lontar("verify", str(tmp_path / "elsewhere"), home=nano.home)
    assert result.code == 0, result.err
    shown = lontar("show", str(tmp_path / "elsewhere"), "--json", home=nano.home).json
    names = json.dumps(shown["lineage"])
    for stage in ("data.build", "train.pretrain", "tokenizer.extend", "tokenizer.resize", "train.cpt"):
        assert stage in names


def test_two_runs_into_one_folder_do_not_mix(nano: Nano, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lontar", "run", "nano", "--out", str(tmp_path / "run"), "--progress", "none"]
    first = subprocess.Popen(command, env=environment(nano.home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert first.stderr is not None
    first.stderr.readline()
    second = run_nano(tmp_path / "run", nano.home)
    first.kill()
    first.communicate()
    assert second.code == 4
    assert "is building it" in second.err

import copy

import numpy as np
import pytest
import torch

from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.errors import ConfigError, DataError
from lontar.train import loop, packing
from lontar.train.batches import IGNORE, Batch, Stream
from lontar.train.config import PretrainConfig
from lontar.train.tokens import TokenStore
from tests.unit.train.conftest import make


def store(n=60, seed=0):
    """Documents that follow a rule, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    documents = [
        np.array([0, *((rng.integers(2, 300) + np.arange(k) * 3) % 298 + 2), 1]) for k in rng.integers(2, 40, n)
    ]
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in documents])])
    return TokenStore(np.concatenate(documents).astype(np.int32), offsets, np.full(n, 10))


def stream(steps):
    stores = {"th": store(), "en": store(seed=1)}
    return Stream(stores, {"th": 0.8, "en": 0.2}, steps=steps, rows=8, length=32, seed=3)


def config(**changes):
    return PretrainConfig(**{"batch": 8, "seq_len": 32, "steps": 12, "checkpoint_every": 4, "warmup": 0.1, **changes})


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def uneven():
    """Eight documents with very different numbers of labels."""
    rng = np.random.default_rng(0)
    rows = []
    for n in (3, 30, 11, 8, 24, 5, 17, 2):
        labels = rng.integers(0, 300, n)
        labels[: n // 3] = IGNORE
        rows.append(Batch(rng.integers(0, 300, n), labels, (n,)))
    return rows


def joined(rows):
    ids, labels = (np.concatenate([getattr(r, k) for r in rows]) for k in ("ids", "labels"))
    return Batch(ids, labels, sum((r.lengths for r in rows), ()))


def gradients(model, batches, dtype="float32"):
    model.zero_grad()
    loss = loop.accumulate(model, batches, dtype=dtype)
    return loss, {name: p.grad.clone() for name, p in model.named_parameters()}


def test_one_batch_of_eight_is_eight_batches_of_one(model):
    packing.prepare(model)
    rows = uneven()
    loss, whole = gradients(model, [joined(rows)])
    loss_parts, parts = gradients(model, rows)
    assert loss_parts == pytest.approx(loss, rel=1e-5)
    for name in whole:
        assert (whole[name] - parts[name]).norm() <= 1e-5 * whole[name].norm() + 1e-9, name


def test_accumulation_is_the_same_training(tmp_path):
    ends = []
    for parts in (1, 8):
        model = make()
        loop.train(Job(tmp_path / str(parts)), model, stream(6), config(accumulate=parts, dtype="float32"), 6, "x")
        ends.append(weights(model))
    for name in ends[0]:
        assert (ends[0][name] - ends[1][name]).norm() <= 1e-4 * ends[0][name].norm(), name


class KilledError(Exception):
    pass


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("stop", [3, 6])
def test_resumed_is_uninterrupted(tmp_path, monkeypatch, dtype, stop):
    """Killed at a step between checkpoints: the same bits as without."""

    def run(folder, steps=10):
        model = make(attention_dropout=0.1)
        with loop.exact(2, 7):
            state = loop.train(Job(tmp_path / folder), model, stream(10), config(dtype=dtype), steps, "x")
        return weights(model), state

    whole, state = run("whole")
    step = loop._step

    def killed(model, optimizers, stream, config, steps, state):
        if state.step == stop:
            raise KilledError
        step(model, optimizers, stream, config, steps, state)

    monkeypatch.setattr(loop, "_step", killed)
    with pytest.raises(KilledError):
        run("cut")
    monkeypatch.setattr(loop, "_step", step)
    resumed, again = run("cut")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert vars(state) == vars(again)
    assert [p.name for p in loop.checkpoints(Job(tmp_path / "cut"))] == ["checkpoint-00000008", "checkpoint-00000010"]


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    model = make()
    with loop.exact(2, 7):
        loop.train(Job(tmp_path / "a"), model, stream(10), config(), 10, "x")
    last = loop.checkpoints(Job(tmp_path / "a"))[-1]
    last.write_bytes(last.read_bytes()[:500])
    again = make()
    with loop.exact(2, 7):
        loop.train(Job(tmp_path / "a"), again, stream(10), config(), 10, "x")
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_everything_that_can_be_trained_moves_and_nothing_else(tmp_path, model, optimizer):
    loop.freeze(model, ("model.layers.0", "model.norm"))
    before = weights(model)
    state = loop.train(Job(tmp_path), model, stream(3), config(optimizer=optimizer), 3, "x")
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]) == name.startswith(("model.layers.0", "model.norm")), name
    assert state.step == 3 and state.seen["th"] > state.seen["en"] > 0


def test_it_learns(tmp_path):
    model = make(initializer_range=0.004)
    state = loop.train(Job(tmp_path), model, stream(60), config(dtype="float32"), 60, "x")
    assert state.loss < 3.5 < np.log(300)  # a guess costs log 300 = 5.7
    assert 0 < state.bits_per_byte < 100


@pytest.mark.parametrize("freeze", [("model.layer_0",), ("model.layers.0", "lmhead")])
def test_a_name_that_freezes_nothing_is_an_error(freeze):
    with pytest.raises(ConfigError, match=r"no parameter begins with .*(layer_0|lmhead)"):
        loop.freeze(make(), freeze)


def test_freezing_everything_is_an_error():
    with pytest.raises(ConfigError, match="nothing is left"):
        loop.freeze(make(), ("model",))


def test_a_gradient_that_explodes_stops_with_the_step(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "accumulate", lambda model, batches, dtype: spoil(model))

    def spoil(model):
        for p in model.parameters():
            p.grad = torch.full_like(p, float("nan"))
        return float("nan")

    with pytest.raises(DataError, match="step 1: the loss is not a number"):
        loop.train(Job(tmp_path), make(), stream(3), config(), 3, "x")


def test_settings_of_the_process_come_back():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    with loop.exact(1, 5):
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
        torch.randn(3)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_the_metrics_name_loss_and_bits_per_byte(tmp_path):
    job = Job(tmp_path, resources=Resources(device="cpu"))
    loop.train(job, make(), stream(4), config(), 4, "x")
    assert job.metrics["train.steps"] == 4 and job.metrics["train.loss"] > 0 and job.metrics["train.leak"] <= 1e-4


def test_bf16_is_near_float32():
    model = make()
    packing.prepare(model)
    rows = uneven()
    _, exact = gradients(model, rows)
    _, short = gradients(copy.deepcopy(model), rows, "bfloat16")
    whole = sum(float((exact[n] - short[n]).norm() ** 2) for n in exact) ** 0.5
    assert whole < 0.1 * sum(float(exact[n].norm() ** 2) for n in exact) ** 0.5

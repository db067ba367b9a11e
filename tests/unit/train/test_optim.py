import copy

import pytest
import torch
from torch import nn

from lontar.train.optim import Muon, Optimizers, orthogonalize, schedule, split_parameters
from tests.unit.train.conftest import make


@pytest.mark.parametrize("shape", [(3, 40, 20), (2, 20, 40), (1, 16, 16)])
def test_singular_values_come_near_one(shape):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(x))
    assert values.min() > 0.3 and values.max() < 1.3  # the quintic's band; a square matrix begins near 0
    assert torch.allclose(orthogonalize(7.5 * x), orthogonalize(x), atol=1e-5)  # the scale does not matter


def test_a_step_is_that_of_torch():
    """torch.optim.Muon (from 2.9 on) is the reference; it works in bfloat16, so near is what can be asked."""
    reference = getattr(torch.optim, "Muon", None)
    if reference is None:
        pytest.skip("this torch has no Muon")
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(torch.randn(32, 16)), nn.Parameter(torch.zeros(32, 16))
    theirs.data.copy_(ours.data)
    a = Muon([ours], lr=0.02, momentum=0.95, weight_decay=0.1)
    b = reference([theirs], lr=0.02, momentum=0.95, weight_decay=0.1, nesterov=True, adjust_lr_fn="original")
    for _ in range(4):
        ours.grad = torch.randn(32, 16)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()
    assert (ours - theirs).abs().max() < 0.02 * 0.06


def test_muon_learns_faster_than_gradient_descent():
    torch.manual_seed(0)
    target, x = torch.randn(24, 16), torch.randn(256, 16)

    def after(make_optimizer):
        weight = nn.Parameter(torch.zeros(24, 16))
        optimizer = make_optimizer([weight])
        for _ in range(60):
            optimizer.zero_grad()
            loss = ((x @ (weight - target).T) ** 2).mean()
            loss.backward()
            optimizer.step()
        return loss.item()

    start = ((x @ target.T) ** 2).mean().item()
    assert after(lambda p: Muon(p, lr=0.1)) < 0.05 * start
    assert after(lambda p: Muon(p, lr=0.1)) < after(lambda p: torch.optim.SGD(p, lr=0.1))


def test_muon_takes_matrices_only():
    with pytest.raises(ValueError, match="matrices"):
        Muon([nn.Parameter(torch.zeros(3))])


@pytest.mark.parametrize("tied", [True, False])
def test_matrices_inside_and_the_rest(tied):
    model = make(tie_word_embeddings=tied)
    inside, rest = split_parameters(model)
    names = {id(p): name for name, p in model.named_parameters()}
    assert all("_proj" in names[id(p)] for p in inside) and len(inside) == 2 * 7
    assert {names[id(p)] for p in rest} >= {"model.embed_tokens.weight", "model.norm.weight"}
    assert len(inside) + len(rest) == len(list(model.parameters()))


def test_frozen_parameters_have_no_optimizer():
    model = make()
    model.model.embed_tokens.weight.requires_grad_(False)
    optimizers = Optimizers(model, lr=1e-3, matrix_lr=0.01)
    held = [p for part in optimizers.parts.values() for g in part.param_groups for p in g["params"]]
    assert not any(p is model.model.embed_tokens.weight for p in held)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_state_goes_round_exactly(kind):
    def gradients(model, seed):
        generator = torch.Generator().manual_seed(seed)
        for p in model.parameters():
            p.grad = torch.randn(p.shape, generator=generator)

    first = make()
    a = Optimizers(first, kind=kind, lr=1e-3, matrix_lr=0.01)
    assert set(a.parts) == ({"muon", "adamw"} if kind == "muon" else {"adamw"})
    for step in range(3):
        gradients(first, step)
        a.step(1.0)
    second = copy.deepcopy(first)
    b = Optimizers(second, kind=kind, lr=1e-3, matrix_lr=0.01)
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    for model, optimizers in ((first, a), (second, b)):
        gradients(model, 9)
        optimizers.step(0.5)
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), second.parameters(), strict=True))


def test_schedule():
    values = [schedule(i, 100, warmup=0.05, decay=0.4) for i in range(100)]
    assert values[0] == pytest.approx(0.2) and values[4] == 1.0 and values[59] == 1.0
    assert values[80] == pytest.approx(0.5) and 0 < values[-1] <= 0.025 + 1e-12
    assert values == sorted(values[:5]) + values[5:60] + sorted(values[60:], reverse=True)
    assert [schedule(i, 3, warmup=0, decay=0) for i in range(3)] == [1.0] * 3
    assert all(0 < schedule(i, 2, warmup=1, decay=1) <= 1 for i in range(2))

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from lontar.train.losses import IGNORE, bits_per_byte, linear_cross_entropy, token_nll


def example(n=61, width=24, vocabulary=97, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(n, width, generator=generator, dtype=dtype)
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype)
    labels = torch.randint(0, vocabulary, (n,), generator=generator)
    labels[::5] = IGNORE
    return hidden.requires_grad_(), weight.requires_grad_(), labels


@pytest.mark.parametrize("chunk_logits", [1, 97 * 20, 10**9])
def test_chunks_equal_the_whole_with_gradients(chunk_logits):
    hidden, weight, labels = example()
    ours = linear_cross_entropy(hidden, weight, labels, chunk_logits=chunk_logits)
    whole = F.cross_entropy(hidden @ weight.T, labels, ignore_index=IGNORE, reduction="sum")
    assert ours.item() == pytest.approx(whole.item(), rel=1e-5)
    # a factor after the loss reaches the gradients
    for a, b in zip(
        torch.autograd.grad(ours * 0.3, (hidden, weight)),
        torch.autograd.grad(whole * 0.3, (hidden, weight)),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_tied_table_gets_both_gradients():
    _, weight, labels = example()
    ids = torch.arange(len(labels)) % len(weight)

    def gradient(loss_of):
        hidden = torch.tanh(weight[ids])
        return torch.autograd.grad(loss_of(hidden), weight)[0]

    ours = gradient(lambda h: linear_cross_entropy(h, weight, labels, chunk_logits=97 * 16))
    whole = gradient(lambda h: F.cross_entropy(h @ weight.T, labels, ignore_index=IGNORE, reduction="sum"))
    assert torch.allclose(ours, whole, rtol=1e-5, atol=1e-5)


def test_a_frozen_side_gets_no_gradient():
    hidden, weight, labels = example()
    linear_cross_entropy(hidden, weight.detach(), labels).backward()
    assert hidden.grad is not None and weight.grad is None


def test_bfloat16_is_near():
    hidden, weight, labels = example(width=64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(hidden, weight, labels)
    whole = F.cross_entropy(hidden @ weight.T, labels, ignore_index=IGNORE, reduction="sum")
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(whole.item(), rel=1e-2)
    loss.backward()
    assert hidden.grad.dtype == torch.float32 and weight.grad.dtype == torch.float32


def test_nothing_to_predict_costs_nothing():
    hidden, weight, labels = example()
    loss = linear_cross_entropy(hidden, weight, torch.full_like(labels, IGNORE))
    loss.backward()
    assert loss.item() == 0 and hidden.grad.abs().max() == 0


def test_each_token_for_itself():
    hidden, weight, labels = example()
    each = token_nll(hidden, weight, labels, chunk_logits=97 * 16)
    whole = F.cross_entropy(hidden @ weight.T, labels, ignore_index=IGNORE, reduction="none")
    assert torch.allclose(each, whole, atol=1e-5) and not each.requires_grad
    assert token_nll(hidden[:0], weight, labels[:0]).shape == (0,)


def test_bits_per_byte():
    assert bits_per_byte(8 * math.log(2), 4) == pytest.approx(2.0)
    assert bits_per_byte(1.0, 0) == 0.0

import pytest
import torch

from lontar.errors import CapabilityError
from lontar.train import packing
from tests.unit.train.conftest import make

LENGTHS = (5, 40, 17, 23, 100, 12, 16, 1)


def documents(lengths=LENGTHS):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(0, 300, (n,), generator=generator) for n in lengths]


def test_packed_is_document_by_document(model):
    """Several widths, padding inside groups, sliding windows shorter than documents, shared key heads."""
    docs = documents()
    with torch.no_grad():
        alone = torch.cat([model(input_ids=d[None], use_cache=False).logits[0] for d in docs])
        packing.prepare(model)
        together = model.get_output_embeddings()(packing.hidden_states(model, torch.cat(docs), LENGTHS))
    assert alone.abs().max() > 1
    assert torch.allclose(alone, together, atol=2e-4, rtol=1e-4)


def test_packed_gradients_are_the_sum_over_documents(model):
    docs = documents((9, 30, 14))
    params = [p for p in model.parameters() if p.requires_grad]

    def loss(logits, ids):
        return torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="sum")

    alone = [torch.zeros_like(p) for p in params]
    for d in docs:
        found = torch.autograd.grad(loss(model(input_ids=d[None], use_cache=False).logits[0], d), params)
        alone = [a + b for a, b in zip(alone, found, strict=True)]
    packing.prepare(model)
    hidden = packing.hidden_states(model, torch.cat(docs), (9, 30, 14))
    logits = model.get_output_embeddings()(hidden).split((9, 30, 14))
    together = torch.autograd.grad(sum(loss(x, d) for x, d in zip(logits, docs, strict=True)), params)
    for a, b in zip(alone, together, strict=True):
        assert (a - b).norm() <= 1e-4 * a.norm()


def test_the_plan_finds_every_token_once():
    plan = packing.plan(LENGTHS)
    assert torch.equal(plan.there[plan.back], torch.arange(sum(LENGTHS)))
    assert sum(count for count, _ in plan.groups) == len(LENGTHS)
    assert sum(count * width for count, width in plan.groups) <= 1.5 * sum(LENGTHS) + 16 * len(LENGTHS)
    assert packing.plan([7, 7]).valid is None


@pytest.mark.parametrize("length", [1, 16, 17, 24, 25, 33, 100, 129, 1000])
def test_size_classes(length):
    size = packing.size_class(length)
    assert length <= size and (size == 16 or size <= 1.5 * length)


def test_the_probe_finds_no_leak(model):
    packing.prepare(model)
    model.train()
    assert packing.leak_probe(model) <= packing.LEAK_TOLERANCE
    assert model.training


def test_the_probe_catches_a_leak(model, monkeypatch):
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def leaking(module, query, key, value, attention_mask, **kwargs):
        kwargs.pop("plan")
        return sdpa_attention_forward(module, query, key, value, None, **kwargs)

    packing.prepare(model)
    monkeypatch.setitem(AttentionInterface._global_mapping, packing.NAME, leaking)
    with pytest.raises(CapabilityError, match="see each other"):
        packing.leak_probe(model)


def test_a_probe_that_finds_no_numbers_does_not_pass():
    model = make()
    packing.prepare(model)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(CapabilityError):
        packing.leak_probe(model)


def test_a_mask_or_a_cache_cannot_switch_the_leak_on():
    """What makes the usual way leak silently (a mask of ones, use_cache) changes nothing here."""
    model = make()
    packing.prepare(model)
    ids = torch.cat(documents((9, 13)))
    options = {"input_ids": ids[None], "position_ids": packing.positions((9, 13)), "plan": packing.plan((9, 13))}
    with torch.no_grad():
        plain = model.base_model(**options, use_cache=False).last_hidden_state
        masked = model.base_model(**options, attention_mask=torch.ones(1, 22)).last_hidden_state
        cached = model.base_model(**options, use_cache=True).last_hidden_state
    assert torch.equal(plain, masked) and torch.equal(plain, cached)


def test_without_a_plan_it_refuses():
    model = make()
    packing.prepare(model)
    with pytest.raises(CapabilityError, match="plan"):
        model(input_ids=torch.zeros(1, 4, dtype=torch.long))


@pytest.mark.parametrize(
    "changes",
    [{"attn_logit_softcapping": 50.0}, {"final_logit_softcapping": 30.0}, {"use_bidirectional_attention": True}],
)
def test_what_cannot_be_packed_is_refused(changes):
    model = make("gemma3")
    for name, value in changes.items():
        setattr(model.config, name, value)
    with pytest.raises(CapabilityError, match=next(iter(changes))):
        packing.prepare(model)


def test_a_head_with_a_bias_is_refused():
    model = make(tie_word_embeddings=False)
    model.lm_head = torch.nn.Linear(48, 300, bias=True)
    with pytest.raises(CapabilityError, match="bias"):
        packing.prepare(model)

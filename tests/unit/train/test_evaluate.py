import math

import numpy as np
import pytest
import torch

from lontar.text import limited
from lontar.train.evaluate import evaluate, windows
from lontar.train.tokens import TokenStore
from tests.unit.train.conftest import make


def store(lengths, sizes, end=True):
    rng = np.random.default_rng(0)
    documents = [np.array([0, *rng.integers(2, 300, n), *([1] if end else [])], dtype=np.int32) for n in lengths]
    return TokenStore(np.concatenate(documents), np.cumsum([0, *map(len, documents)]), np.array(sizes))


@pytest.mark.parametrize("end", [True, False])
def test_every_token_of_the_text_is_counted_once_in_its_window(model, end):
    made = store([5, 70, 33], [10, 150, 60], end)
    nats, n_tokens = 0.0, 0
    for i, n in enumerate((5, 70, 33)):
        ids = torch.from_numpy(made.document(i)[: n + 1].astype(np.int64))
        for begin in range(0, n, 32):
            part = ids[begin : begin + 33]
            with torch.no_grad():
                logits = model(part[None, :-1], use_cache=False).logits[0]
            nats += float(torch.nn.functional.cross_entropy(logits, part[1:], reduction="sum"))
            n_tokens += len(part) - 1
    found = evaluate(model, {"th": made}, ends=end, context=32)["th"]
    assert (found.n_bytes, found.n_tokens) == (220, 108) and n_tokens == 108
    assert found.bits_per_byte == pytest.approx(nats / math.log(2) / 220, rel=1e-4)


def test_windows():
    ids = np.arange(10, dtype=np.int32)
    assert [w.tolist() for w in windows(ids, 4)] == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [8, 9]]
    assert [w.tolist() for w in windows(ids, 9)] == [list(range(10))]
    assert windows(ids[:1], 4) == []


def test_a_limit_in_bytes():
    texts = ["ab", "ກ", "cd", "ef"]
    assert (
        list(limited(texts, 4)) == ["ab", "ກ"] and list(limited(texts, 0)) == [] and list(limited(texts, 99)) == texts
    )


def test_autocast_around_it_changes_nothing():
    model, made = make(), store([5, 70, 33], [10, 150, 60])
    plain = evaluate(model, {"th": made}, ends=True, context=64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert evaluate(model, {"th": made}, ends=True, context=64) == plain

"""Documents become the same ids whichever library encodes them."""

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from lontar.models.fast import Encoder
from lontar.models.vocab import train_bpe
from lontar.train.tokens import tokenize

TEXTS = ["selamat pagi", "", "สวัสดีครับ <|im_end|> ok", "Tie\u0302\u0301ng", "a\ud800b", "ကောင်းတယ်"] * 30


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe(TEXTS[:1] + TEXTS[2:4] + TEXTS[5:6], 300)


def test_the_encoder_changes_no_result(tokenizer):
    pytest.importorskip("tiktoken")
    slow = tokenize(iter(TEXTS), tokenizer, start=None, end=7)
    encoder = Encoder(tokenizer, after=0)
    tokenize(iter(TEXTS), encoder, start=None, end=7)
    fast = tokenize(iter(TEXTS), encoder, start=None, end=7)
    assert encoder.note == "tiktoken"
    for name in ("ids", "offsets", "sizes"):
        assert np.array_equal(getattr(slow, name), getattr(fast, name))


def test_documents_are_framed_and_special_tokens_are_text(tokenizer):
    store = tokenize(["ab<|im_end|>", "", "\ud800"], tokenizer, start=5, end=7)
    assert len(store) == 2 and list(store.sizes) == [12, 3]
    assert store.document(0)[0] == 5 and store.document(0)[-1] == 7
    assert tokenizer.token_to_id("<|im_end|>") not in store.ids
    assert not tokenizer.encode_special_tokens

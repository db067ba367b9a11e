"""Files of ranks become tokenizer.json with the same ids."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.errors import DataError
from lontar.models.vocab import PATTERNS, from_json, to_json, token_bytes, train_bpe
from lontar.tokenizer.ranks import Ranks, is_ranks, merges_of, read_ranks

tiktoken = pytest.importorskip("tiktoken")
TEXT = ["the cat sat on the mat, ภาษาไทย and the hat", "မြန်မာ the bat ate the rat 123"]


def some_ranks():
    tree = to_json(train_bpe(TEXT * 3, 330))
    special = {token["content"] for token in tree["added_tokens"]}
    return {token_bytes(token): i for token, i in tree["model"]["vocab"].items() if token not in special}


RANKS = some_ranks()
READER = tiktoken.Encoding("x", pat_str=PATTERNS["gpt-4o"], mergeable_ranks=RANKS, special_tokens={})
MADE = from_json(Ranks(RANKS, PATTERNS["gpt-4o"], 5, {i: f"<{i}>" for i in range(5)}).tree())


@given(st.text())
def test_the_same_ids_as_tiktoken(text):
    assert [i - 5 for i in MADE.encode(text, add_special_tokens=False).ids] == READER.encode_ordinary(text)


def test_every_token_of_merges_has_one():
    merges = merges_of(RANKS)
    assert [RANKS[a + b] for a, b in merges] == sorted(rank for token, rank in RANKS.items() if len(token) > 1)


def test_ranks_are_read_as_tiktoken_writes_them(tmp_path):
    file = tmp_path / "ranks.tiktoken"
    file.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in RANKS.items()))
    assert is_ranks(file)
    assert read_ranks(file).ranks == RANKS


def test_damaged_ranks_are_named(tmp_path):
    file = tmp_path / "bad.tiktoken"
    file.write_text("dGhl 1\nnonsense\n")
    with pytest.raises(DataError, match="no ranks"):
        read_ranks(file)

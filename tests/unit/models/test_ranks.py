"""tiktoken's form of a tokenizer: written only where the ids are provably the same."""

import base64
import copy
import json
import random

import pytest

pytest.importorskip("tokenizers")

from lontar.errors import DataError, NotAnArtifactError
from lontar.models.ranks import RANKS, NoRanksError, encoding, load_ranks, mergeable_ranks, write_ranks
from lontar.models.vocab import from_json, to_json, write_tokenizer


@pytest.fixture
def tree(tokenizer):
    return copy.deepcopy(to_json(tokenizer))


def toy(merges, ids=None, **model):
    """A tokenizer of bytes and these merges; `ids` of the results where they are not in the order of the merges."""
    from tokenizers import Tokenizer, models

    from lontar.models.vocab import byte_characters, pre_tokenizer

    vocab = {char: byte for byte, char in byte_characters().items()}
    for n, pair in enumerate(merges):
        vocab.setdefault("".join(pair), ids[n] if ids else 256 + n)
    made = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(pair) for pair in merges], **model))
    made.pre_tokenizer = pre_tokenizer("qwen35")
    return to_json(made)


def same(tree, letters, n=3000):
    """Whether tiktoken agrees on random words of few letters, which meet every merge in every neighborhood."""
    draw, slow, fast = random.Random(0), from_json(tree), encoding(tree)
    words = ["".join(draw.choice(letters) for _ in range(draw.randrange(1, 14))) for _ in range(n)]
    return all(slow.encode(word).ids == fast.encode_ordinary(word) for word in words)


def test_ranks_are_ids(tokenizer, tmp_path):
    write_tokenizer(tmp_path, tokenizer)
    assert write_ranks(tmp_path) is None
    rows = [line.split() for line in (tmp_path / RANKS).read_bytes().splitlines()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
    assert ranks == mergeable_ranks(to_json(tokenizer)) and list(ranks.values()) == sorted(ranks.values())
    assert not any(b"<|im_end|>" in token for token in ranks)


def test_written_ranks_are_loaded_with_pattern_and_special_tokens(tokenizer, tmp_path):
    pytest.importorskip("tiktoken")
    write_tokenizer(tmp_path, tokenizer)
    write_ranks(tmp_path)
    made = load_ranks(tmp_path)
    text = "สวัสดีครับ the cat, 12 ok\n"
    assert made.encode_ordinary(text) == tokenizer.encode(text).ids
    assert made.encode("<|im_end|>", allowed_special="all") == [tokenizer.token_to_id("<|im_end|>")]


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"x " + data, lambda data: b""])
def test_other_ranks_are_refused(tokenizer, tmp_path, damage):
    pytest.importorskip("tiktoken")
    write_tokenizer(tmp_path, tokenizer)
    write_ranks(tmp_path)
    (tmp_path / RANKS).write_bytes(damage((tmp_path / RANKS).read_bytes()))
    with pytest.raises(DataError, match="ranks"):
        load_ranks(tmp_path)


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(NotAnArtifactError, match="tokenizer"):
        write_ranks(tmp_path)


def test_what_has_no_ranks_loses_stale_ones(tree, tmp_path):
    tree["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "MergedWithNext"
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    (tmp_path / RANKS).write_bytes(b"old")
    assert write_ranks(tmp_path) == "its pre-tokenizer is not one pattern and then bytes"
    assert not (tmp_path / RANKS).exists()


@pytest.mark.parametrize(
    ("key", "value"), [("type", "Unigram"), ("dropout", 0.1), ("end_of_word_suffix", "</w>"), ("byte_fallback", True)]
)
def test_models_that_tiktoken_has_no_form_for(tree, key, value):
    tree["model"][key] = value
    with pytest.raises(NoRanksError):
        mergeable_ranks(tree)


def test_a_byte_without_a_token_is_named(tree):
    tree["model"]["vocab"] = {token: i for token, i in tree["model"]["vocab"].items() if token != "\u0100"}
    tree["model"]["merges"] = [m for m in tree["model"]["merges"] if "\u0100" not in "".join(m)]
    with pytest.raises(NoRanksError, match="byte 0x00 has no token"):
        mergeable_ranks(tree)


def test_a_token_that_merges_do_not_reach_is_left_out():
    pytest.importorskip("tiktoken")
    # abc is a + bc, but ab is merged first: no text gives it
    tree = toy(["ab", ("b", "c"), ("a", "bc")])
    assert b"abc" not in mergeable_ranks(tree) and same(tree, "abc")


def test_whole_words_are_looked_up_only_where_the_tokenizer_does():
    pytest.importorskip("tiktoken")
    tree = toy(["ab"])
    tree["model"]["vocab"]["abcd"] = 300
    assert b"abcd" not in mergeable_ranks(tree) and same(tree, "abcd")
    tree["model"]["ignore_merges"] = True
    assert b"abcd" in mergeable_ranks(tree) and same(tree, "abcd")
    tree["model"]["vocab"]["abc"] = 299  # tiktoken would merge ab and c in the middle of a word
    with pytest.raises(NoRanksError, match="whole word"):
        mergeable_ranks(tree)


def test_a_late_merge_that_meets_no_other_may_have_an_early_id():
    pytest.importorskip("tiktoken")
    tree = toy(["ab", "cd", "ef"], ids=[257, 258, 256])
    assert mergeable_ranks(tree)[b"ef"] == 256 and same(tree, "abcdef")


def test_a_late_merge_that_overlaps_is_refused():
    """`bc` is merged after `ab` and has the lower id: abc is ab c by the list, a bc by tiktoken."""
    tree = toy(["ab", "bc"], ids=[257, 256])
    with pytest.raises(NoRanksError, match="id 256 is merged after id 257 and overlaps"):
        mergeable_ranks(tree)


def test_a_part_with_a_higher_id_is_refused():
    tree = toy(["ab", ("ab", "c")], ids=[257, 256])
    with pytest.raises(NoRanksError, match="id 256 is made of id 257, which comes later"):
        mergeable_ranks(tree)


def test_what_is_accepted_agrees_whatever_the_merges():
    """Random merges and ids: where no error is raised, random words of three letters have the same ids."""
    pytest.importorskip("tiktoken")
    draw, accepted, shuffled = random.Random(1), 0, 0
    for _ in range(300):
        parts, merges = list("abc"), []
        for _ in range(draw.randrange(1, 7)):
            pair = (draw.choice(parts), draw.choice(parts))
            if "".join(pair) not in parts:
                merges.append(pair)
                parts.append("".join(pair))
        ids = list(range(256, 256 + len(merges)))
        if draw.random() < 0.7:
            draw.shuffle(ids)
        tree = toy(merges, ids=ids, ignore_merges=draw.random() < 0.3)
        try:
            mergeable_ranks(tree)
        except NoRanksError:
            continue
        accepted += 1
        shuffled += ids != sorted(ids)
        assert same(tree, "abc", 150), tree["model"]["merges"]
    assert accepted > 60 and shuffled >= 3

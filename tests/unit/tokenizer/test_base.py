import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.errors import ArtifactError, DataError
from lontar.models.odd_text import RECENT, texts_of_all_languages
from lontar.models.vocab import PATTERNS, to_json, train_bpe
from lontar.tokenizer.base import Bpe, check_base, open_base
from tests.unit.tokenizer.conftest import changed

PATTERNED = {name: check_base(to_json(train_bpe(["the cat"], 270, pattern=name)), name) for name in PATTERNS}


def test_merges_are_read_in_both_forms(base):
    as_text = changed(base, merges=[" ".join(pair) for pair in base.merges])
    assert as_text.merges == base.merges
    longer = as_text.extended([("x", "y")])
    assert longer.tree["model"]["merges"][-1] == "x y" and longer.merges[-1] == ("x", "y")
    assert base.extended([("x", "y")]).tree["model"]["merges"][-1] == ["x", "y"]


def test_new_ids_come_after_the_last_special_and_specials_join_the_vocabulary(base):
    tree = json.loads(json.dumps(base.tree))
    for token in base.specials:
        del tree["model"]["vocab"][token]  # as Qwen's files have it
    bare = check_base(tree, "x")
    new = bare.extended([("x", "y"), ("xy", "z")])
    assert [new.vocab["xy"], new.vocab["xyz"]] == [base.size, base.size + 1]
    assert {t: new.vocab[t] for t in base.specials} == base.specials
    assert new.tokenizer.token_to_id("<|im_end|>") == base.specials["<|im_end|>"]
    assert bare.vocab.keys().isdisjoint(base.specials), "the base itself is left alone"


def dead_word(base):
    """The base with merges for the word กี, which its pattern cuts in two, and the word as a token."""
    a, b, c, d, e, f = "".join(base.pieces("กี"))
    steps = [(a, b), (a + b, c), (d, e), (d + e, f), (a + b + c, d + e + f)]
    return base.extended(steps), a + b + c + d + e + f


def test_old_pieces_obey_the_pattern(base):
    """Under `qwen2` a Thai word is cut at its marks: what merges alone would make of it was never trained."""
    with_word, word = dead_word(base)
    assert with_word.split(word) == [word]
    assert with_word.old_pieces(word) == with_word.encode("กี") == [with_word.vocab[word[:3]], with_word.vocab[word[3:]]]
    assert base.old_pieces("à¸") == [base.vocab["à"], base.vocab["¸"]], "no text: the merges alone"


def test_a_sentencepiece_vocabulary_is_refused_with_the_reason(base):
    with pytest.raises(ArtifactError, match="byte fallback") as caught:
        check_base({**base.tree, "pre_tokenizer": {"type": "Metaspace"}}, "gemma")
    assert "damage" in caught.value.hint and "gemma" in str(caught.value)
    with pytest.raises(ArtifactError, match="Unigram"):
        check_base({"model": {"type": "Unigram"}}, "t5")


def test_damage_is_named(base, tmp_path):
    with pytest.raises(DataError, match="no tokenizer"):
        open_base(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": ', encoding="utf-8")
    with pytest.raises(DataError, match="cannot read"):
        open_base(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot read"):
        open_base(tmp_path)
    with pytest.raises(DataError, match="no model"):
        check_base([], "x")
    broken = {**base.tree, "model": {**base.tree["model"], "merges": [["no", "such"]]}}
    with pytest.raises(DataError, match="not a tokenizer"):
        check_base(broken, "x")


def test_a_base_must_be_able_to_write_every_byte(base):
    vocab = {token: i for token, i in base.vocab.items() if token != "!"}
    with pytest.raises(ArtifactError, match="0x21 has no token"):
        changed(base, vocab=vocab, merges=[m for m in base.merges if "!" not in "".join(m)])


def test_a_hole_among_the_ids_is_named(base):
    tree = json.loads(json.dumps(base.tree))
    tree["model"]["vocab"] = {
        token: i if i < 300 else i + 7 for token, i in base.vocab.items() if token not in base.specials
    }
    tree["added_tokens"] = [{**token, "id": token["id"] + 40} for token in tree["added_tokens"]]
    with pytest.raises(ArtifactError, match="no token has id 300, between"):
        check_base(tree, "x")
    whole = json.loads(json.dumps(base.tree))
    for token in base.specials:
        whole["model"]["vocab"].pop(token, None)
    whole["added_tokens"] = tree["added_tokens"]
    assert check_base(whole, "x").size > base.size, "ids may be reserved between the words and the special tokens"


def test_one_id_for_two_tokens_is_refused(base):
    with pytest.raises(ArtifactError, match="belongs to both"):
        changed(base, vocab={**base.vocab, "zzzz": 7})


def test_a_base_of_bytes_alone():
    bare = Bpe(to_json(train_bpe(["a"], 259)))
    assert bare.merges == [] and bare.encode("ก") == [bare.vocab[c] for c in bare.pieces("ก")[0]]


@given(st.sampled_from(sorted(PATTERNS)), st.lists(st.text(), max_size=3))
def test_pre_tokens_are_counted_as_they_are_cut(name, texts):
    base = PATTERNED[name]
    assert base.count_pieces(texts) == Counter(piece for text in texts for piece in base.pieces(text))


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_pre_tokens_of_every_language_are_counted_as_they_are_cut(name):
    # Characters newer than a library's Unicode are cut by it as it likes; counts of pre-tokens do not depend on them.
    base, texts = PATTERNED[name], [text for text in texts_of_all_languages() if text != RECENT]
    assert base.count_pieces(texts) == Counter(piece for text in texts for piece in base.pieces(text))

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tokenizers")

from lontar.errors import ConfigError, DataError
from lontar.models import vocab
from lontar.models.vocab import (
    DEFAULT_SPECIALS,
    PATTERNS,
    byte_characters,
    from_json,
    pattern_name,
    split_pattern,
    to_json,
    token_bytes,
    train_bpe,
    write_tokenizer,
)

ROOT = Path(__file__).parents[3]
TEXTS = ["the cat sat on the mat", "ภาษาไทยนี้ดี", "မြန်မာစကား", "你好世界"] * 5


@pytest.fixture(scope="module")
def trained():
    return train_bpe(TEXTS, 330)


def test_bytes_then_merges_then_specials(trained):
    tree = to_json(trained)
    ids = tree["model"]["vocab"]
    assert trained.get_vocab_size() == len(ids) <= 330
    assert set(byte_characters().values()) == {t for t, i in ids.items() if i < 256}
    assert [ids[s] for s in DEFAULT_SPECIALS] == [len(ids) - 3, len(ids) - 2, len(ids) - 1]
    assert [trained.token_to_id(s) for s in DEFAULT_SPECIALS] == [ids[s] for s in DEFAULT_SPECIALS]


@given(st.text(max_size=60))
def test_any_text_survives(trained, text):
    normalized = trained.normalizer.normalize_str(text)
    assert trained.decode(trained.encode(text).ids, skip_special_tokens=False) == normalized


def test_words_keep_their_marks(trained):
    assert [p for p, _ in trained.pre_tokenizer.pre_tokenize_str("นี้ดี")] == ["".join(
        byte_characters()[b] for b in "นี้ดี".encode()
    )]  # fmt: skip
    cut = train_bpe(TEXTS, 330, pattern="qwen2")
    assert len(cut.pre_tokenizer.pre_tokenize_str("นี้ดี")) > 1


def test_equal_in_every_process(trained):
    script = (
        "import hashlib; from tests.unit.models.test_vocab import TEXTS; from lontar.models.vocab import train_bpe; "
        "print(hashlib.sha256(train_bpe(TEXTS, 330).to_str().encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": n, "RAYON_NUM_THREADS": n},
        ).stdout
        for n in ("1", "3")
    }
    assert len(found) == 1


def test_what_cannot_be_trained_is_named():
    with pytest.raises(DataError, match="no text"):
        train_bpe([], 300)
    with pytest.raises(ConfigError, match="258 is below 256 bytes"):
        train_bpe(["a"], 258)
    with pytest.raises(ConfigError, match="unknown pattern 'qwen53'") as caught:
        train_bpe(["a"], 300, pattern="qwen53")
    assert "qwen35" in caught.value.hint


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_patterns_are_known_by_their_text(name):
    tree = to_json(train_bpe(["a b"], 260, pattern=name))
    assert pattern_name(tree) == name and split_pattern(tree) == PATTERNS[name]
    assert pattern_name({"pre_tokenizer": None}) is None


def test_patterns_are_those_of_transformers():
    """`tokenization_qwen2.py` and `tokenization_qwen3_5.py` in transformers 5 state them."""
    qwen2 = pytest.importorskip("transformers.models.qwen2.tokenization_qwen2")
    qwen35 = pytest.importorskip("transformers.models.qwen3_5.tokenization_qwen3_5")
    assert PATTERNS["qwen2"] == qwen2.PRETOKENIZE_REGEX
    assert PATTERNS["qwen35"] == qwen35.PRETOKENIZE_REGEX


def test_byte_characters_are_one_to_one_and_go_back():
    table = byte_characters()
    assert len(set(table.values())) == 256
    assert token_bytes("".join(table[b] for b in range(256))) == bytes(range(256))
    with pytest.raises(KeyError):
        token_bytes("<｜end｜>")


@pytest.mark.parametrize("template", [None, "{{ messages }}\n"])
def test_auto_tokenizer_gives_the_same_ids(trained, tmp_path, template):
    transformers = pytest.importorskip("transformers")
    write_tokenizer(tmp_path, trained, chat_template=template)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in [*TEXTS, "", "a  b\n<|im_start|>user\nนี้<|im_end|>", "ﬁ e\u0301"]:
        assert loaded(text)["input_ids"] == trained.encode(text).ids
    assert (loaded.eos_token, loaded.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert (tmp_path / "chat_template.jinja").is_file() == (template is not None)
    if template is not None:
        assert loaded.chat_template == template


def test_specials_stay_when_tokens_are_added(trained, tmp_path):
    """They stand in the model's vocabulary, so nothing renumbers them."""
    tree = json.loads(trained.to_str())
    tree["model"]["vocab"]["zzzz"] = trained.get_vocab_size()
    longer = from_json(tree)
    for special in vocab.DEFAULT_SPECIALS:
        assert longer.token_to_id(special) == trained.token_to_id(special)

"""`lontar adopt tokenizer`: a tokenizer.json as it is, ranks converted, what is neither refused."""

import base64
import json

import pytest

from lontar.models.vocab import PATTERNS, to_json, train_bpe
from lontar.tokenizer.base import check_base
from tests.unit.tokenizer.test_ranks import RANKS, READER, TEXT


def tekken(folder):
    rows = [{"rank": i, "token_bytes": base64.b64encode(t).decode()} for t, i in RANKS.items()]
    config = {"pattern": PATTERNS["gpt-4o"], "default_num_special_tokens": 4, "default_vocab_size": 4 + len(rows)}
    special = [{"rank": 1, "token_str": "<s>", "is_control": True}]
    (folder / "tekken.json").write_text(json.dumps({"config": config, "vocab": rows, "special_tokens": special}))


def test_a_tokenizer_is_adopted_from_ranks(cli, tmp_path):
    tekken(tmp_path)
    out = tmp_path / "out"
    ran = cli("adopt", "tokenizer", str(tmp_path), "--license", "Apache-2.0", "--out", str(out))
    assert ran.code == 0, ran.err
    found = check_base(json.loads((out / "tokenizer.json").read_text(encoding="utf-8")), "out")
    assert found.specials["<s>"] == 1 and len(found.specials) == 4
    text = "the cat ภาษา"
    assert [i - 4 for i in found.encode(text)] == READER.encode_ordinary(text)


def test_a_tokenizer_json_is_adopted_as_it_is(cli, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    text = json.dumps(to_json(train_bpe(TEXT, 300)))
    (source / "tokenizer.json").write_text(text)
    (source / "LICENSE").write_text("Apache License\n   Version 2.0")
    ran = cli("adopt", "tokenizer", str(source), "--out", str(out))
    assert ran.code == 0, ran.err
    assert (out / "tokenizer.json").read_text() == text


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("tokenizer.json", "{", 5, "tokenizer.json"),
        ("tekken.json", "{}", 5, "no ranks can be read"),
        ("x.model", "\x00\x01", 5, "SentencePiece"),
        ("other.txt", "x", 5, "no vocabulary"),
    ],
)
def test_what_is_no_tokenizer_is_refused(cli, tmp_path, name, content, code, said):
    (tmp_path / name).write_text(content)
    ran = cli("adopt", "tokenizer", str(tmp_path), "--license", "MIT", "--out", str(tmp_path / "out"))
    assert ran.code == code and said in ran.err


def test_terms_are_asked_for(cli, tmp_path):
    tekken(tmp_path)
    ran = cli("adopt", "tokenizer", str(tmp_path), "--out", str(tmp_path / "out"))
    assert ran.code == 6 and "--license" in ran.err


def test_a_model_is_a_folder(cli, tmp_path):
    (tmp_path / "file").write_text("x")
    ran = cli("adopt", "model", str(tmp_path / "file"), "--license", "MIT", "--out", str(tmp_path / "out"))
    assert ran.code == 4 and "folder with config.json" in ran.err

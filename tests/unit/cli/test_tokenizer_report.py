"""`lontar tokenizer report`: tables for people, JSON for programs, errors that name the place."""

import json

import pytest

from lontar.core.shards import write_jsonl
from lontar.models.vocab import train_bpe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    train_bpe(["the cat", "ไปตลาด"] * 20, 300, specials=("<|end|>",)).save(str(path / "tokenizer.json"))
    return path


def test_the_command(cli, folder, tmp_path):
    done = cli("tokenizer", "report", str(folder / "tokenizer.json"), "--no-dead", "--json", "--langs", "my,th")
    (found,) = json.loads(done.out)
    assert done.code == 0 and set(found["languages"]) == {"en", "my", "th"}
    shown = cli("tokenizer", "report", str(folder / "tokenizer.json"), "--no-dead")
    told = " ".join(shown.out.split())
    assert shown.code == 0 and "parity: tokens over English" in told and "inequality" in told
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{"id": 1, "lang": "en", "text": "a", "parallel": {"th": "ก", "xyz": "b"}}])
    assert set(
        json.loads(cli("tokenizer", "report", str(folder), "--parallel", str(path), "--json").out)[0]["languages"]
    ) == {"en", "th"}
    write_jsonl(path, [{"id": 1, "lang": "en", "text": "a"}])
    done = cli("tokenizer", "report", str(folder), "--parallel", str(path))
    assert done.code == 5 and "in two languages" in done.err
    assert cli("tokenizer", "report", str(folder), "--langs", "xx").code == 5


def test_check(cli, folder, tmp_path):
    pytest.importorskip("transformers")
    done = cli("tokenizer", "check", str(folder), "--json")
    found = json.loads(done.out)
    assert done.code == 0 and found["differences"] == [] and found["loaders"][0] == "tokenizers"
    path = tmp_path / "texts.jsonl"
    write_jsonl(path, [{"id": 1, "text": "one more"}])
    assert (
        json.loads(cli("tokenizer", "check", str(folder), "--json", "--texts", str(path)).out)["texts"]
        == found["texts"] + 1
    )
    assert cli("tokenizer", "check", str(tmp_path)).code == 5


def test_check_names_what_differs(cli, folder, monkeypatch):
    from lontar.tokenizer import check

    monkeypatch.setattr(check, "_encoded", lambda tokenizer, texts: [[1, 2, 3] for _ in texts])
    done = cli("tokenizer", "check", str(folder))
    assert done.code == 4 and "AutoTokenizer: " in done.out and "differs from token" in done.out

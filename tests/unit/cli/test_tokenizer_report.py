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
    assert shown.code == 0 and "parity: tokens over English" in shown.out and "inequality" in shown.out
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{"id": 1, "lang": "en", "text": "a", "parallel": {"th": "ก", "xyz": "b"}}])
    assert set(
        json.loads(cli("tokenizer", "report", str(folder), "--parallel", str(path), "--json").out)[0]["languages"]
    ) == {"en", "th"}
    write_jsonl(path, [{"id": 1, "lang": "en", "text": "a"}])
    done = cli("tokenizer", "report", str(folder), "--parallel", str(path))
    assert done.code == 5 and "in two languages" in done.err
    assert cli("tokenizer", "report", str(folder), "--langs", "xx").code == 5

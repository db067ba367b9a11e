"""Vocabularies of every format give the same ids through one interface, and the measures are what they are called."""

import base64
import json
from pathlib import Path

import pytest

from lontar.errors import DataError
from lontar.models.vocab import PATTERNS, token_bytes, train_bpe
from lontar.tokenizer.parity import gini, measure, measure_language
from lontar.tokenizer.vocabularies import Vocabulary, open_vocabulary

TEXTS = ["The cat sits on the mat.", "ไปตลาดกับแม่", "မြန်မာစာ", "a\u200bb ภาษา\u200bไทย"]
DATA = Path(__file__).parents[4] / "shared" / "data" / "tokenizers"


@pytest.fixture(scope="module")
def made():
    return train_bpe([*TEXTS, "the cat the mat"] * 20, 400, pattern="gpt-4o", specials=("<|end|>",))


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabularies")
    made.save(str(path / "tokenizer.json"))
    ranks = {t: i for t, i in made.get_vocab().items() if t != "<|end|>"}
    lines = [f"{base64.b64encode(token_bytes(t)).decode()} {i}" for t, i in sorted(ranks.items(), key=lambda x: x[1])]
    (path / "ranks.tiktoken").write_text("\n".join(lines), encoding="utf-8")
    rows = [{"rank": i, "token_bytes": line.split()[0], "token_str": None} for i, line in enumerate(lines)]
    config = {"pattern": PATTERNS["gpt-4o"], "default_vocab_size": len(rows) + 3, "default_num_special_tokens": 3}
    (path / "tekken").mkdir()
    (path / "tekken" / "tekken.json").write_text(json.dumps({"config": config, "vocab": rows}), encoding="utf-8")
    return path


def test_one_vocabulary_in_three_formats(made, folder):
    pytest.importorskip("tiktoken")
    pytest.importorskip("regex")
    first = open_vocabulary(folder / "tokenizer.json")
    ranks, tekken = open_vocabulary(folder / "ranks.tiktoken"), open_vocabulary(folder / "tekken")
    assert (first.kind, ranks.kind, tekken.kind) == ("tokenizer.json", "tiktoken", "tekken")
    assert "taken as gpt-4o" in ranks.note and tekken.name == "tekken"
    for text in TEXTS:
        ids = made.encode(text, add_special_tokens=False).ids
        assert first.encode(text) == ranks.encode(text) == ids
        assert [i - 3 for i in tekken.encode(text)] == ids
        for each in (first, ranks, tekken):
            assert b"".join(each.tokens[i] for i in each.encode(text)).decode() == text
    assert first.tokens[made.token_to_id("<|end|>")] == b"" == tekken.tokens[0]


def test_gguf(made, tmp_path):
    gguf = pytest.importorskip("gguf")
    tree = json.loads(train_bpe(TEXTS * 20, 380, specials=("<|end|>",)).to_str())
    by_id = sorted(tree["model"]["vocab"], key=tree["model"]["vocab"].get)
    writer = gguf.GGUFWriter(str(tmp_path / "v.gguf"), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen35")
    writer.add_token_list(by_id)
    writer.add_token_types([3 if t == "<|end|>" else 1 for t in by_id])
    writer.add_token_merges([" ".join(m) for m in tree["model"]["merges"]])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    one, other = open_vocabulary(tmp_path / "v.gguf"), open_vocabulary(tmp_path / "tokenizer.json")
    assert one.kind == "gguf" and one.size == other.size
    for text in TEXTS:
        assert one.encode(text) == other.encode(text)


def test_sentencepiece(tmp_path):
    library = pytest.importorskip("sentencepiece")
    (tmp_path / "text").write_text("\n".join(TEXTS * 30), encoding="utf-8")
    library.SentencePieceTrainer.train(
        input=str(tmp_path / "text"),
        model_prefix=str(tmp_path / "m"),
        vocab_size=297,
        byte_fallback=True,
        minloglevel=2,
    )
    found = open_vocabulary(tmp_path / "m.model")
    assert found.kind == "sentencepiece" and found.dead == []
    text = "the cat ខ្មែរ"
    assert b"".join(found.tokens[i] for i in found.encode(text)).decode().strip() == text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", b"{", "no vocabulary can be read"),
        ("tekken.json", b'{"config": {}}', "no ranks can be read"),
        ("x.gguf", b"GGUF", "no vocabulary can be read"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, said):
    pytest.importorskip("gguf")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        open_vocabulary(tmp_path / name)
    assert name in caught.value.message
    with pytest.raises(DataError, match="no vocabulary there"):
        open_vocabulary(tmp_path / "none")


def by_pieces(pieces):
    """A vocabulary that cuts every text into given pieces."""
    return Vocabulary("fixed", "test", lambda text: list(range(len(pieces))), pieces)


def test_measures_by_hand():
    pytest.importorskip("regex")
    text = "กำ ก"
    data = text.encode()
    # The letter and its vowel part; a space; half a letter; the rest of it.
    costs = measure_language(by_pieces([data[:3], data[3:6], data[6:7], data[7:8], data[8:]]), [text])
    assert (costs.tokens_per_sentence, costs.tokens_per_character) == (5, 5 / 4)
    assert costs.bytes_per_token == len(data) / 5
    assert costs.breaking == 4 / 5 and costs.invalid == 2 / 5 and costs.zwsp == 1


def test_zero_width_spaces_are_set_aside_and_counted(folder):
    costs = measure_language(open_vocabulary(folder / "tokenizer.json"), ["ไป\u200bตลาด"])
    assert costs.tokens_per_character == costs.tokens_per_sentence / len("ไปตลาด") and costs.zwsp > 1


def test_parity_and_gini(folder):
    found = measure(
        open_vocabulary(folder / "tokenizer.json"), {"en": ["the cat"], "th": ["ไป"], "zh": ["猫"]}, dead=False
    )
    english, thai = found.languages["en"], found.languages["th"]
    assert english.parity == 1 and thai.parity == thai.tokens_per_sentence / english.tokens_per_sentence
    assert found.mean_parity == found.max_parity == thai.parity
    assert gini([2, 2, 2]) == 0 and gini([0, 0, 3]) == pytest.approx(2 / 3) and gini([]) == 0
    assert gini([1, 3]) == pytest.approx(0.25)


def test_tokens_that_no_text_gives(made, tmp_path):
    tree = json.loads(made.to_str())
    # A token over a border where the pattern cuts: nothing can make it.
    tree["model"]["vocab"]["tĠt"] = max(tree["model"]["vocab"].values()) + 1
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    assert tree["model"]["vocab"]["tĠt"] in open_vocabulary(tmp_path / "tokenizer.json").dead


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/tokenizers: not part of a clone")
def test_known_tokenizers():
    pytest.importorskip("tiktoken")
    from lontar.tokenizer.sentences import packaged_languages, packaged_sentences

    qwen = open_vocabulary(DATA / "qwen3")
    thai = [i for i in qwen.dead if any("\u0e01" <= c <= "\u0e4e" for c in qwen.tokens[i].decode())]
    assert len(thai) == 1578
    sentences = packaged_sentences(packaged_languages(), "test")
    costs = {name: measure(open_vocabulary(DATA / name), sentences, dead=False) for name in ("llama3", "gemma3")}
    assert costs["gemma3"].gini_sentence < costs["llama3"].gini_sentence


def test_the_normal_form_that_a_folder_names_is_measured(tmp_path):
    """A zero-width space costs tokens, and the form that the folder names has none."""
    from lontar.core.shards import write_json

    train_bpe(["the cat"], 270, pattern="qwen35").save(str(tmp_path / "tokenizer.json"))
    assert measure_language(open_vocabulary(tmp_path), ["a\u200bb"]).normalized is None
    write_json(tmp_path / "lontar.json", {"normalization": ["zwsp", "nfc"]})
    costs = measure_language(open_vocabulary(tmp_path), ["a\u200bb", "ab"])
    assert costs.normalized == pytest.approx(4 / 7)

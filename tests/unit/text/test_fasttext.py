"""Our reader of fastText models against predictions of the original, and what it refuses."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.errors import ConfigError, DataError
from lontar.text import fasttext, fasttext_features, fasttext_format, fasttext_output
from lontar.text.fasttext import FastText
from lontar.text.fasttext_features import Features, char_grams, tokens
from lontar.text.fasttext_format import Dictionary, Matrix, ModelFile, Settings, read_model

GOLDEN = Path(__file__).parents[2] / "golden" / "fasttext"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
TEXTS = EXPECTED["texts"]
MODELS = {
    "softmax.bin": "dense, n-grams of characters",
    "hs.bin": "Huffman tree with equal counts, odd width",
    "ova.bin": "sigmoids from a table: many equal scores",
    "plain.bin": "words only, another label prefix",
    "words2.bin": "pairs of words, no n-grams of characters",
    "words3.bin": "n-grams of up to three words and of single characters",
    "hs-qnorm.ftz": "quantized, with norms, last sub-quantizer narrower",
    "hs-cutoff.ftz": "pruned, with n-grams of words and of characters",
    "softmax-cutoff.ftz": "pruned, without norms, last sub-quantizer narrower",
    "words-cutoff.ftz": "pruned down to words",
    "lines-qout.ftz": "260 labels, quantized output",
}
# Byte offsets in a model file.
VERSION, DIM, LOSS, MODEL, MINN, MAXN, SIZE, WORDS, LABELS = 4, 8, 32, 36, 44, 48, 64, 68, 72
DATA = 64 + 28


def load(name, **options):
    return FastText.load(GOLDEN / name, **options)


def patched(tmp_path, name, values):
    """A copy of a golden model with int32 values written over it."""
    data = bytearray((GOLDEN / name).read_bytes())
    for at, value in values.items():
        struct.pack_into("<i", data, at, value)
    path = tmp_path / name
    path.write_bytes(data)
    return path


def everything(model):
    return [model.predict_many(TEXTS, k) for k in (1, 5)]


# --- the original's predictions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_labels_and_probabilities_are_those_of_the_original(name):
    model, expected = load(name, prefix=""), EXPECTED["models"][name]
    assert list(model.labels) == expected["labels"]
    for at, k, threshold, wanted in expected["cases"]:
        found = model.predict(TEXTS[at], k, threshold)
        assert [label for label, _ in found] == [expected["labels"][label] for label, _ in wanted], (TEXTS[at], k)
        # Six digits are stored, and no probability is below 1e-5.
        assert [p for _, p in found] == pytest.approx([p for _, p in wanted], rel=1e-5), (TEXTS[at], k)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("k", [1, 5, -1])
def test_many_texts_are_predicted_as_one_by_one(name, k):
    assert load(name).predict_many(TEXTS, k) == [load(name).predict(text, k) for text in TEXTS]


def test_every_stored_model_is_tested():
    stored = {path.name for path in GOLDEN.iterdir() if path.suffix in (".bin", ".ftz")}
    assert stored == set(MODELS) == set(EXPECTED["models"])


def test_negative_sampling_predicts_like_one_versus_all(tmp_path):
    model = FastText.load(patched(tmp_path, "ova.bin", {LOSS: 2}))
    assert model.loss == "ns"
    assert everything(model) == everything(load("ova.bin"))


def test_version_11_has_no_character_ngrams(tmp_path):
    same = FastText.load(patched(tmp_path, "words2.bin", {VERSION: 11}))
    assert everything(same) == everything(load("words2.bin"))
    fewer = FastText.load(patched(tmp_path, "softmax.bin", {VERSION: 11}))
    assert fewer.predict("qqqqqq") == fewer.predict("")
    assert load("softmax.bin").predict("qqqqqq") != load("softmax.bin").predict("")


# --- labels, line feeds, arguments -----------------------------------------------------------------------------------


def test_the_prefix_is_cut_off_labels_or_left():
    found = load("softmax.bin").predict(TEXTS[-1])[0].label
    assert load("softmax.bin", prefix="").predict(TEXTS[-1])[0].label == f"__label__{found}"
    assert set(load("plain.bin", prefix="__lang__").labels) == set(load("softmax.bin").labels)
    assert all(label.startswith("__lang__") for label in load("plain.bin").labels)


def test_line_feeds_are_refused_or_become_spaces():
    model = load("softmax.bin")
    with pytest.raises(DataError, match="text 1 has a line feed at character 4") as caught:
        model.predict_many(["saya", "saya\nmakan"])
    assert "newlines='space'" in caught.value.hint
    assert model.predict("saya\nmakan", newlines="space") == model.predict("saya makan")
    assert model.predict("saya\r\x0b\x85makan")  # other line ends are not refused


@pytest.mark.parametrize("k", [0, -2])
def test_impossible_numbers_of_labels_are_refused(k):
    with pytest.raises(ConfigError, match=f"k is {k}"):
        load("softmax.bin").predict("saya", k)


def test_an_unknown_way_with_newlines_is_refused():
    with pytest.raises(ConfigError, match="newlines is 'drop'"):
        load("softmax.bin").predict("saya", newlines="drop")


def test_lone_surrogates_are_read_as_the_replacement_character():
    model = load("softmax.bin")
    assert model.predict("sa\ud800ya \udfff") == model.predict("sa\ufffdya \ufffd")


def test_a_text_without_known_parts_has_no_prediction(tmp_path):
    """Where a model does not know even the end of a line."""
    data = (GOLDEN / "plain.bin").read_bytes()
    path = tmp_path / "noeos.bin"
    path.write_bytes(data.replace(b"</s>\0", b"<#s>\0"))
    model = FastText.load(path)
    known = model.predict("<#s>")
    assert known
    assert model.predict_many(["", "<#s>", "qqqqqq"]) == [[], known, []]


def test_a_model_of_one_label_and_without_any_ngram_left():
    settings = Settings(dim=2, word_ngrams=2, loss="hs", bucket=10, minn=2, maxn=3)
    none = np.zeros(0, np.int32)
    dictionary = Dictionary({b"</s>": 0, b"saya": 1}, 2, (b"__label__id",), (5,), (none, none))
    weights = Matrix(2, 2, np.ones((2, 2), np.float32))
    file = ModelFile(GOLDEN, settings, dictionary, weights, Matrix(1, 2, np.ones((1, 2), np.float32)), True)
    assert Features(settings, dictionary).rows([tokens("saya qqqqqq")])[0].tolist() == [1, 0]
    assert FastText(file).predict("saya") == [("id", 1.0)]


def test_tokens_are_split_where_the_original_splits():
    assert tokens("a b\tc\vd\fe\rf\0g\x1ch\x85i\u00a0j") == [
        *(letter.encode() for letter in "abcdef"),
        "g\x1ch\x85i\u00a0j".encode(),
        b"</s>",
    ]
    assert tokens("a </s> b") == [b"a", b"</s>"]
    assert tokens("") == [b"</s>"]


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["words3.bin", "hs-cutoff.ftz"])
@pytest.mark.parametrize(
    "text", ["\u0301" * 500_000, "\u200b" * 100_000, "x" * 1_000_000, "nasi " * 100_000, " " * 1_000_000]
)
def test_long_texts_have_as_many_rows_as_their_length_allows(name, text):
    file = read_model(GOLDEN / name)
    lines = [tokens(text)]
    (rows,) = Features(file.settings, file.dictionary).rows(lines)
    assert 0 < len(rows) <= (3 * sum(map(len, lines[0]))) + 3 * len(lines[0])
    assert FastText(file).predict(text)


@pytest.mark.parametrize("name", ["words3.bin", "hs-cutoff.ftz", "lines-qout.ftz"])
@pytest.mark.parametrize(
    ("module", "limit", "value"),
    [
        (fasttext, "TEXTS", 2),
        (fasttext, "CHARACTERS", 1),
        (fasttext, "GATHERED", 1),
        (fasttext_features, "CACHE", 300),
        (fasttext_features, "CACHE", 0),
        (fasttext_features, "BLOCK", 1),
        (fasttext_output, "PRODUCTS", 1),
        (fasttext_format, "DECODED", 0),
    ],
)
def test_limits_of_memory_change_no_bit(name, module, limit, value, monkeypatch):
    expected = everything(load(name))
    monkeypatch.setattr(module, limit, value)
    assert everything(load(name)) == expected


def test_the_cache_of_words_is_bounded(monkeypatch):
    monkeypatch.setattr(fasttext_features, "CACHE", 1000)
    file = read_model(GOLDEN / "softmax.bin")
    features = Features(file.settings, file.dictionary)
    sizes = []
    for n in range(100):
        features.rows([[b"%d" % n]])
        sizes.append(len(features._cache))
    assert 2 <= max(sizes) <= 1000 // fasttext_features.OVERHEAD


def test_a_header_that_asks_for_endless_ngrams_is_bounded_by_the_word():
    hashes, ends = char_grams([b"ab", b"c"], 1, 2**31 - 1)
    assert ends.tolist() == [8, 12]  # <ab>: 10 of which 2 are single brackets; <c>: 6 of which 2
    assert len(set(hashes.tolist())) == 12
    assert char_grams([b"ab"], 2**31 - 2, 2**31 - 1)[1].tolist() == [0]


# --- files that are refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04", "is not a fastText model: it begins with b'PK"),
        (b"2 3\nsaya 0.1 0.2 0.3\n", "is not a fastText model"),
        (struct.pack("<ii", 793712314, 13), "version 13, only 11 and 12"),
        (struct.pack("<ii", 793712314, 12), "truncated or damaged: 8 bytes, 48 more wanted at byte 8"),
    ],
)
def test_other_files_are_refused(tmp_path, data, message):
    path = tmp_path / "some.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        FastText.load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_path_that_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.bin: there is no such file"):
        FastText.load(tmp_path / "none.bin")
    with pytest.raises(DataError, match="cannot be read"):
        FastText.load(tmp_path)


@pytest.mark.parametrize(("model", "kind"), [(1, "cbow"), (2, "skipgram")])
def test_word_vectors_are_refused_by_what_they_are(tmp_path, model, kind):
    with pytest.raises(DataError, match=f"word vectors of the kind {kind}, not a classifier") as caught:
        FastText.load(patched(tmp_path, "softmax.bin", {MODEL: model}))
    assert "fasttext supervised" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({MODEL: 9}, "model 9"),
        ({LOSS: 9}, "loss 9"),
        ({DIM: 5}, "width 4 in a model of 5"),
        ({LABELS: 0}, "0 labels"),
        ({SIZE: 2**30, WORDS: 2**30 - 13}, "dictionary entries in"),
        ({40: 10**6}, "input rows where 1,"),
    ],
)
def test_contradictions_are_refused(tmp_path, values, message):
    with pytest.raises(DataError, match=f"damaged: .*{message}"):
        FastText.load(patched(tmp_path, "softmax.bin", values))


def test_a_word_among_the_labels_is_refused(tmp_path):
    data = bytearray((GOLDEN / "softmax.bin").read_bytes())
    data[data.index(b"__label__") + len(b"__label__id\0") + 8] = 0
    path = tmp_path / "kind.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match="a word among the labels"):
        FastText.load(path)


@pytest.mark.parametrize("name", MODELS)
def test_a_file_cut_anywhere_is_refused(tmp_path, name):
    data = (GOLDEN / name).read_bytes()
    path = tmp_path / name
    for size in [*range(1, 200, 7), *range(200, len(data), len(data) // 60), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(DataError):
            FastText.load(path)


def test_weights_that_are_no_numbers_are_told(tmp_path):
    data = (GOLDEN / "softmax.bin").read_bytes()
    path = tmp_path / "nan.bin"
    path.write_bytes(data[:-4] + struct.pack("<f", np.nan))
    with pytest.raises(DataError, match="not numbers"):
        FastText.load(path).predict("saya")


@pytest.mark.parametrize("count", [-1, 10**15])
def test_a_label_that_has_no_possible_count_is_refused(tmp_path, count):
    data = bytearray((GOLDEN / "hs.bin").read_bytes())
    struct.pack_into("<q", data, data.index(b"__label__") + len(b"__label__id\0"), count)
    path = tmp_path / "count.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match="no possible count"):
        FastText.load(path)


# --- Facebook's language identifier ----------------------------------------------------------------------------------


@pytest.mark.skipif("LONTAR_LID176" not in os.environ, reason="LONTAR_LID176 names no lid.176.ftz or lid.176.bin")
def test_lid176_knows_our_languages():
    model = FastText.load(os.environ["LONTAR_LID176"])
    assert (len(model.labels), model.dim, model.loss) == (176, 16, "hs")
    for lang in ("en", "zh", "th", "vi", "my", "km", "lo", "ta"):
        texts = [row["text"] for _, row in read_jsonl(samples.path("paragraphs") / f"{lang}.jsonl")]
        right = [best[0].label == lang for best in model.predict_many(texts, newlines="space")]
        assert sum(right) >= 0.99 * len(right) > 0, lang

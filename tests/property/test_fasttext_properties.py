"""The reader of fastText models on arbitrary text and damaged files; its parts against plain loops and formulas."""

import heapq
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.errors import DataError
from lontar.text.fasttext import FastText
from lontar.text.fasttext_features import char_grams, tokens, word_grams, word_hash
from lontar.text.fasttext_output import Heap, huffman

GOLDEN = Path(__file__).parents[1] / "golden" / "fasttext"
# One of each loss, with and without quantization, pruning and n-grams of words.
FILES = [GOLDEN / name for name in ("ova.bin", "words3.bin", "hs-cutoff.ftz", "lines-qout.ftz")]
MODELS = {path.name: FastText.load(path) for path in FILES}
SOME = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))["texts"]
ANY = st.one_of(
    st.text(st.characters(exclude_characters="\n"), max_size=40),  # surrogates among them
    st.lists(st.sampled_from([*SOME, " ", "\0", "</s>", "__label__", "ก", "é", "😀", "<", ">"]), max_size=6).map(
        "".join
    ),
)
WORDS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).map(str.encode), min_size=1, max_size=5)


# --- predictions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@given(texts=st.lists(ANY, max_size=4), k=st.integers(1, 20), threshold=st.sampled_from([0.0, 0.1, 0.9, -1.0, 2.0]))
def test_predictions_are_sorted_few_and_probable(name, texts, k, threshold):
    model = MODELS[name]
    found = model.predict_many(texts, k, threshold)
    assert found == [model.predict(text, k, threshold) for text in texts]
    for labels in found:
        probabilities = [p for _, p in labels]
        assert len({label for label, _ in labels}) == len(labels) <= k
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(max(threshold - 2e-5, 0) <= p <= 1.0001 for p in probabilities)


@given(text=ANY, other=ANY)
def test_white_space_is_equal_and_nothing_counts_after_the_end(text, other):
    model = MODELS["words3.bin"]
    found = model.predict(text, 3)
    assert model.predict(" \0" + text.replace(" ", "\t \r"), 3) == found
    assert model.predict(f"{text} </s> {other}", 3) == found


# --- hashes ----------------------------------------------------------------------------------------------------------


def fnv(data):
    value = 2166136261
    for byte in data:
        value = ((value ^ (byte - 256 if byte > 127 else byte)) & 0xFFFFFFFF) * 16777619 & 0xFFFFFFFF
    return value


@given(words=WORDS, minn=st.integers(0, 5), maxn=st.integers(1, 7))
def test_character_ngrams_are_those_of_a_plain_loop(words, minn, maxn):
    hashes, ends = char_grams(words, minn, maxn)
    expected, lengths = [], []
    for word in words:
        text = f"<{word.decode()}>"
        for begin in range(len(text)):
            for end in range(begin + max(1, minn), min(begin + maxn, len(text)) + 1):
                if end - begin > 1 or 0 < begin < len(text) - 1:
                    expected.append(fnv(text[begin:end].encode()))
        lengths.append(len(expected))
    assert hashes.tolist() == expected
    assert ends.tolist() == lengths


@given(words=st.lists(st.binary(max_size=6), max_size=7), longest=st.integers(2, 5))
def test_word_ngrams_are_those_of_a_plain_loop(words, longest):
    hashes = np.frombuffer(b"".join(map(word_hash, words)), np.int32)
    assert (hashes.view(np.uint32) == [fnv(word) for word in words]).all()
    expected = []
    for begin in range(len(words)):
        value = int(hashes[begin])
        for end in range(begin + 1, min(begin + longest, len(words))):
            value = (value * 116049371 + int(hashes[end])) % 2**64
            expected.append(value)
    assert word_grams(hashes, longest).tolist() == expected


@given(text=ANY)
def test_tokens_hold_all_text_but_white_space(text):
    if "</s>" not in text:
        *words, end = tokens(text)
        kept = "".join(c for c in text if c not in " \t\v\f\r\0").encode(errors="surrogatepass")
        assert end == b"</s>"
        assert len(b"".join(words)) == len(kept)


# --- the tree and the heap -------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60).map(lambda counts: sorted(counts, reverse=True)))
def test_the_tree_is_a_shortest_code(counts):
    children, depth = huffman(counts), {2 * len(counts) - 2: 0}
    for node in range(2 * len(counts) - 2, len(counts) - 1, -1):
        for child in children[node - len(counts)]:
            assert child not in depth
            depth[child] = depth[node] + 1
    assert set(depth) == set(range(2 * len(counts) - 1))
    heap = list(counts)
    heapq.heapify(heap)
    shortest = 0
    while len(heap) > 1:
        pair = heapq.heappop(heap) + heapq.heappop(heap)
        shortest += pair
        heapq.heappush(heap, pair)
    assert sum(count * depth[leaf] for leaf, count in enumerate(counts)) == shortest


@given(scores=st.lists(st.sampled_from([-0.5, -1.0, -2.0, -3.0]), max_size=30), k=st.integers(1, 6))
def test_the_heap_keeps_the_best(scores, k):
    heap = Heap(k)
    for label, score in enumerate(scores):
        heap.offer(score, label)
    found = heap.sorted()
    assert [math.log(p) for _, p in found] == pytest.approx(sorted(scores, reverse=True)[:k])
    assert all(math.log(p) == pytest.approx(scores[label]) for label, p in found)
    assert len({label for label, _ in found}) == len(found)


# --- damaged files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_predicts(path, data):
    content = bytearray(path.read_bytes())
    # Half of the changes in the header and the beginning of the dictionary, where everything is a size.
    places = st.one_of(st.integers(0, 120), st.integers(0, len(content) - 1))
    for at, byte in data.draw(st.dictionaries(places, st.integers(0, 255), min_size=1, max_size=4)).items():
        content[at] = byte
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder) / "model"
        damaged.write_bytes(content)
        try:
            FastText.load(damaged).predict("saya makan nasi ก", 3)
        except DataError:
            pass

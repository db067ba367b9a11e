import numpy as np
import pytest

from lontar.errors import DataError
from lontar.train.batches import (
    Rows,
    Stream,
    batch_of,
    interleave,
    mixture,
    pack,
)
from lontar.train.tokens import TokenStore, require_documents, tokenize


class Characters:
    """A tokenizer that gives each character its code point."""

    encode_special_tokens = False

    def encode_batch(self, texts, add_special_tokens):
        assert not add_special_tokens
        return [type("Encoding", (), {"ids": [ord(c) for c in text]}) for text in texts]


def store(lengths, first=1000):
    """Documents of so many predicted tokens, every token different."""
    texts, at = [], first
    for n in lengths:
        texts.append("".join(chr(at + i) for i in range(n - 1)))
        at += n - 1
    return tokenize(texts, Characters(), start=1, end=2)


def test_documents_have_start_end_and_size():
    made = tokenize(["ab", "", "ກຂ"], Characters(), start=1, end=2)
    assert [made.document(i).tolist() for i in range(len(made))] == [[1, 97, 98, 2], [1, 0x0E81, 0x0E82, 2]]
    assert made.sizes.tolist() == [2, 6] and made.n_tokens == 6
    assert tokenize(["a"], Characters(), start=None, end=2).document(0).tolist() == [2, 97, 2]
    assert tokenize(["a"], Characters(), start=None, end=None).document(0).tolist() == [97]
    assert len(tokenize([], Characters(), start=1, end=2)) == 0


def test_special_tokens_in_a_document_are_text():
    tokenizers = pytest.importorskip("tokenizers")
    from lontar.models.vocab import train_bpe

    tokenizer = train_bpe(["the cat sat"] * 3, 300)
    text = "a<|endoftext|>b<|im_end|>"
    made = tokenize([text], tokenizer, start=None, end=None)
    special = {tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_end|>")}
    assert not special & set(made.document(0).tolist()) and tokenizer.decode(made.document(0).tolist()) == text
    assert special & set(tokenizer.encode(text).ids) and isinstance(tokenizer, tokenizers.Tokenizer)


def test_a_store_goes_to_disk_and_back(tmp_path):
    made = store([3, 7])
    made.save(tmp_path / "x")
    again = TokenStore.load(tmp_path / "x")
    assert [again.document(i).tolist() for i in range(2)] == [made.document(i).tolist() for i in range(2)]
    assert again.sizes.tolist() == made.sizes.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_packing_never_overfills_and_wastes_little(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 65, rng.integers(1, 2000)).astype(np.int64)
    rows, n = pack(lengths, 64)
    filled = np.bincount(rows, weights=lengths, minlength=n)
    assert len(filled) == n and filled.max() <= 64 and filled.min() > 0
    assert n <= 1.02 * lengths.sum() / 64 + 2


def test_packing_is_best_fit():
    rows, n = pack(np.array([6, 5, 4, 3, 2]), 10)
    assert n == 2 and rows[0] == rows[2] and rows[1] == rows[3] == rows[4]
    assert pack(np.array([], dtype=np.int64), 10)[1] == 0


def test_every_epoch_reads_every_token_once_in_another_order():
    made = store([3, 40, 7, 7, 7, 12, 20, 33])
    rows = Rows(made, 16, (0, 1))
    wanted = sorted(t for i in range(len(made)) for t in made.document(i)[1:])

    def epoch(e):
        return [[s.tolist() for s in rows.row(e * rows.n_rows + i)] for i in range(rows.n_rows)]

    first, second = epoch(0), epoch(1)
    for read in (first, second):
        assert sorted(t for row in read for stretch in row for t in stretch[1:]) == wanted
        assert all(sum(len(s) - 1 for s in row) <= 16 for row in read)
    assert first != second and epoch(0) == first
    assert [s.tolist() for s in Rows(made, 16, (0, 1)).row(rows.n_rows + 1)] == second[1]
    assert [s.tolist() for s in Rows(made, 16, (5, 1)).row(0)] != first[0] or rows.n_rows == 1


def test_a_long_document_is_cut_without_losing_a_prediction():
    made = store([40])
    rows = Rows(made, 16, (0,))
    stretches = sorted((s.tolist() for i in range(rows.n_rows) for s in rows.row(i)), key=len, reverse=True)
    document = made.document(0).tolist()
    by_place = sorted(stretches, key=lambda s: document.index(s[0]))
    assert by_place == [document[0:17], document[16:33], document[32:41]]


def test_labels_are_the_next_tokens():
    batch = batch_of([np.array([1, 5, 6, 2], dtype=np.int32), np.array([1, 9], dtype=np.int32)])
    assert batch.ids.tolist() == [1, 5, 6, 1] and batch.labels.tolist() == [5, 6, 2, 9]
    assert batch.lengths == (3, 1) and batch.n_labels == 4


def test_interleaving_is_exact_and_even():
    order = interleave({"en": 0.2, "th": 0.5, "id": 0.3}, 100)
    assert [order.count(k) for k in ("en", "th", "id")] == [20, 50, 30]
    for n in range(10, 101, 10):
        assert abs(order[:n].count("th") - n / 2) <= 1
    assert interleave({"a": 1.0, "b": 1.0, "c": 1.0}, 4).count("a") in (1, 2)
    assert len(interleave({"a": 1.0, "b": 1e-9}, 7)) == 7


def test_mixture():
    assert mixture({"th": 100, "id": 100}, {}, {"en": 7}, 0.2, 0.5) == pytest.approx({"th": 0.4, "id": 0.4, "en": 0.2})
    assert mixture({"th": 400, "id": 100}, {}, {}, 0.2, 0.5) == pytest.approx({"th": 2 / 3, "id": 1 / 3})
    assert mixture({"th": 400, "id": 100}, {}, {}, 0.0, 1.0) == pytest.approx({"th": 0.8, "id": 0.2})
    assert mixture({"th": 400, "id": 100}, {"th": 1, "id": 3}, {"en": 1, "zh": 1}, 0.5, 0.0) == pytest.approx(
        {"th": 0.125, "id": 0.375, "en": 0.25, "zh": 0.25}
    )


def stream(seed=0, steps=20):
    stores = {"th": store([5] * 30), "en": store([9] * 20, first=5000)}
    return Stream(stores, {"th": 0.75, "en": 0.25}, steps=steps, rows=8, length=16, seed=seed)


def as_lists(batches):
    return [(b.ids.tolist(), b.labels.tolist(), b.lengths) for b in batches]


def test_a_step_does_not_depend_on_those_before_it():
    one, other = stream(), stream()
    in_order = [as_lists(one.batches(step)) for step in range(20)]
    assert as_lists(other.batches(17)) == in_order[17] and as_lists(other.batches(3)) == in_order[3]
    assert as_lists(stream(seed=1).batches(0)) != in_order[0]


def test_micro_batches_hold_the_same_documents():
    whole, parts = stream().batches(4), stream().batches(4, 3)
    assert len(whole) == 1 and len(parts) == 3
    assert [t for p in parts for t in p.labels.tolist() if t >= 0] == [t for t in whole[0].labels.tolist() if t >= 0]
    assert sum(p.n_labels for p in parts) == whole[0].n_labels == sum(stream().tokens(4).values())
    assert [len(p.ids) for p in parts] == [32, 48, 48] and len(whole[0].ids) == 8 * 16


def test_batches_are_filled_up_with_documents_that_predict_nothing():
    batch = batch_of([np.array([1, 5, 6, 2], dtype=np.int32)], 10, 4)
    assert batch.lengths == (3, 4, 3) and len(batch.ids) == len(batch.labels) == 10 and batch.n_labels == 3
    assert batch_of([np.array([1, 5, 6, 2], dtype=np.int32)], 3, 4).lengths == (3,)


def test_counts():
    made = stream()
    tokens = made.tokens(0)
    assert tokens["th"] + tokens["en"] == made.batches(0)[0].n_labels
    assert made.text_bytes({"en": 9}) == pytest.approx(8 * 3, abs=1)  # eight characters of three bytes and an end
    assert made.epochs()["th"] == 20 * 8 * 0.75 / 10


def test_a_language_without_text_is_named():
    with pytest.raises(DataError, match="no train documents with text in lo, th"):
        require_documents({"th": store([]), "en": store([4]), "lo": store([])}, "corpus", "train")

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.data import near
from lontar.data.near import NearDuplicates, sketch, unsketch
from lontar.text import letters_form
from lontar.text.ngrams import CHARS, SIGNATURE, rows_per_band, shingles, signature, similarity


def jaccard(first, second):
    a, b = (set(shingles(text).tolist()) for text in (first, second))
    return len(a & b) / len(a | b)


def words(rng, n):
    return "".join(rng.choice("กขคงจฉชabcdefgh") for _ in range(n))


def changed(rng, text, n):
    chars = list(text)
    for at in rng.sample(range(len(chars)), n):
        chars[at] = "z"
    return "".join(chars)


def test_shingles_are_the_different_runs_of_characters():
    assert len(shingles("abcdefg")) == 3
    assert len(shingles("aaaaaaaaaa")) == 1
    assert len(shingles("abc")) == 1 and len(shingles("")) == 0
    assert set(shingles("abcdefg")) & set(shingles("xbcdefg")) == set(shingles("bcdefg"))
    assert set(shingles("abcde")).isdisjoint(shingles("edcba"))
    assert len(shingles("กขคงจฉ", n=2)) == 5


def test_signatures_are_the_same_on_every_machine():
    found = signature(shingles("ພາສາລາວ"))
    assert found.shape == (SIGNATURE,) and found.dtype == np.uint32
    assert found[:3].tolist() == GOLDEN


GOLDEN = [1493736565, 222259020, 818646168]


@pytest.mark.parametrize("n", [0, 3, 20, 60, 150])
def test_signatures_estimate_the_jaccard_similarity(n):
    rng = random.Random(n)
    errors = []
    for _ in range(20):
        first = words(rng, 600)
        second = changed(rng, first, n)
        errors.append(similarity(signature(shingles(first)), signature(shingles(second))) - jaccard(first, second))
    assert abs(np.mean(errors)) < 0.03 and max(map(abs, errors)) < 0.15


def test_a_long_document_is_taken_in_pieces():
    text = words(random.Random(1), 9000)
    hashes = shingles(text)
    halves = np.minimum(signature(hashes[:3000]), signature(hashes[3000:]))
    assert (signature(hashes) == halves).all()


@pytest.mark.parametrize(("threshold", "rows"), [(0.5, 2), (0.7, 4), (0.8, 4), (0.9, 8), (0.95, 16), (1.0, 32)])
def test_bands_bring_nearly_all_similar_pairs_together(threshold, rows):
    assert rows_per_band(threshold) == rows
    assert 1 - (1 - threshold**rows) ** (SIGNATURE // rows) >= 0.99


@given(st.text(min_size=1, max_size=40))
def test_a_sketch_survives_being_written_down(text):
    assert (unsketch(sketch(text)) == signature(shingles(text))).all()


def found_in(texts, threshold=0.8):
    """What each text is a near duplicate of."""
    seen = NearDuplicates(threshold)
    return [seen.admit(str(i), sketch(letters_form(text))) for i, text in enumerate(texts)]


def test_the_first_stays_and_is_named():
    first = "Nelayan itu pulang sebelum matahari terbit karena angin mulai kencang."
    other = "Ibu membeli sayur, ikan, dan beras di pasar dekat stasiun kereta."
    again = first.replace("kencang", "kencang sekali")
    assert found_in([first, other, again, other, first]) == [None, None, "0", "1", "0"]


def test_the_most_similar_one_is_named():
    rng = random.Random(2)
    first = words(rng, 400)
    near_, nearer = changed(rng, first, 40), changed(rng, first, 3)
    assert found_in([near_, nearer, first], threshold=0.5)[2] is not None
    assert found_in([near_, first], threshold=0.99) == [None, None]
    seen = NearDuplicates(0.5)
    for name, text in (("far", near_), ("near", nearer)):
        seen.add(name, unsketch(sketch(text)))
    assert seen.find(unsketch(sketch(first))) == "near"


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_it_agrees_with_comparing_all_pairs(threshold):
    rng = random.Random(3)
    base = [words(rng, 300) for _ in range(60)]
    texts = base + [changed(rng, rng.choice(base), rng.randrange(1, 60)) for _ in range(300)]
    rng.shuffle(texts)
    signatures = [signature(shingles(letters_form(text))) for text in texts]
    kept, missed = [], 0
    for i, found in enumerate(found_in(texts, threshold)):
        best = max((similarity(signatures[i], signatures[j]) for j in kept), default=0.0)
        if found is None:
            kept.append(i)
            missed += best >= threshold
        else:
            assert int(found) in kept and similarity(signatures[i], signatures[int(found)]) == best >= threshold
    assert missed <= 6  # bands bring 99 % together


def test_unrelated_documents_all_stay_and_arrays_grow():
    rng = random.Random(4)
    texts = [words(rng, 60) for _ in range(1500)]
    assert found_in(texts) == [None] * 1500
    assert found_in([*texts, texts[700]])[-1] == "700"


def test_long_chains_are_cut_and_the_rest_still_works(monkeypatch):
    monkeypatch.setattr(near, "MAX_CHAIN", 2)
    assert found_in(["abcdefgh"] * 5) == [None, "0", "0", "0", "0"]


def test_texts_shorter_than_a_shingle():
    assert CHARS == 5
    assert found_in(["abc", "abd", "abc"]) == [None, None, "0"]

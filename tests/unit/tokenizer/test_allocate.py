import numpy as np
import pytest

from lontar.tokenizer.allocate import Curve, allocate, best_first, savings, token_curve
from lontar.tokenizer.extend import count_tokens
from lontar.tokenizer.guard import own_script
from lontar.tokenizer.merges import Settings, learn
from tests.unit.tokenizer.conftest import make_base
from tests.unit.tokenizer.test_merges import encoded


@pytest.fixture(scope="module")
def lao(texts):
    base = make_base("qwen35")
    pieces = base.count_pieces(texts["lo"])
    merges = own_script(learn(base, pieces, Settings(300, 2, 32, True)), "Lao")
    return base, pieces, merges


def length(tokenizer, pieces):
    return count_tokens(tokenizer, pieces).total()


def test_the_curve_begins_and_ends_at_the_truth(lao):
    base, pieces, merges = lao
    full = base.extended(merges)
    saved = savings(full, merges, pieces)
    order = best_first(merges, saved)
    curve = token_curve(base, saved, order, pieces)
    assert curve[0] == length(base, pieces)
    assert curve[-1] == length(full, pieces)
    assert len(curve) == len(order) + 1
    assert (np.diff(curve) <= 0).all()
    assert (np.diff(curve, 2) >= 0).all(), "the best first: every further merge saves less"


def test_the_curve_is_close_to_the_truth_in_between(lao):
    base, pieces, merges = lao
    saved = savings(base.extended(merges), merges, pieces)
    order = best_first(merges, saved)
    curve = token_curve(base, saved, order, pieces)
    for n in (10, 50, len(order) // 2):
        chosen = set(order[:n])
        real = length(base.extended([pair for pair in merges if pair in chosen]), pieces)
        assert real == pytest.approx(curve[n], rel=0.02)


@pytest.mark.parametrize("weight", [1, 5])
def test_no_merge_comes_before_its_parts(lao, weight):
    base, pieces, merges = lao
    order = best_first(merges, savings(base.extended(merges), merges, pieces), weight)
    seen = set(base.vocab)
    for left, right in order:
        assert left in seen and right in seen
        seen.add(left + right)


def test_characters_count_more_when_asked():
    inside, across = (encoded("ກ"), encoded("ີ")), (encoded("ກ"), encoded("ຂ"))
    saved = {inside: 10, across: 20}
    assert best_first([inside, across], saved) == [across, inside]
    assert best_first([inside, across], saved, 3) == [inside, across]
    assert best_first([inside, across], {across: 1}) == [across], "what saves nothing is left out"


def falling(lang, group, start, n, by=0.9):
    return Curve(lang, group, start * by ** np.arange(n + 1))


def test_maximin_helps_the_worst_language():
    curves = [falling("my", "Myanmar", 90.0, 500, 0.99), falling("th", "Thai", 30.0, 500, 0.99)]
    share = allocate(curves, 200)
    assert sum(share.values()) == 200
    final = [c.tokens[share[c.group]] for c in curves]
    assert share["Myanmar"] > share["Thai"]
    assert final[0] == pytest.approx(final[1], rel=0.05)


def test_a_language_that_cannot_be_helped_does_not_take_all():
    flat = Curve("vi", "Latin", np.full(501, 80.0))
    share = allocate([flat, falling("th", "Thai", 30.0, 500, 0.99)], 300)
    assert share["Thai"] >= 250


def test_all_is_taken_when_the_budget_allows_it():
    curves = [falling("my", "Myanmar", 9.0, 20), falling("id", "Latin", 4.0, 30), falling("ms", "Latin", 5.0, 30)]
    assert allocate(curves, 1000) == {"Myanmar": 20, "Latin": 30}
    assert allocate(curves, 25, "proportional") == {"Myanmar": 10, "Latin": 15}
    assert allocate([], 10) == {}


def two_groups():
    long = Curve("my", "Myanmar", np.linspace(100.0, 60.0, 101))
    short = Curve("id", "Latin", np.linspace(30.0, 10.0, 101))
    return [long, short]


@pytest.mark.parametrize(("how", "first"), [("maximin", "Myanmar"), ("weighted", "Myanmar"), ("nash", "Latin")])
def test_objectives_differ_in_whom_they_serve(how, first):
    share = allocate(two_groups(), 60, how)
    assert sum(share.values()) == 60
    assert max(share, key=share.get) == first


def test_weights_turn_the_share():
    assert allocate(two_groups(), 60, "weighted", {"id": 10.0})["Latin"] == 60

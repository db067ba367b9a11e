import numpy as np
import pytest

from lontar.tokenizer.allocate import EXPONENT, Offer, allocate, best_first, parts_by_rank, savings
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
    saved = savings(base.extended(merges), merges, pieces)
    return base, pieces, merges, np.array([saved[pair] for pair in merges])


def length(tokenizer, pieces):
    return count_tokens(tokenizer, pieces).total()


def test_what_is_saved_leads_from_the_first_length_to_the_last(lao):
    base, pieces, merges, saved = lao
    order = best_first(saved, parts_by_rank(merges))
    assert length(base, pieces) - saved.sum() == length(base.extended(merges), pieces)
    assert (np.diff(saved[order]) <= 0).all(), "the best first: every further merge saves less"


def test_what_is_saved_is_close_to_the_truth_in_between(lao):
    base, pieces, merges, saved = lao
    order = best_first(saved, parts_by_rank(merges))
    for n in (10, 50, len(order) // 2):
        chosen = set(order[:n])
        real = length(base.extended([pair for i, pair in enumerate(merges) if i in chosen]), pieces)
        assert real == pytest.approx(length(base, pieces) - saved[order[:n]].sum(), rel=0.02)


@pytest.mark.parametrize("weight", [1, 5])
def test_no_merge_comes_before_its_parts(lao, weight):
    base, _, merges, saved = lao
    weights = [weight if i % 3 else 1 for i in range(len(merges))]
    seen = set(base.vocab)
    for rank in best_first(saved, parts_by_rank(merges), weights):
        left, right = merges[rank]
        assert left in seen and right in seen
        seen.add(left + right)


def test_some_merges_count_more_when_asked():
    merges = [(encoded("ກ"), encoded("ີ")), (encoded("ກ"), encoded("ຂ"))]
    parts = parts_by_rank(merges)
    assert [*best_first([10, 20], parts)] == [1, 0]
    assert [*best_first([10, 20], parts, [3, 1])] == [0, 1]
    assert [*best_first([0, 1], parts)] == [1], "what saves nothing is left out"


def offer(group, *langs, size=100):
    """A group whose languages are (code, tokens at first, tokens that each merge saves)."""
    starts = {lang: start for lang, start, _ in langs}
    gains = {lang: np.full(size, each) for lang, _, each in langs}
    return Offer(group, size, starts, gains, [np.arange(size)])


def falling(lang, start, by=0.99):
    tokens = start * by ** np.arange(501)
    return Offer(lang, 500, {lang: start}, {lang: -np.diff(tokens)}, [np.arange(500)])


def counts(chosen):
    return {group: len(ranks) for group, ranks in chosen.items()}


def test_maximin_helps_the_worst_language():
    share = counts(allocate([falling("my", 90.0), falling("th", 30.0)], 200))
    assert sum(share.values()) == 200
    assert 90 * 0.99 ** share["my"] == pytest.approx(30 * 0.99 ** share["th"], rel=0.15)


def test_a_language_that_cannot_be_helped_takes_nothing():
    flat = offer("Latin", ("vi", 80.0, 0.0), size=500)
    assert counts(allocate([flat, falling("th", 30.0)], 300)) == {"Latin": 0, "th": 300}


def test_within_a_group_the_worst_language_is_served_first():
    """The first half of the merges helps one language, the second half the other, which is worse off."""
    gains = {"id": np.r_[np.full(50, 0.1), np.zeros(50)], "tl": np.r_[np.zeros(50), np.full(50, 0.1)]}
    orders = [np.arange(50), np.arange(50, 100), np.arange(100)]
    found = allocate([Offer("Latin", 100, {"id": 20.0, "tl": 40.0}, gains, orders)], 30)["Latin"]
    assert [*found] == [*range(50, 80)]


def test_all_is_taken_when_the_budget_allows_it():
    offers = [offer("Myanmar", ("my", 9.0, 0.1), size=20), offer("Latin", ("id", 4.0, 0.1), ("ms", 5.0, 0.1), size=30)]
    assert counts(allocate(offers, 1000)) == {"Myanmar": 20, "Latin": 30}
    assert counts(allocate(offers, 25, "proportional")) == {"Myanmar": 10, "Latin": 15}
    assert allocate([], 10) == {}


@pytest.mark.parametrize("how", EXPONENT)
def test_the_budget_is_spent_whole_and_parts_come_first(how):
    found = allocate([falling("my", 90.0), falling("th", 30.0), falling("id", 20.0)], 333, how)
    assert sum(counts(found).values()) == 333
    assert all([*ranks] == [*range(len(ranks))] for ranks in found.values())


@pytest.mark.parametrize(("how", "first"), [("maximin", "Myanmar"), ("weighted", "Myanmar"), ("nash", "Latin")])
def test_objectives_differ_in_whom_they_serve(how, first):
    two = [offer("Myanmar", ("my", 100.0, 0.4)), offer("Latin", ("id", 30.0, 0.2))]
    share = counts(allocate(two, 60, how))
    assert sum(share.values()) == 60
    assert max(share, key=share.get) == first


def test_weights_turn_the_share():
    two = [offer("Myanmar", ("my", 100.0, 0.4)), offer("Latin", ("id", 30.0, 0.2))]
    assert counts(allocate(two, 60, "weighted", {"id": 10.0}))["Latin"] == 60

"""Where resampling sees a point, the binomial distribution sees an interval."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from lontar.scoring import RowScore, aggregate
from lontar.scoring.limits import equal_within, unseen_share, widened
from lontar.scoring.statistics import Interval

PERCENT = aggregate.use("percent")


def rows(value: float | None, n: int) -> list[RowScore]:
    return [RowScore(value=value) for _ in range(n)]


@pytest.mark.parametrize("n", [6, 30, 400])
def test_it_is_the_exact_interval_of_none_among_n(n: int) -> None:
    exact = binomtest(0, n).proportion_ci(0.95, method="exact")
    assert unseen_share(n, 0.95) == pytest.approx(exact.high)
    groups = [str(i) for i in range(n)]
    found = widened(Interval(0.0, 0.0), PERCENT, rows(0.0, n), groups, 0.95)
    assert (found.low, found.high) == pytest.approx((0.0, 100 * exact.high))
    found = widened(Interval(100.0, 100.0), PERCENT, rows(1.0, n), groups, 0.95)
    assert (found.low, found.high) == pytest.approx((100 * (1 - exact.high), 100.0))


def test_questions_of_a_passage_are_one_observation() -> None:
    found = widened(Interval(0.0, 0.0), PERCENT, rows(0.0, 30), [str(i % 6) for i in range(30)], 0.95)
    assert found.high == pytest.approx(100 * unseen_share(6, 0.95))


def test_no_answer_is_a_wrong_answer() -> None:
    found = widened(Interval(0.0, 0.0), PERCENT, rows(None, 10), [str(i) for i in range(10)], 0.95)
    assert found.high == pytest.approx(100 * unseen_share(10, 0.95))


def test_a_rare_class_may_hide_more() -> None:
    use = aggregate.use({"balanced": {"chance": 0.5}})
    listed = [RowScore(value=1.0, statistics=(float(i == 0), 2.0)) for i in range(20)]
    found = widened(Interval(100.0, 100.0), use, listed, [str(i) for i in range(20)], 0.95)
    means = (1 - unseen_share(19, 0.95) + 1 - unseen_share(1, 0.95)) / 2
    assert found.low == pytest.approx(max(0.0, 100 * (means - 0.5) / 0.5))


def test_any_other_interval_stays() -> None:
    groups = [str(i) for i in range(8)]
    mixed = [*rows(0.0, 4), *rows(1.0, 4)]
    assert widened(Interval(20.0, 80.0), PERCENT, mixed, groups, 0.95) == Interval(20.0, 80.0)
    assert widened(Interval(None, None), PERCENT, rows(0.0, 8), groups, 0.95) == Interval(None, None)
    ratio = aggregate.use("ratio")
    assert widened(Interval(0.0, 0.0), ratio, rows(0.0, 8), groups, 0.95) == Interval(0.0, 0.0)


def test_two_models_that_never_differed() -> None:
    assert equal_within(PERCENT, 30, 0.95) == pytest.approx(100 * unseen_share(30, 0.95))
    use = aggregate.use({"balanced": {"chance": 0.5}})
    assert equal_within(use, 30, 0.95) == pytest.approx(200 * unseen_share(30, 0.95))
    assert equal_within(aggregate.use("corpus_chrf"), 30, 0.95) is None

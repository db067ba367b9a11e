from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lontar.scoring import RowScore, aggregate, bootstrap, paired

MEAN, RATIO = aggregate.get("mean").function, aggregate.get("ratio").function


def rows_of(values: Sequence[float | None]) -> list[RowScore]:
    return [RowScore(value=value) for value in values]


def plain_mean(rows: Sequence[RowScore], /) -> float:
    """A user's aggregate, without sums."""
    return sum(row.value or 0.0 for row in rows) / len(rows)


def singles(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def test_a_proportion_has_the_textbook_interval() -> None:
    values = [1.0] * 60 + [0.0] * 40
    interval = bootstrap(MEAN, rows_of(values), singles(100), resamples=4000, seed=1)
    expected = 1.96 * math.sqrt(0.6 * 0.4 / 100)
    assert interval.low == pytest.approx(0.6 - expected, abs=0.015)
    assert interval.high == pytest.approx(0.6 + expected, abs=0.015)


def test_ninety_five_percent_of_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(200):
        values = rng.normal(0.3, 1.0, size=80)
        interval = bootstrap(MEAN, rows_of(list(values)), singles(80), resamples=300, seed=trial)
        hits += interval.low <= 0.3 <= interval.high  # type: ignore[operator]
    assert 178 <= hits <= 199


def test_rows_that_stand_or_fall_together_widen_it() -> None:
    values = [float(i % 2) for i in range(40) for _ in range(10)]
    alone = bootstrap(MEAN, rows_of(values), singles(400), seed=1)
    grouped = bootstrap(MEAN, rows_of(values), [str(i) for i in range(40) for _ in range(10)], seed=1)
    ratio = (grouped.high - grouped.low) / (alone.high - alone.low)  # type: ignore[operator]
    assert ratio == pytest.approx(math.sqrt(10), rel=0.2)


def test_sums_and_plain_functions_agree() -> None:
    rng = np.random.default_rng(1)
    values = [None if v < 0.1 else float(v) for v in rng.random(30)]
    groups = [str(i // 3) for i in range(30)]
    assert bootstrap(MEAN, rows_of(values), groups, seed=4, resamples=200).low == pytest.approx(
        bootstrap(plain_mean, rows_of(values), groups, seed=4, resamples=200).low
    )
    fast = paired(MEAN, rows_of(values), rows_of(values[::-1]), groups, seed=4, resamples=200)
    slow = paired(plain_mean, rows_of(values), rows_of(values[::-1]), groups, seed=4, resamples=200)
    assert (fast.value, fast.low, fast.high, fast.p) == pytest.approx((slow.value, slow.low, slow.high, slow.p))


def test_a_use_with_settings_works_as_its_function() -> None:
    rows = [RowScore(value=None, statistics=(float(i), 2.0)) for i in range(20)]
    assert bootstrap(aggregate.use("ratio"), rows, singles(20), seed=1) == bootstrap(RATIO, rows, singles(20), seed=1)


def test_a_corpus_figure_is_resampled_as_one() -> None:
    rows = [
        RowScore(value=float(v), statistics=(float(v) * size, float(size)))
        for v, size in zip(range(20), range(1, 21), strict=True)
    ]
    interval = bootstrap(RATIO, rows, singles(20), seed=1)
    value = RATIO(rows)
    assert interval.low < value < interval.high  # type: ignore[operator]
    assert value != pytest.approx(MEAN(rows))


def test_same_seed_same_numbers() -> None:
    rows = rows_of(list(np.random.default_rng(1).random(40)))
    assert bootstrap(MEAN, rows, singles(40), seed=1) == bootstrap(MEAN, rows, singles(40), seed=1)
    assert bootstrap(MEAN, rows, singles(40), seed=1) != bootstrap(MEAN, rows, singles(40), seed=2)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of([0.0, 1.0] * 20)
    whole = bootstrap(MEAN, rows, singles(40), seed=1, resamples=100)
    monkeypatch.setattr("lontar.scoring.statistics._BLOCK", 40 * 7)
    assert bootstrap(MEAN, rows, singles(40), seed=1, resamples=100) == whole


def test_too_few_groups_give_no_interval() -> None:
    for n in (0, 1, 5):
        interval = bootstrap(MEAN, rows_of([1.0] * n), singles(n))
        assert (interval.low, interval.high) == (None, None)
    one_passage = bootstrap(MEAN, rows_of([1.0, 0.0] * 50), ["passage"] * 100)
    assert one_passage.low is None, "a hundred questions about one text are one observation"
    assert paired(MEAN, rows_of([1.0] * 5), rows_of([0.0] * 5), singles(5)).p is None


def test_paired_differences_see_what_two_intervals_hide() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(0, 5, size=60)
    ours = base + 0.3 + rng.normal(0, 0.3, size=60)
    difference = paired(MEAN, rows_of(list(ours)), rows_of(list(base)), singles(60), seed=1)
    assert difference.low > 0  # type: ignore[operator]
    assert difference.p < 0.01  # type: ignore[operator]
    apart = [bootstrap(MEAN, rows_of(list(v)), singles(60), seed=1) for v in (ours, base)]
    assert apart[0].low < apart[1].high  # type: ignore[operator]


def test_no_difference_is_rarely_called_one() -> None:
    rng = np.random.default_rng(4)
    called = 0
    for trial in range(200):
        a, b = rng.normal(size=50), rng.normal(size=50)
        called += paired(MEAN, rows_of(list(a)), rows_of(list(b)), singles(50), resamples=400, seed=trial).p < 0.05  # type: ignore[operator]
    assert called <= 20


def test_p_values_have_a_floor() -> None:
    ours, base = rows_of([1.0] * 8), rows_of([0.0] * 8)
    assert paired(MEAN, ours, base, singles(8)).p == pytest.approx(2 / 2**8)
    same = paired(MEAN, ours, ours, singles(8))
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="different lengths"):
        paired(MEAN, ours, base[1:], singles(8))

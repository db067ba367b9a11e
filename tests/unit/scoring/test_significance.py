"""Tests of a difference, corrections, power and ranks; against scipy and against simulation."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.scoring import RowScore, aggregate, paired
from lontar.scoring.power import groups_needed, run_spread, samples_needed, variance_split
from lontar.scoring.ranking import Spread, rank_sets
from lontar.scoring.significance import benjamini_hochberg, holm, mcnemar, sign_flip
from lontar.scoring.statistics import percentiles, resampled, two_sided

MEAN = aggregate.get("mean").function


def rows_of(values: Any) -> list[RowScore]:
    return [RowScore(value=float(value)) for value in values]


def answers(both: int, b: int, c: int, neither: int) -> tuple[list[bool], list[bool]]:
    ours = [True] * both + [True] * b + [False] * c + [False] * neither
    return ours, [True] * both + [False] * b + [True] * c + [False] * neither


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (5, 5), (3, 11), (0, 8), (40, 61), (700, 611), (30_000, 30_600)])
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = mcnemar(*answers(7, b, c, 2))
    assert (found.b, found.c) == (b, c)
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(*answers(0, 1, 5, 0)).p == pytest.approx(2 * (1 + 6) / 64)
    with pytest.raises(ValueError, match="shorter"):
        mcnemar([True], [])


def test_flipping_single_right_answers_is_mcnemar() -> None:
    ours, theirs = answers(5, 2, 9, 5)
    differences = [float(a) - float(b) for a, b in zip(ours, theirs, strict=True)]
    groups = [str(i) for i in range(len(ours))]
    assert sign_flip(differences, groups) == pytest.approx(mcnemar(ours, theirs).p)


def test_all_signs_are_looked_at() -> None:
    moved = [0.5, -0.1, 0.3, 0.2]
    sums = [
        abs(sum(s * v for s, v in zip(signs, moved, strict=True))) for signs in itertools.product((1, -1), repeat=4)
    ]
    expected = sum(value >= abs(sum(moved)) - 1e-12 for value in sums) / 16
    assert sign_flip([0.25, 0.25, -0.1, 0.3, 0.2], ["a", "a", "b", "c", "d"]) == pytest.approx(expected)
    assert sign_flip([], []) == 1.0
    assert sign_flip([0.0, 0.0], ["a", "b"]) == 1.0


def test_drawn_signs_come_near_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    values = list(np.random.default_rng(1).normal(0.4, 1, 12))
    groups = [str(i) for i in range(12)]
    exact = sign_flip(values, groups)
    monkeypatch.setattr("lontar.scoring.significance.EXACT_GROUPS", 4)
    drawn = sign_flip(values, groups, resamples=20_000)
    assert drawn == pytest.approx(exact, abs=0.02) and drawn == sign_flip(values, groups, resamples=20_000)
    monkeypatch.setattr("lontar.scoring.significance._BLOCK", 12 * 999)
    assert sign_flip(values, groups, resamples=20_000) == pytest.approx(exact, abs=0.02)


def test_questions_of_one_text_do_not_make_it_sure() -> None:
    differences, groups = [1.0] * 40, [str(i // 10) for i in range(40)]
    assert sign_flip(differences, groups) == 2 / 16
    assert mcnemar([True] * 40, [False] * 40).p < 1e-9


def test_benjamini_hochberg_against_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    p = [0.001, 0.2, 0.03, 0.04, 0.9, 0.011]
    assert benjamini_hochberg(p) == pytest.approx(list(stats.false_discovery_control(p)))
    assert benjamini_hochberg([None, 0.04, None]) == [None, 0.04, None]
    assert benjamini_hochberg([]) == []


@given(st.lists(st.none() | st.floats(0, 1), max_size=20))
def test_corrections_keep_order_and_never_make_surer(found: list[float | None]) -> None:
    strict, loose = holm(found), benjamini_hochberg(found)
    for p, h, b in zip(found, strict, loose, strict=True):
        assert (p is None) == (h is None) == (b is None)
        if p is not None and h is not None and b is not None:
            assert p <= b * (1 + 1e-12) and b <= h * (1 + 1e-12) and h <= 1
    assert [
        p for _, p in sorted((p, h) for p, h in zip(found, strict, strict=True) if p is not None and h is not None)
    ] == sorted(h for h in strict if h is not None)


def test_as_many_samples_as_needed_reach_the_power() -> None:
    rng = np.random.default_rng(5)
    seen = rng.normal(0.3, 1.0, size=400)
    needed = samples_needed(list(seen))
    assert needed == groups_needed(float(seen.mean()), float(seen.std(ddof=1)))
    effect = seen.mean() / seen.std(ddof=1)
    trials = rng.normal(effect, 1.0, size=(4000, needed or 0))
    z = trials.mean(axis=1) / (trials.std(axis=1, ddof=1) / math.sqrt(needed or 1))
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.03)


def test_no_difference_needs_no_samples() -> None:
    assert samples_needed([1.0, -1.0]) is None
    assert samples_needed([1.0]) is None
    assert groups_needed(math.nan, 1.0) is None
    assert groups_needed(1.0, 0.0) == 1
    assert groups_needed(0.1, 1.0, alpha=0.001) > groups_needed(0.1, 1.0)  # type: ignore[operator]


def test_runs_and_questions_are_told_apart() -> None:
    rng = np.random.default_rng(8)
    questions = rng.normal(0, 2.0, size=3000)
    listed = [list(mean + rng.normal(0, 1.0, size=3 + i % 3)) for i, mean in enumerate(questions)]
    split = variance_split(listed)
    assert split is not None
    assert split.questions == pytest.approx(4.0, rel=0.1) and split.runs == pytest.approx(1.0, rel=0.1)
    assert split.share_of_runs == pytest.approx(0.25 / 4.25, rel=0.15)
    same = variance_split([[1.0, 0.0]] * 10)
    assert same is not None and same.questions == 0 and same.share_of_runs == 1
    still = variance_split([[1.0, 1.0]] * 4)
    assert still is not None and still.share_of_runs == 0
    assert variance_split([[1.0], [2.0]]) is None and variance_split([[1.0, 2.0]]) is None
    assert run_spread([1.0]) is None and run_spread([1.0, 3.0]) == pytest.approx(math.sqrt(2))


def test_rank_sets() -> None:
    assert rank_sets(3, [(0, 1), (0, 2)]) == [(1, 1), (2, 3), (2, 3)]
    assert rank_sets(3, [(0, 2)]) == [(1, 2), (1, 3), (2, 3)]
    assert rank_sets(4, []) == [(1, 4)] * 4


def test_resampling_together_is_the_paired_bootstrap() -> None:
    rng = np.random.default_rng(2)
    ours, theirs = rows_of(rng.random(60)), rows_of(rng.random(60))
    groups = [str(i // 2) for i in range(60)]
    drawn = resampled(MEAN, [ours, theirs], [groups, groups], resamples=500, seed=3)
    known = paired(MEAN, ours, theirs, groups, resamples=500, seed=3)
    apart = drawn[:, 0] - drawn[:, 1]
    ends = percentiles(apart, 0.95)
    assert (ends.low, ends.high, two_sided(apart, 30)) == (known.low, known.high, known.p)
    whole = Spread.of(known.value, apart, 30, 0.95)
    assert (whole.value, whole.low, whole.high, whole.p) == (known.value, known.low, known.high, known.p)


def test_another_number_of_runs_on_one_side() -> None:
    groups = [str(i) for i in range(30)]
    ours, theirs = rows_of([1.0, 0.0] * 15), rows_of([0.0, 1.0] * 15)
    once = resampled(MEAN, [ours, theirs], [groups, groups], resamples=300)
    # Runs may come in any order; the same answers three times are no three times as many questions.
    thrice = resampled(MEAN, [ours, theirs * 3], [groups, groups * 3], resamples=300)
    assert np.allclose(once, thrice)
    with pytest.raises(ValueError, match="same on every side"):
        resampled(MEAN, [ours, theirs], [groups, [*groups[1:], "x"]])
    with pytest.raises(ValueError, match="6 groups"):
        resampled(MEAN, [ours[:2], theirs[:2]], [groups[:2], groups[:2]])
    assert Spread.of(math.nan, None, 3, 0.95) == Spread(None) and Spread.of(0.5, None, 3, 0.95) == Spread(0.5)


def test_paired_intervals_hold_the_truth_with_clusters_and_runs() -> None:
    rng, hits, truth = np.random.default_rng(6), 0, 0.2
    groups = [str(i // 3) for i in range(120)]
    for trial in range(150):
        shared = np.repeat(rng.normal(0, 1, 40), 3)  # what the questions of one text have in common
        gap = np.repeat(rng.normal(truth, 0.5, 40), 3)
        a, b = (shared + shift + rng.normal(0, 0.3, 120) for shift in (0, gap))
        drawn = resampled(MEAN, [rows_of(a), rows_of(b)], [groups, groups], resamples=300, seed=trial)
        ends = percentiles(drawn[:, 1] - drawn[:, 0], 0.95)
        hits += ends.low <= truth <= ends.high  # type: ignore[operator]
    assert 132 <= hits <= 149

from __future__ import annotations

import numpy as np
import pytest

from lontar.backends import Sampling
from lontar.backends.choose import choose, likeliest, log_softmax, sampling_rng

LOGITS = np.array([0.0, 3.0, 2.0, -1.0], np.float32)


def drawn(sampling: Sampling, n: int = 2000) -> list[float]:
    rng = sampling_rng(sampling)
    found = [choose(LOGITS, sampling, rng) for _ in range(n)]
    return [found.count(i) / n for i in range(len(LOGITS))]


def test_temperature_0_takes_the_likeliest() -> None:
    assert choose(LOGITS, Sampling(), sampling_rng(Sampling())) == 1


def test_sampling_follows_the_probabilities() -> None:
    shares = drawn(Sampling(temperature=1.0, seed=1))
    assert shares == pytest.approx(list(np.exp(log_softmax(LOGITS))), abs=0.03)


def test_top_p_keeps_the_smallest_sufficient_set() -> None:
    # Probabilities are .035 .696 .256 .013: the first alone has less than .8, the first two have more.
    shares = drawn(Sampling(temperature=1.0, top_p=0.8, seed=2))
    assert shares[0] == shares[3] == 0
    assert shares[1] == pytest.approx(0.696 / (0.696 + 0.256), abs=0.03)
    assert drawn(Sampling(temperature=1.0, top_p=0.5, seed=2), 50) == [0, 1, 0, 0]


def test_seeds() -> None:
    one, again, other = (drawn(Sampling(temperature=1.0, seed=s), 200) for s in (5, 5, 6))
    assert one == again != other
    negative = Sampling(temperature=1.0, seed=-5)
    assert drawn(negative, 50) == drawn(negative, 50) != drawn(Sampling(temperature=1.0, seed=5), 50)
    sampling = Sampling(temperature=1.0, seed=5)
    first, second = sampling_rng(sampling, 0).random(), sampling_rng(sampling, 1).random()
    assert first != second, "several answers to one prompt differ"


def test_extreme_logits() -> None:
    logits = np.array([-np.inf, 1e4, -1e30], np.float32)
    sampling = Sampling(temperature=1e-6, seed=1)
    assert choose(logits, sampling, sampling_rng(sampling)) == 1
    assert log_softmax(logits)[1] == pytest.approx(0.0)


def test_likeliest() -> None:
    assert likeliest(log_softmax(LOGITS), 2) == [1, 2]
    assert likeliest(log_softmax(LOGITS), 99) == [1, 2, 0, 3]
    assert likeliest(log_softmax(LOGITS), 0) == []

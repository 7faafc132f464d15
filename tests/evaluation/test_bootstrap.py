"""Intervals."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.bootstrap import Estimate, estimate, paired


def test_equal_users_leave_no_doubt() -> None:
    assert estimate(np.full(7, 0.25)) == Estimate(0.25, 0.25, 0.25)


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400)
    found = estimate(values)
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean(), abs=1e-4)
    assert found.low == pytest.approx(values.mean() - error, abs=2e-3)
    assert found.high == pytest.approx(values.mean() + error, abs=2e-3)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    found = [estimate(generator.random(60), resamples=400) for _ in range(200)]
    covered = sum(one.low <= 0.5 <= one.high for one in found if one.low is not None and one.high is not None)
    assert 0.89 <= covered / 200 <= 0.99


def test_seeded() -> None:
    values = np.random.default_rng(3).random(50)
    assert estimate(values, seed=5) == estimate(values, seed=5)
    assert estimate(values, seed=5) != estimate(values, seed=6)


def test_users_without_a_value_do_not_count() -> None:
    assert estimate(np.array([np.nan, 1.0, 1.0])) == Estimate(1.0, 1.0, 1.0)
    assert estimate(np.array([np.nan])) == Estimate(None, None, None)


def test_pairs_are_more_certain_than_two_means() -> None:
    base = np.random.default_rng(4).random(100)
    assert paired(base + 0.1, base) == Estimate(0.1, 0.1, 0.1)
    assert paired(base, base) == Estimate(0.0, 0.0, 0.0)

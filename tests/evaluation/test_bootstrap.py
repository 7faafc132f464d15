"""Intervals."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.bootstrap import Interval, interval, paired


def test_equal_users_leave_no_doubt() -> None:
    assert interval(np.full(7, 0.25)) == Interval(0.25, 0.25, 0.25)


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400)
    found = interval(values)
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean(), abs=1e-4)
    assert found.low == pytest.approx(values.mean() - error, abs=2e-3)
    assert found.high == pytest.approx(values.mean() + error, abs=2e-3)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    intervals = [interval(generator.random(60), resamples=400) for _ in range(200)]
    ends = [(known.low, known.high) for known in intervals if known.low is not None and known.high is not None]
    covered = sum(low <= 0.5 <= high for low, high in ends)
    assert 0.89 <= covered / 200 <= 0.99


def test_seeded() -> None:
    values = np.random.default_rng(3).random(50)
    assert interval(values, seed=5) == interval(values, seed=5)
    assert interval(values, seed=5) != interval(values, seed=6)


def test_it_is_the_percentile_bootstrap_written_out() -> None:
    """The published intervals were made so, before a library made them."""
    values = np.random.default_rng(6).random(80) ** 2
    drawn = np.random.default_rng(0).integers(0, len(values), (2_000, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    resampled = interval(values)
    assert resampled.low == pytest.approx(low, abs=0.002)
    assert resampled.high == pytest.approx(high, abs=0.002)


def test_one_user_leaves_nothing_to_draw() -> None:
    assert interval(np.array([np.nan, 0.5])) == Interval(0.5, 0.5, 0.5)


def test_users_without_a_value_do_not_count() -> None:
    assert interval(np.array([np.nan, 1.0, 1.0])) == Interval(1.0, 1.0, 1.0)
    assert interval(np.array([np.nan])) == Interval(None, None, None)


def test_pairs_are_more_certain_than_two_means() -> None:
    base = np.random.default_rng(4).random(100)
    assert paired(base + 0.1, base) == Interval(0.1, 0.1, 0.1)
    assert paired(base, base) == Interval(0.0, 0.0, 0.0)

"""Intervals over users of figures that all their items enter."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.bootstrap import interval
from evaluation.cluster_bootstrap import ClusterInterval, Tables, by_user, intervals, resampled, resampled_rows, share
from evaluation.metrics import Values
from runtime.errors import DataError


def mean(tables: Tables) -> Values:
    """Of tables that hold a sum and a number."""
    return share(tables[:, 0], tables[:, 1])


def of(values: Values, users: list[str]) -> ClusterInterval:
    items = np.stack([values, np.ones(len(values))], axis=1)
    return intervals(by_user(items, users), {"mean": mean})["mean"]


def names(number: int) -> list[str]:
    return [f"{at:04}" for at in range(number)]


def test_tables_add_up_by_user() -> None:
    tables = by_user(np.array([[1.0, 1], [2, 1], [4, 1]]), ["bob", "ann", "bob"])
    assert tables.tolist() == [[2, 1], [5, 2]]


def test_with_one_item_a_user_it_is_the_bootstrap_of_the_mean() -> None:
    values = np.random.default_rng(1).random(80) ** 2
    clustered, simple = of(values, names(80)), interval(values)
    assert clustered.value == simple.value
    assert clustered.low == pytest.approx(simple.low, abs=0.002)
    assert clustered.high == pytest.approx(simple.high, abs=0.002)


def test_copies_of_an_item_are_no_further_evidence() -> None:
    values = np.random.default_rng(2).random(40)
    once = of(values, names(40))
    assert of(np.repeat(values, 25), [name for name in names(40) for _ in range(25)]) == once
    independent = of(np.repeat(values, 25), names(1000))
    assert independent.low is not None
    assert once.low is not None
    assert independent.low > once.low + 0.05


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    """Users of 1 to 9 items that are alike."""
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        sizes = generator.integers(1, 10, 50)
        users = np.repeat(names(50), sizes).tolist()
        values = np.repeat(generator.random(50), sizes) + generator.normal(0, 0.1, sizes.sum())
        items = np.stack([values, np.ones(len(values))], axis=1)
        found = intervals(by_user(items, users), {"mean": mean}, resamples=300)["mean"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.5 <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_seeded_and_the_order_of_items_is_nothing() -> None:
    values, users = np.random.default_rng(4).random(60), names(20) * 3
    order = np.random.default_rng(5).permutation(60)
    assert of(values, users) == of(values[order], [users[at] for at in order])
    tables = by_user(np.stack([values, np.ones(60)], axis=1), users)
    assert intervals(tables, {"mean": mean}, seed=6) != intervals(tables, {"mean": mean}, seed=7)


def test_draws_without_the_figure_are_left_out_and_told() -> None:
    """Of two users one has no denominator: both draws are his in a quarter of the resamples."""
    found = intervals(np.array([[0.0, 0], [3, 4]]), {"mean": mean}, resamples=4_000)["mean"]
    assert (found.value, found.low, found.high) == (0.75, 0.75, 0.75)
    assert 900 < found.undefined < 1_100


def test_one_user_has_a_value_and_no_interval() -> None:
    assert of(np.array([1.0, 0.0]), ["ann", "ann"]) == ClusterInterval(0.5, None, None, 0)


def test_no_user_has_nothing() -> None:
    assert of(np.array([]), []) == ClusterInterval(None, None, None, 0)


def test_items_without_users_are_refused() -> None:
    with pytest.raises(DataError, match="2 items, and users of 1"):
        by_user(np.ones((2, 1)), ["ann"])


@pytest.mark.parametrize("kept", [0, 10**9], ids=["drawn anew", "draws kept"])
def test_rows_see_the_draws_that_tables_see(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.cluster_bootstrap.KEPT", kept)
    tables = np.random.default_rng(8).random((30, 2, 3))
    drawn = np.random.default_rng(9).integers(0, 30, (100, 30))
    rows = tables.reshape(30, -1).T
    for seed in (9, 10, 9):
        sums = resampled(tables, seed, 250)
        assert np.allclose(resampled_rows(rows, seed, 250).T.reshape(sums.shape), sums, rtol=1e-12, atol=0)
        assert np.allclose(sums[:100], tables[drawn].sum(axis=1), rtol=1e-12, atol=0) is (seed == 9)

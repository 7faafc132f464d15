"""Figures, bounds and groups of a gate, computed by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import norm, t

from evaluation.cluster_bootstrap import resampled_rows
from evaluation.gate.groups import activity_of, head_of
from evaluation.gate.measured import CALIBRATED, bounds, cells_of, measure, stacked
from evaluation.gate.policy import Metric, Policy
from evaluation.gate.user_figures import SCHEMA, UserFigures, rows_of
from evaluation.grid import Grid
from runtime.errors import DataError
from tests.evaluation.gate_cases import policy


def figures(found: list[float], of: list[float]) -> UserFigures:
    rows = [
        {"user_id": f"u{n}", "metric": "recall", "categories": "all", "found": f, "of": o, "activity": "light",
         "history": "known"}
        for n, (f, o) in enumerate(zip(found, of, strict=True))
    ]  # fmt: skip
    return UserFigures.of_rows(pa.Table.from_pylist(rows, SCHEMA))


def plain() -> Policy:
    metric = {"name": "recall", "tier": "critical", "floor": 0, "allowed_loss": 0, "gain": 0, "least_users": 2}
    return policy(metric={**metric, "slices": []})


def test_users_of_different_size_keep_their_weight() -> None:
    (cell,) = cells_of(plain())
    # Shares of 1 of 2 tags, 6 of 8; the champion's third user was not judged, so the pair is none.
    tables = stacked([cell], figures([1, 6, 1], [2, 8, 1]), figures([2, 4, 0], [2, 8, 0]))
    (found,) = measure(tables, 0, 1_000)
    assert (found.users, found.candidate, found.champion) == (2, 0.7, 0.6)
    assert found.difference == pytest.approx(0.1)
    assert found.effective == pytest.approx(100 / 68)


def plainly(tables: np.ndarray, resamples: int, level: float) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Bounds of each cell's own figure and difference, as the formulas read: one resample and one cell at a time."""
    users = len(tables)
    drawn = np.random.default_rng(0).integers(0, users, (resamples, users))
    found = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for number in range(tables.shape[1]):
            sums = np.array([tables[chosen, number].sum(axis=0) for chosen in drawn])
            own = sums[:, 0] / sums[:, 1]
            size = tables[:, number, 1]
            effective = size.sum() ** 2 / (size**2).sum()
            tail = norm.cdf(np.sqrt(effective / (effective - 1)) * t.ppf(CALIBRATED * level, effective - 1))
            of_both = []
            for values in (own, own - sums[:, 2] / sums[:, 3]):
                low = np.quantile(np.where(np.isnan(values), -np.inf, values), tail, method="lower")
                high = -np.quantile(np.where(np.isnan(values), -np.inf, -values), tail, method="lower")
                of_both.append((float(low), float(high)))
            found.append((of_both[0], of_both[1]))
    return found


@pytest.mark.parametrize("kept", [0, 10**9], ids=["drawn anew", "draws kept"])
def test_what_is_added_up_once_is_what_each_cell_comes_to_alone(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.cluster_bootstrap.KEPT", kept)
    chance = np.random.default_rng(1)
    tables = chance.random((40, 5, 4))
    tables[:, :, 1] = tables[:, :, 3] = np.ceil(5 * chance.random((40, 5)))
    tables[:, 1] = tables[:, 0]  # the same once more
    tables[:, 2, 3] += chance.integers(0, 2, 40)  # the champion has other numbers of tags
    tables[3:, 3] = 0  # so few users that some draws hold none of them
    tables[:, 4, 2:] = 0  # nobody beside
    found = measure(tables, 0, 100, [True, False, False, True, True])
    wanted = plainly(tables, 100, 0.05)
    for one, (own, difference) in zip(found, wanted, strict=True):
        assert one.difference_bounds(0.05) == pytest.approx(difference, abs=1e-12)
        if one.candidate_draws is not None:
            assert one.candidate_bounds(0.05) == pytest.approx(own, abs=1e-12)
    assert [one.candidate_draws is None for one in found] == [False, True, False, False, False]
    # A cell alone is what it is beside others.
    (alone,) = measure(tables[:, 2:3], 0, 100)
    assert alone.difference_bounds(0.05) == pytest.approx(found[2].difference_bounds(0.05), abs=1e-12)


def test_bounds_miss_no_more_often_than_they_say() -> None:
    """Users of different size, with tails as ``bench.gate`` has them: without the calibration it is 0.053."""
    chance = np.random.default_rng(7)
    users, figures = 400, 6_000
    size = np.clip(chance.lognormal(0.0, 0.6, (figures, users)), 0.25, 4.0)
    values = chance.standard_t(5, (figures, users)) / np.sqrt(size)
    draws = resampled_rows(values, 0, 1_000) / users
    found = np.array([bounds(of_figure, 0.05, users) for of_figure in draws])
    missed = (np.mean(found[:, 0] > 0) + np.mean(found[:, 1] < 0)) / 2
    assert 0.04 < missed <= 0.05


def test_bounds_are_those_of_t_where_values_are_normal() -> None:
    values = norm.ppf((np.arange(12) + 0.5) / 12)
    draws = np.random.default_rng(2).choice(values, (40_000, 12)).mean(axis=1)
    low, high = bounds(draws, 0.05, 12)
    half = t.ppf(0.95, 11) * values.std(ddof=1) / np.sqrt(12)
    assert low == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.06 * half)
    plain_low = float(np.quantile(draws, 0.05))
    assert low < plain_low - 0.1 * half  # the plain percentile is too narrow for twelve users


def test_what_is_undefined_counts_as_the_worst() -> None:
    draws = np.full(1_000, 0.5)
    assert bounds(draws, 0.05, 50) == (0.5, 0.5)
    draws[:100] = np.nan
    assert bounds(draws, 0.05, 50) == (-np.inf, np.inf)
    assert bounds(np.full(1_000, 0.5), 0.05, 1.0) == (-np.inf, np.inf)


def test_rows_that_are_no_results_are_refused() -> None:
    with pytest.raises(DataError, match="no number"):
        figures([np.nan], [1])
    rows = rows_of(
        {("recall", "all"): np.array([0.5, np.nan])}, ("a", "b"), np.array(["light"] * 2), np.array(["new"] * 2)
    )
    assert rows.num_rows == 1
    with pytest.raises(DataError, match="twice"):
        UserFigures.of_rows(pa.concat_tables([rows, rows]))
    with pytest.raises(DataError, match="columns"):
        UserFigures.of_rows(rows.drop(["of"]))
    moved = rows.set_column(1, SCHEMA.field("metric"), pa.array(["other"]))
    moved = moved.set_column(5, SCHEMA.field("activity"), pa.array(["heavy"]))
    with pytest.raises(DataError, match="activity is light and heavy"):
        UserFigures.of_rows(pa.concat_tables([rows, moved]))


def test_activity_is_of_all_frozen_users_whoever_was_drawn() -> None:
    frozen = pa.table({"user_id": list("abcdef"), "history_events": [30, 31, 50, 60, 200, 300]})
    assert (
        activity_of(frozen, ("a", "b", "c", "d", "e", "f")).tolist() == ["light"] * 2 + ["medium"] * 2 + ["heavy"] * 2
    )
    assert activity_of(frozen, ("e", "b")).tolist() == ["heavy", "light"]


def test_head_categories_are_the_fewest_that_hold_half() -> None:
    past = pl.DataFrame({"category": ["milk"] * 4 + ["beer"] * 3 + ["eggs"] * 3})
    grid = Grid.of(["u"], ["milk", "beer", "eggs", "wine"])
    # Milk has 4 of 10, with beer 7.
    assert [name for name, is_head in zip(grid.categories, head_of(grid, past), strict=True) if is_head] == [
        "beer",
        "milk",
    ]
    assert not head_of(grid, past.clear()).any()


def test_a_metric_knows_which_way_is_better() -> None:
    said = {"name": "x", "tier": "critical", "allowed_loss": 0, "least_users": 2}
    assert Metric.model_validate(said).sign == 1
    assert Metric.model_validate({**said, "direction": "lower"}).sign == -1

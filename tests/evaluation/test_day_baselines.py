"""Baselines of days, decays, baskets and neighbours on tables small enough to be done by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from evaluation.baselines import ceilings
from evaluation.baselines.decayed_days import decayed_days
from evaluation.baselines.distinct_days import distinct_days
from evaluation.baselines.tifu_knn import Decays, frequencies, tifu_knn
from evaluation.baselines.up_cf import Filtering, recent_popularity, similarity, up_cf
from evaluation.grid import Grid, best
from evaluation.visits import Visits

Make = Callable[[Sequence[tuple[str, str, str, str]]], pl.DataFrame]
GRID = Grid.of(["ann", "bob", "cat"], ["milk", "beer", "eggs"])  # columns: beer, eggs, milk
DAY = "2017-03-09"


@pytest.fixture
def visits(actions: Make) -> Visits:
    """Ann: milk on the 1st, 5th and 9th (twice), eggs on the 5th. Bob: beer on the 9th. Cat: nothing."""
    return Visits.of(
        GRID,
        actions(
            [
                ("ann", "2017-03-01T10:00:00", "purchase", "milk"),
                ("ann", "2017-03-05T10:00:00", "purchase", "milk"),
                ("ann", "2017-03-05T10:00:00", "purchase", "eggs"),
                ("ann", "2017-03-09T10:00:00", "purchase", "milk"),
                ("ann", "2017-03-09T18:00:00", "purchase", "milk"),
                ("bob", "2017-03-09T10:00:00", "purchase", "beer"),
                ("dan", "2017-03-09T10:00:00", "purchase", "beer"),  # is in no row
                ("bob", "2017-03-08T10:00:00", "purchase", "wine"),  # is in no column
            ]
        ),
        DAY,
    )


def test_days_ages_and_intervals(visits: Visits) -> None:
    assert visits.days().tolist() == [[0, 1, 3], [1, 0, 0], [0, 0, 0]]
    nan = np.nan
    assert visits.newest() == pytest.approx(np.array([[nan, 4, 0], [0, nan, nan], [nan] * 3]), nan_ok=True)
    assert visits.intervals() == pytest.approx(np.array([[nan, nan, 4], [nan] * 3, [nan] * 3]), nan_ok=True)


def test_baskets_are_days_from_the_newest(visits: Visits) -> None:
    basket, numbers = visits.baskets()
    # Sorted by user and category, newest first: ann's eggs; ann's milk three times; bob's beer.
    assert basket.tolist() == [1, 0, 1, 2, 0]
    assert numbers.tolist() == [3, 1, 0]


def test_nobody_with_visits_is_no_error(actions: Make) -> None:
    none = Visits.of(GRID, actions([]), DAY)
    assert none.days().sum() == 0
    assert frequencies(none, Decays(2, 0.5, 0.5, 1, 0.5)).sum() == 0


def test_popularity_breaks_ties_of_days_and_never_outweighs_one() -> None:
    days = np.array([[0, 1, 1, 2, 0]], np.float32)
    popularity = np.array([[900, 5, 7, 0, 0]], np.float32)
    scores = distinct_days(days, popularity)
    assert np.argsort(-scores[0]).tolist() == [3, 2, 1, 0, 4]
    assert best(scores, 5).tolist() == [[True, True, True, True, False]]


def test_a_day_counts_half_after_its_half_life(visits: Visits) -> None:
    popularity = np.array([[1, 0, 3]] * 3, np.float32)
    scores = decayed_days(visits, popularity, history_days=8, half_life=4)
    # Popularity's shares are 1/4, 0 and 3/4 of a day that is two half-lives old.
    assert scores[0] == pytest.approx([0.25 / 4, 0.5, 1 + 0.5 + 0.25 + 0.75 / 4])


def test_tifu_averages_within_groups_and_across_them(visits: Visits) -> None:
    vectors = frequencies(visits, Decays(group=2, within=0.9, across=0.5, neighbours=1, own=0.7))
    # Groups of two from the newest: (9th, 5th) and (1st). Milk: ((1 + 0.9) / 2 + 0.5 * 1 / 1) / 2; eggs: 0.9 / 2 / 2.
    assert vectors[0] == pytest.approx([0, 0.225, 0.725])
    assert vectors[1] == pytest.approx([1, 0, 0])


def test_tifu_adds_the_mean_of_the_nearest_others() -> None:
    everybody = np.array([[1, 0, 0], [0.8, 0.2, 0], [0.6, 0, 0], [0, 0, 1]], np.float32)
    decays = Decays(1, 1, 1, neighbours=2, own=0.5)
    found = tifu_knn(np.array([0]), everybody, decays)
    assert found[0] == pytest.approx([0.5 + 0.5 * 0.7, 0.5 * 0.1, 0])
    alone = tifu_knn(np.array([0]), everybody[:1], decays)
    assert alone[0] == pytest.approx([0.5, 0, 0])


def test_recent_popularity_counts_the_newest_baskets(visits: Visits) -> None:
    assert recent_popularity(visits, 2) == pytest.approx(np.array([[0, 0.5, 1], [1, 0, 0], [0, 0, 0]]))
    assert recent_popularity(visits, 100)[0] == pytest.approx([0, 1 / 3, 1])


def test_the_cosine_of_users_is_asymmetric() -> None:
    one, four = np.array([[1, 0, 0, 0]], np.float32), np.array([[2, 1, 1, 3]], np.float32)
    assert similarity(one, four, 0.25) == pytest.approx(np.array([[1 / 4**0.75]]))
    assert similarity(four, one, 0.25) == pytest.approx(np.array([[1 / 4**0.25]]))
    assert similarity(np.zeros_like(one), four, 0.25).tolist() == [[0]]


def test_filtering_weighs_users_by_a_power_of_their_similarity() -> None:
    everybody = np.array([[1, 0], [1, 1]], np.float32)
    recent = np.array([[0.5, 0], [0.2, 1]], np.float32)
    scores = up_cf(everybody[:1], everybody, recent, Filtering(recent=5, asymmetry=0.5, locality=2))
    assert scores[0] == pytest.approx([0.5 + 0.5 * 0.2, 0.5])


def test_ceilings_know_the_outcomes() -> None:
    bought, following = np.array([[True, True, False]]), np.array([[False, True, False]])
    seen = np.array([[True, False, True]])
    assert ceilings.perfect(bought, following).tolist() == [[1, 2, 0]]
    assert ceilings.perfect_of_own(bought, following, seen).tolist() == [[1, 0, 0]]
    assert best(ceilings.perfect(bought, following), 1).tolist() == [[False, True, False]]

"""Baselines and lists on tables small enough to be done by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from evaluation.baselines.co_occurrence import co_occurrence, similarity
from evaluation.baselines.popularity import popularity
from evaluation.grid import Grid, best

GRID = Grid.of(["ann", "bob"], ["milk", "beer", "eggs"])  # columns: beer, eggs, milk
Make = Callable[[Sequence[tuple[str, str, str, str]]], pl.DataFrame]


@pytest.fixture
def past(actions: Make) -> pl.DataFrame:
    at = "2017-03-09T10:00:00"
    return actions(
        [
            ("ann", at, "purchase", "milk"),
            ("ann", at, "purchase", "milk"),
            ("ann", at, "purchase", "eggs"),
            ("bob", at, "purchase", "beer"),
            ("cat", at, "purchase", "milk"),  # is in no row, and counts for popularity
            ("bob", at, "purchase", "wine"),  # is in no column
        ]
    )


def test_counts_are_rows(past: pl.DataFrame) -> None:
    assert GRID.counts(past).tolist() == [[0, 1, 2], [1, 0, 0]]


def test_popularity_counts_distinct_users_of_everybody(past: pl.DataFrame) -> None:
    assert popularity(GRID, past).tolist() == [[1, 1, 2], [1, 1, 2]]


def test_similarity_is_the_cosine_of_history_and_outcomes() -> None:
    day = (np.array([[2, 0], [1, 1]], np.float32), np.array([[True, True], [False, True]]))
    other = (np.array([[0, 3]], np.float32), np.array([[False, False]]))
    # n(h) = 2, 2; n(c) = 1, 2; together: h0 with c0 once, with c1 twice; h1 with c1 once.
    expected = [[1 / np.sqrt(3 * 2), 2 / np.sqrt(3 * 3)], [0, 1 / np.sqrt(3 * 3)]]
    assert similarity([day, other], 2) == pytest.approx(np.array(expected))


def test_co_occurrence_weighs_by_the_logarithm_of_the_count() -> None:
    counts, similar = np.array([[1, 3]], np.float32), np.array([[0.5, 0.1], [0, 0.2]], np.float32)
    expected = [[np.log(2) * 0.5, np.log(2) * 0.1 + np.log(4) * 0.2]]
    assert co_occurrence(counts, similar) == pytest.approx(np.array(expected))


def test_the_best_are_positive_and_ties_go_by_name() -> None:
    scores = np.array([[1, 2, 1, 1], [0, 0, 0.5, 0]], np.float32)
    assert best(scores, 2).tolist() == [[True, True, False, False], [False, False, True, False]]


def test_ranked_lists_keep_the_best_rank_of_a_category() -> None:
    scores = GRID.ranked({"ann": ["milk", "beer", "milk", "eggs"], "bob": []}, 4)
    assert scores.tolist() == [[0.75, 0.25, 1], [0, 0, 0]]
    assert GRID.ranked({"ann": ["milk", "beer", "eggs"]}, 2).tolist() == [[0.5, 0, 1], [0, 0, 0]]


def test_a_category_that_the_catalog_lacks_is_no_silent_zero() -> None:
    with pytest.raises(KeyError, match="wine"):
        GRID.mask({"ann": ["wine"]})

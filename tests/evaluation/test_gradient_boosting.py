"""Gradient boosting: its features by hand, and trees on users of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.baselines import gradient_boosting
from evaluation.baselines.gradient_boosting import Known, learn, sampled
from evaluation.fitting import strongest
from evaluation.grid import Mask, Scores


def known(days: Scores, newest: Scores) -> Known:
    same = np.ones_like(days)
    intervals = np.where(days > 1, 4 * same, np.nan).astype(np.float32)
    return Known(2 * days, days, np.float32(0.5) * days, newest, intervals, same, days)


def test_features_by_hand() -> None:
    days, newest = np.array([[3, 0, 1]], np.float32), np.array([[2, np.nan, 6]], np.float32)
    found = known(days, newest).features(np.array([0, 0]), np.array([0, 1]))
    assert found[0] == pytest.approx([6, 3, 1.5, 2, 4, 0.5, 1, 3, 0.75, 4, 2])
    nan = np.nan
    assert found[1] == pytest.approx([0, 0, 0, nan, nan, nan, 1, 0, 0, 4, 2], nan_ok=True)


def users(seed: int) -> tuple[Known, Mask]:
    """Three in four of what was had within the last week is bought, and nothing else."""
    generator = np.random.default_rng(seed)
    days = (generator.random((60, 200)) < 0.2).astype(np.float32)
    newest = np.where(days > 0, generator.integers(0, 30, days.shape), np.nan).astype(np.float32)
    return known(days, newest), np.logical_and(newest < 7, generator.random(days.shape) < 0.75)


def test_all_that_is_had_or_bought_is_learnt_from_and_the_rest_stands_for_itself() -> None:
    about, bought = users(1)
    features, truth, weights = sampled(about, bought, np.random.default_rng(0))
    had = int((about.days > 0).sum())
    assert truth.sum() == bought.sum()
    assert (features[:, 1] > 0).sum() == had
    assert (weights == 1).sum() == had
    assert weights.sum() == pytest.approx(bought.size, rel=0.15)


def test_trees_find_what_decides_and_are_the_same_each_time() -> None:
    trees = learn([users(1), users(2)])
    about, _ = users(3)
    scores = trees.scores(about)
    lately = about.newest < 7
    assert scores[lately].mean() == pytest.approx(0.75, abs=0.05)
    assert scores[~lately].max() < 0.1
    assert np.array_equal(scores, learn([users(1), users(2)]).scores(about))


def test_users_beyond_a_chunk_have_their_own_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    trees, (about, _) = learn([users(1)]), users(3)
    whole = trees.scores(about)
    monkeypatch.setattr(gradient_boosting, "USERS_A_CHUNK", 7)
    assert np.array_equal(whole, trees.scores(about))


def test_the_strongest_has_the_highest_recall_over_all_users() -> None:
    bought = np.zeros((2, 40), np.bool_)
    bought[:, :2] = True
    first, second = np.zeros((2, 40), np.float32), np.zeros((2, 40), np.float32)
    first[:, 0], second[0, :2], second[1, 5] = 1, 1, 1
    # The first finds half of each user's; the second all of one's and none of the other's.
    both = {"first": first, "second": second}
    assert strongest([(both, bought)]) == ("first", {"first": 0.5, "second": 0.5})
    assert strongest([(both, bought), ({name: scores[:1] for name, scores in both.items()}, bought[:1])])[0] == "second"

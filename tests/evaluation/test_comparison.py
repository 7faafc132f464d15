"""Metrics by hand, and systems side by side."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import metrics
from evaluation.comparison import Outcomes, compare, exclusive, values
from evaluation.grid import Mask


def mask(*rows: str) -> Mask:
    """``x..`` is true, false, false."""
    return np.array([[letter == "x" for letter in row] for row in rows])


def test_recall_is_a_share_of_what_is_true() -> None:
    assert metrics.recall(mask("xx.."), mask("x.xx")) == pytest.approx([1 / 3])
    found = metrics.recall(mask("xx..", "xx.."), mask("....", "xx.."))
    assert np.isnan(found[0])
    assert found[1] == 1


def test_hit_rate_of_one_next_category_is_a_hit_or_none() -> None:
    assert metrics.hit_rate(mask("xx.", "xx.", "xx."), mask("x..", "..x", "x.x")).tolist() == [1, 0, 0.5]


def test_exclusive_recall_counts_what_nobody_else_finds() -> None:
    found = metrics.exclusive_recall(mask("xxx."), mask("x..."), mask("xx.x"))
    assert found == pytest.approx([1 / 3])


def test_lists_for_new_categories_leave_out_what_is_known() -> None:
    # 40 categories; the user has the first 30, which are also the most popular; the 31st and 32nd are bought.
    scores = np.arange(40, 0, -1, dtype=np.float32)[None]
    seen = np.arange(40)[None] < 30
    bought = np.isin(np.arange(40), [0, 30, 31])[None]
    outcomes = Outcomes(bought=bought, new=bought & ~seen, following=np.isin(np.arange(40), [30])[None])
    found = values(scores, seen, outcomes)
    assert found["recall_at_30"] == pytest.approx([1 / 3])
    assert found["recall_new_at_30"] == pytest.approx([1.0])
    assert found["hr_at_30"] == pytest.approx([0.0])


def test_systems_side_by_side() -> None:
    seen = mask("x..", "x..")
    outcomes = Outcomes(bought=mask("xx.", "x.."), new=mask(".x.", "..."), following=mask("x..", "x.."))
    own = np.array([[2, 0, 0], [1, 0, 0]], np.float32)
    everything = np.ones((2, 3), np.float32)
    figures = compare({"own_frequency": own, "all": everything}, seen, outcomes)
    assert figures["recall_at_30"]["own_frequency"] == {"value": 0.75, "low": 0.5, "high": 1.0}
    assert figures["recall_at_30"]["all"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert figures["recall_new_at_30"] == {
        "own_frequency": {"value": 0.0, "low": 0.0, "high": 0.0},
        "all": {"value": 1.0, "low": 1.0, "high": 1.0},
    }
    assert figures["paired_vs_own_frequency"]["recall_at_30"] == {"all": {"value": 0.25, "low": 0.0, "high": 0.5}}
    assert exclusive(everything, {"own_frequency": own}, outcomes)["value"] == 0.25
    assert exclusive(own, {"all": everything}, outcomes)["value"] == 0.0


def test_ten_are_judged_beside_thirty() -> None:
    # The best 10 hold the first of three bought, the best 30 the second too.
    scores = np.arange(40, 0, -1, dtype=np.float32)[None]
    bought = np.isin(np.arange(40), [9, 10, 35])[None]
    found = values(scores, np.zeros_like(bought), Outcomes(bought, bought, bought))
    assert found["recall_at_10"] == pytest.approx([1 / 3])
    assert found["recall_at_30"] == pytest.approx([2 / 3])


def test_categories_of_one_list_and_of_all() -> None:
    listed = mask("xx..", "x.x.", "....")
    assert metrics.categories_per_user(listed).tolist() == [2, 2, 0]
    assert metrics.coverage(listed) == 3
    seen = outcomes = mask("x..", "x..")
    own = np.array([[2, 0, 0], [1, 1, 0]], np.float32)
    figures = compare({"own_frequency": own}, seen, Outcomes(outcomes, outcomes, outcomes))
    assert figures["coverage"] == {"own_frequency": 2}
    assert figures["categories_per_user"]["own_frequency"]["value"] == 1.5


def test_every_metric_is_defined_in_words() -> None:
    none = np.zeros((1, 1), np.bool_)
    measured = values(np.zeros((1, 1), np.float32), none, Outcomes(none, none, none))
    assert set(metrics.DEFINITIONS) == {*measured, "exclusive_recall", "coverage"}

"""Calibration of confidences, done by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from evaluation.cluster_bootstrap import ClusterInterval
from evaluation.confidence import Bin, calibration
from runtime.errors import DataError, UsageError

SURE = [0.9, 0.55, 0.8, 0.6]
RIGHT = [True, False, False, True]


def names(number: int) -> list[str]:
    return [str(at) for at in range(number)]


def test_figures_done_by_hand() -> None:
    found = calibration(SURE, RIGHT, names(4), bins=2)
    assert found.bins == (Bin(0.575, 0.5, 2), Bin(0.85, 0.5, 2))
    assert found.expected_calibration_error.value == 0.2125  # (0.075 + 0.35) / 2
    assert found.brier.value == 0.2781  # (0.01 + 0.3025 + 0.64 + 0.16) / 4


def test_bins_weigh_as_many_items_as_they_hold() -> None:
    """Five items in two bins: two of confidence 0.5, of which one is right, and three of 0.9, all right."""
    found = calibration([0.5, 0.5, 0.9, 0.9, 0.9], [True, False, True, True, True], names(5), bins=2)
    assert found.bins == (Bin(0.5, 0.5, 2), Bin(0.9, 1.0, 3))
    assert found.expected_calibration_error.value == 0.06  # (2 x 0 + 3 x 0.1) / 5


def test_errors_of_several_bins_do_not_cancel() -> None:
    found = calibration([0.5, 0.5, 1.0, 1.0], [True, True, True, False], names(4), bins=2)
    assert found.expected_calibration_error.value == 0.5
    assert calibration([0.5, 0.5, 1.0, 1.0], [True, True, True, False], names(4), bins=1).bins == (Bin(0.75, 0.75, 4),)


def test_bins_and_brier_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    sure = generator.random(200)
    right = generator.random(200) < sure**2
    found = calibration(sure, right, names(200))
    shares, confidences = calibration_curve(right, sure, n_bins=10, strategy="quantile")
    assert [each.items for each in found.bins] == [20] * 10
    assert [each.right for each in found.bins] == pytest.approx(shares, abs=5e-5)
    assert [each.confidence for each in found.bins] == pytest.approx(confidences, abs=5e-5)
    assert found.brier.value == pytest.approx(brier_score_loss(right, sure), abs=5e-5)


def test_equal_confidences_share_a_bin_whatever_their_order() -> None:
    """Nine of ten are sure: three bins would part them by chance."""
    found = calibration([1.0] * 9 + [0.5], [True] * 6 + [False] * 4, names(10), bins=3)
    assert found.bins == (Bin(0.5, 0.0, 1), Bin(1.0, 0.6667, 9))
    again = calibration([0.5] + [1.0] * 9, [False] * 4 + [True] * 6, names(10), bins=3)
    assert again.bins == found.bins


def test_more_bins_than_items() -> None:
    assert [each.items for each in calibration(SURE, RIGHT, names(4), bins=50).bins] == [1, 1, 1, 1]


def test_items_of_a_user_are_drawn_together() -> None:
    generator = np.random.default_rng(2)
    sure = generator.random(30)
    right = generator.random(30) < sure
    once = calibration(sure, right, names(30), bins=3)
    many = calibration(np.repeat(sure, 20), np.repeat(right, 20), np.repeat(names(30), 20).tolist(), bins=3)
    assert many.brier == once.brier
    assert many.expected_calibration_error == once.expected_calibration_error


def test_no_item_has_nothing() -> None:
    found = calibration([], [], [])
    assert found.bins == ()
    assert found.brier == found.expected_calibration_error == ClusterInterval(None, None, None, 0)


def test_a_record_can_be_stored() -> None:
    stored = json.loads(json.dumps(calibration(SURE, RIGHT, names(4), bins=1).as_dict()))
    assert stored["bins"] == [{"confidence": 0.7125, "right": 0.5, "items": 4}]


def test_what_is_no_confidence_is_refused() -> None:
    with pytest.raises(DataError, match=r"item 1 is -0\.1, .* not their logarithms"):
        calibration([0.5, -0.1], [True, True], names(2))
    with pytest.raises(DataError, match="item 0 is nan"):
        calibration([float("nan")], [True], names(1))
    with pytest.raises(DataError, match="1 confidences and 2 outcomes"):
        calibration([0.5], [True, True], names(1))
    with pytest.raises(DataError, match="1 items, and users of 2"):
        calibration([0.5], [True], names(2))
    with pytest.raises(UsageError, match="0 bins"):
        calibration(SURE, RIGHT, names(4), bins=0)

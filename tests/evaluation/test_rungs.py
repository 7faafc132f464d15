"""Rungs of a ladder, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import metrics
from evaluation.comparison import Outcomes
from evaluation.grid import Mask, Scores
from evaluation.rungs import DEFINITIONS, PAIRED, Climbed, Rung, verdict

# Three categories on one line, a fourth across.
VECTORS = np.array([[1, 0], [1, 0], [-1, 0], [0, 1]], np.float32)


def mask(*rows: str) -> Mask:
    """``x..`` is true, false, false."""
    return np.array([[letter == "x" for letter in row] for row in rows])


def scores(*rows: str) -> Scores:
    return mask(*rows).astype(np.float32)


def test_diversity_is_the_mean_distance_of_two() -> None:
    found = metrics.diversity(mask("xx..", "x.x.", "x..x", "xxx.", "x...", "...."), VECTORS)
    # Alike; opposite; across; pairs of 0, 2 and 2; no pair.
    assert found[:4] == pytest.approx([0, 2, 1, 4 / 3])
    assert np.isnan(found[4:]).all()


@pytest.fixture
def climbed() -> Climbed:
    """Two users who bought the first two categories; V1 was asked about the second user alone."""
    bought = mask("xx..", "xx..")
    nothing = np.zeros_like(bought)
    rungs = {
        "popularity": Rung(scores("x...", "x..."), simple=True),
        "v1_routes": Rung(scores("....", ".x.."), np.array([0.0, 0.5]), np.array([False, True])),
        "base": Rung(scores("..x.", "..x."), np.array([1.0, 0.0])),
        "sft": Rung(scores("xx..", "xx.."), np.array([1.0, 1.0])),
        "combined": Rung(scores("xx..", "xx.."), part_of_others=False),
    }
    return Climbed.of(rungs, nothing, Outcomes(bought, bought, bought), VECTORS)


def test_a_rung_counts_for_the_users_that_it_was_asked_about(climbed: Climbed) -> None:
    figures = climbed.figures(["sft", "v1_routes"])
    assert figures["asked"] == {"popularity": 2, "v1_routes": 1, "base": 2, "sft": 2, "combined": 2}
    assert figures["recall_at_30"]["v1_routes"]["value"] == 0.5
    assert figures["recall_at_30"]["popularity"]["value"] == 0.5
    assert figures["coverage"] == {"popularity": 1, "v1_routes": 1, "base": 1, "sft": 2, "combined": 2}
    assert figures["paired_vs_sft"]["recall_at_30"]["v1_routes"]["value"] == -0.5
    assert figures["paired_vs_sft"]["recall_at_30"]["base"]["value"] == -1.0
    assert "sft" not in figures["paired_vs_sft"]["recall_at_30"]
    # On the one user that both were asked about, whatever the other user got.
    assert figures["paired_vs_v1_routes"]["recall_at_30"]["popularity"]["value"] == 0.0


def test_only_what_names_tags_has_valid_ones(climbed: Climbed) -> None:
    found = climbed.figures(["sft"])
    assert {name: each["value"] for name, each in found["share_valid"].items()} == {
        "v1_routes": 0.5,
        "base": 0.5,
        "sft": 1.0,
    }
    assert found["paired_vs_sft"]["share_valid"].keys() == {"v1_routes", "base"}


def test_what_one_finds_and_no_other(climbed: Climbed) -> None:
    found = climbed.figures([])["exclusive_recall"]
    # The second category is found by sft for the first user alone: for the second one V1 finds it too.
    assert found["sft"]["value"] == 0.25
    assert found["popularity"]["value"] == 0.0
    # A combination takes nothing from the systems that it is made of, and is held against all of them.
    assert found["combined"]["value"] == 0.0
    simple = climbed.figures([])["exclusive_recall_of_simple"]
    assert (simple["sft"]["value"], simple["v1_routes"]["value"], simple["combined"]["value"]) == (0.5, 0.5, 0.5)


def test_every_metric_is_defined_in_words(climbed: Climbed) -> None:
    measured = {metric for of_rung in climbed.values.values() for metric in of_rung}
    assert set(DEFINITIONS) == {*measured, "coverage"}
    assert set(PAIRED) < measured


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(0.01, 0.2, "higher"), (-0.2, -0.01, "lower"), (-0.1, 0.1, "undecided"), (0.0, 0.1, "undecided")],
)
def test_an_interval_that_touches_zero_decides_nothing(low: float, high: float, says: str) -> None:
    assert verdict({"value": 0.0, "low": low, "high": high}) == says
    assert verdict(dict.fromkeys(("value", "low", "high"))) == "undecided"

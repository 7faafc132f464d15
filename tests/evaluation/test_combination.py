"""The logistic regression against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.combination import features, fit, probability
from evaluation.fitting import combined


def test_one_yes_or_no_feature_gives_the_log_odds() -> None:
    # Of 100 with the feature 30 are true, of 100 without it 10.
    given = np.stack([np.ones(200), np.repeat([1.0, 0.0], 100)], axis=-1)[None]
    truth = np.concatenate([np.arange(100) < 30, np.arange(100) < 10])[None]
    weights = fit(given, truth)
    assert weights[0] == pytest.approx(np.log(10 / 90), abs=1e-3)
    assert weights.sum() == pytest.approx(np.log(30 / 70), abs=1e-3)
    assert probability(given, weights)[0, [0, 150]] == pytest.approx([0.3, 0.1], abs=1e-4)


def test_it_converges_where_plain_newton_steps_run_away() -> None:
    generator = np.random.default_rng(0)
    given = np.stack([np.ones((50, 400)), generator.exponential(3, (50, 400)), generator.normal(9, 4, (50, 400))], -1)
    truth = generator.random((50, 400)) < probability(given, np.array([-9.0, 1.5, 0.1]))
    weights = fit(given, truth)
    chance = probability(given, weights)
    # At the optimum the predicted and the true totals agree in every feature.
    assert (given * (truth - chance)[..., None]).sum(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=0.1)
    assert weights == pytest.approx([-9.0, 1.5, 0.1], abs=0.6)


def test_features_by_hand() -> None:
    scores = {
        "own_frequency": np.array([[1, 0]], np.float32),
        "co_occurrence": np.array([[3, 1]], np.float32),
        "intents": np.array([[0, 1]], np.float32),
    }
    found = features(scores, ("intents", "own_frequency", "co_occurrence"))
    assert found[0, 0] == pytest.approx([1, 0, np.log(2), np.log(0.75 + 1e-5)])
    assert found[0, 1] == pytest.approx([1, 1, 0, np.log(0.25 + 1e-5)])


def test_chances_enter_as_log_odds() -> None:
    found = features({"gradient_boosting": np.array([[0.75, 0.5, 0]], np.float32)}, ("gradient_boosting",))
    assert found[0, :2, 1] == pytest.approx([np.log(3), 0])
    assert np.isfinite(found).all()


def test_a_user_without_any_co_occurrence_has_finite_features() -> None:
    assert np.isfinite(features({"co_occurrence": np.zeros((1, 3), np.float32)}, ("co_occurrence",))).all()


def test_a_system_that_says_nothing_of_the_truth_gets_no_weight() -> None:
    generator = np.random.default_rng(1)
    own = (generator.random((60, 300)) < 0.2).astype(np.float32)
    noise = generator.random((60, 300)).astype(np.float32)
    bought = generator.random((60, 300)) < 0.05 + 0.5 * own
    scores = {"own_frequency": own, "intents": noise}
    _, weights = combined(("intents", "own_frequency"), scores, scores, bought)
    assert abs(weights["intents"]) < 0.3
    assert weights["own_frequency"] > 2

"""The level of a reward's scores: the sigmoid says what tiers are worth, and the order stays."""

from __future__ import annotations

import math

import pytest
import torch

from model_steps.judge.reward.head import ScalarHead
from model_steps.training.reward.level import fit_level, set_level


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_scores_that_all_lie_high_are_told_apart_afterwards() -> None:
    scores = [[9.0, 8.0, 6.0, 7.0]] * 40
    scale, shift = fit_level(scores, [["S", "A", "B", "B"]] * 40)
    said = [sigmoid(scale * score + shift) for score in scores[0]]
    assert said[0] > 0.9
    assert said[2] < 0.1
    assert said[0] > said[1] > said[3] > said[2]
    # As much in all as the tiers are worth.
    assert sum(said) == pytest.approx(1.5, abs=0.01)


def test_where_nothing_can_be_fitted_nothing_is_changed() -> None:
    assert fit_level([[1.0, 2.0]], [["S", "S"]]) == (1.0, 0.0)
    # Lower scores for the better ones: turning them round would be another order.
    assert fit_level([[1.0, 5.0]] * 9, [["S", "B"]] * 9) == (1.0, 0.0)


def test_a_head_says_the_scaled_and_shifted_score() -> None:
    head = ScalarHead(torch.tensor([1.0, -2.0]), bias=0.5, odds=3.0)
    states, odds = torch.tensor([[0.3, 0.1], [2.0, -1.0]]), torch.tensor([0.7, -0.2])
    before = head(states, odds)
    set_level(head, 0.25, -1.0)
    assert torch.allclose(head(states, odds), 0.25 * before - 1.0)

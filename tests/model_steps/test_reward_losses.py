"""The reward model's losses, held against numbers that are worked out term by term."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from model_steps.judge.reward.losses import Taken, has_order, listwise, pointwise

exp, log = math.exp, math.log


def of(*scores: float) -> torch.Tensor:
    return torch.tensor(scores, dtype=torch.float64)


def sigmoid(score: float) -> float:
    return 1 / (1 + exp(-score))


def test_each_positive_has_its_own_denominator_of_itself_and_all_lower_tiers() -> None:
    # Two S of 2 and 1, one A of 0.5, two B of 0 and -1.
    scores, tiers = of(2, 1, 0.5, 0, -1), list("SSABB")
    below_s, below_a = exp(0.5) + exp(0) + exp(-1), exp(0) + exp(-1)
    by_hand = -(
        log(exp(2) / (exp(2) + below_s)) + log(exp(1) / (exp(1) + below_s)) + log(exp(0.5) / (exp(0.5) + below_a))
    )
    assert float(listwise(scores, tiers)) == pytest.approx(by_hand, abs=1e-12)


def test_after_the_sigmoid_the_exponential_takes_what_lies_between_0_and_1() -> None:
    scores, tiers = of(2, 0.5, -1), list("SAB")
    s, a, b = (exp(sigmoid(score)) for score in (2, 0.5, -1))
    by_hand = -(log(s / (s + a + b)) + log(a / (a + b)))
    assert float(listwise(scores, tiers, "after_sigmoid")) == pytest.approx(by_hand, abs=1e-12)
    assert float(listwise(scores, tiers)) != pytest.approx(by_hand, abs=1e-2)
    # However far apart scores are, a floor stays: log(1 + n / e) a positive.
    assert float(listwise(of(90, -90, -90), list("SBB"), "after_sigmoid")) == pytest.approx(log(1 + 2 / exp(1)))


@pytest.mark.parametrize(
    ("tiers", "by_hand"),
    [
        # S against A, and nothing is below A.
        ("SA", log(1 + exp(1 - 3))),
        ("SB", log(1 + exp(1 - 3))),
        ("AB", log(1 + exp(1 - 3))),
        # The order in which outputs stand means nothing.
        ("BS", log(1 + exp(3 - 1))),
    ],
)
def test_two_tiers(tiers: str, by_hand: float) -> None:
    assert float(listwise(of(3, 1), list(tiers))) == pytest.approx(by_hand, abs=1e-12)


def test_outputs_of_one_tier_do_not_compete() -> None:
    scores = of(2, -5, 0).requires_grad_()
    listwise(scores, list("SSB")).backward()
    assert scores.grad is not None
    # Each S is pushed up by the share that B takes from it, whatever the other S has.
    assert scores.grad[0] == pytest.approx(-exp(0) / (exp(2) + exp(0)))
    assert scores.grad[1] == pytest.approx(-exp(0) / (exp(-5) + exp(0)))
    assert scores.grad[2] == pytest.approx(-float(scores.grad[0] + scores.grad[1]))


@pytest.mark.parametrize("tiers", ["SSS", "A", "BB"])
def test_a_group_of_one_tier_has_no_order(tiers: str) -> None:
    assert not has_order(list(tiers))
    with pytest.raises(ValueError, match="no order to learn"):
        listwise(of(*range(len(tiers))), list(tiers))


def test_scores_far_apart_overflow_nowhere() -> None:
    assert float(listwise(of(-1e4, 1e4), list("SB"))) == pytest.approx(2e4)
    assert float(listwise(of(1e4, -1e4), list("SB"))) == 0


def test_point_wise_by_hand() -> None:
    scores, tiers = of(2, 0.5, -1), list("SAB")
    by_hand = -(
        log(sigmoid(2)) + 0.5 * (log(sigmoid(0.5)) + log(1 - sigmoid(0.5))) + log(1 - sigmoid(-1))
    ) / 3  # fmt: skip
    assert float(pointwise(scores, tiers)) == pytest.approx(by_hand, abs=1e-12)
    other = {"S": 1.0, "A": 0.8, "B": 0.0}
    by_hand = -(
        log(sigmoid(2)) + 0.8 * log(sigmoid(0.5)) + 0.2 * log(1 - sigmoid(0.5)) + log(1 - sigmoid(-1))
    ) / 3  # fmt: skip
    assert float(pointwise(scores, tiers, other)) == pytest.approx(by_hand, abs=1e-12)
    # One tier is enough: each output is learnt by itself.
    assert float(pointwise(of(0), ["A"])) == pytest.approx(log(2))


@pytest.mark.parametrize(
    "loss",
    [
        lambda scores: listwise(scores, list("SBABSA")),
        lambda scores: listwise(scores, list("SBABSA"), "after_sigmoid"),
        lambda scores: pointwise(scores, list("SBABSA")),
    ],
    ids=["listwise", "listwise after the sigmoid", "pointwise"],
)
def test_gradients_are_those_of_small_steps(loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
    scores = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(loss, (scores,))


@pytest.mark.parametrize("taken", ["before_sigmoid", "after_sigmoid"])
def test_a_step_down_the_loss_parts_the_tiers(taken: Taken) -> None:
    scores = torch.zeros(3, requires_grad=True)
    listwise(scores, list("BSA"), taken).backward()
    assert scores.grad is not None
    assert (-scores.grad).argsort().tolist() == [0, 2, 1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="are none of 3 outputs"):
        listwise(of(1, 2), list("SAB"))
    with pytest.raises(ValueError, match="'C' is no tier"):
        pointwise(of(1, 2), ["S", "C"])

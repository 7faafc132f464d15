"""The share of pairs that a score puts right, on groups that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.judged.pairwise import PairwiseAccuracy, pairwise_accuracy
from runtime.errors import DataError

# S 0.9, A 0.5, A 0.9, B 0.1, B 0.6.
MIXED = ([0.9, 0.5, 0.9, 0.1, 0.6], list("SAABB"))


def accuracy_of(*groups: tuple[list[float], list[str]], users: list[str] | None = None) -> PairwiseAccuracy:
    scores, tiers = zip(*groups, strict=True)
    return pairwise_accuracy(scores, tiers, users or [f"user {number}" for number in range(len(groups))])


def test_pairs_counted_by_hand() -> None:
    found = accuracy_of(MIXED)
    # S over A: won, and a tie. S over B: both won. A over B: 0.5 beats 0.1 and loses to 0.6, 0.9 beats both.
    assert {name: each.value for name, each in found.by_pair.items()} == {
        "S over A": 0.75,
        "S over B": 1.0,
        "A over B": 0.75,
    }
    assert found.accuracy.value == 0.8125  # 6.5 of 8
    assert (found.pairs, found.ties, found.groups, found.groups_of_one_tier, found.users) == (8, 1, 1, 0, 1)


def test_a_score_that_says_nothing_wins_half_and_a_turned_one_loses_what_it_won() -> None:
    scores, tiers = MIXED
    assert accuracy_of(([0.3] * 5, tiers)).accuracy.value == 0.5
    assert accuracy_of(([-one for one in scores], tiers)).accuracy.value == 0.1875


def test_only_outputs_of_one_group_are_compared() -> None:
    found = accuracy_of(([0.9, 0.8], list("SA")), ([0.2, 0.1], list("SA")))
    # Held against each other, 0.2 would lose to 0.8.
    assert (found.accuracy.value, found.pairs) == (1.0, 2)


def test_groups_of_one_tier_are_counted_and_no_part_of_any_figure() -> None:
    found = accuracy_of(([0.9, 0.8], list("SA")), ([0.2, 0.1, 0.4], list("AAA")), ([0.2], list("B")))
    assert (found.accuracy.value, found.groups, found.groups_of_one_tier, found.users) == (1.0, 1, 2, 1)
    alone = accuracy_of(([0.2, 0.1], list("AA")))
    assert (alone.accuracy.value, alone.pairs, alone.groups_of_one_tier) == (None, 0, 1)


def test_no_groups_give_no_figure() -> None:
    assert pairwise_accuracy([], [], []).accuracy.value is None


def test_the_interval_is_over_users_and_not_over_pairs() -> None:
    right, wrong = ([0.9, 0.1], list("SB")), ([0.1, 0.9], list("SB"))
    groups = [right] * 30 + [wrong] * 10
    apart = accuracy_of(*groups).accuracy
    # The same groups in the hands of four users, of whom one is always misjudged.
    four = accuracy_of(*groups, users=[f"user {number // 10}" for number in range(40)])
    assert four.users == 4
    assert apart.value == four.accuracy.value == 0.75
    assert apart.low is not None
    assert four.accuracy.low is not None
    assert four.accuracy.low < apart.low - 0.1


def test_the_order_of_outputs_and_groups_changes_nothing() -> None:
    chance = np.random.default_rng(0)
    groups = [(list(chance.random(6)), list(chance.choice(list("SAB"), 6))) for _ in range(20)]
    users = [f"user {number % 7}" for number in range(20)]
    order = chance.permutation(20)
    turned = [(groups[at][0][::-1], groups[at][1][::-1]) for at in order]
    assert accuracy_of(*groups, users=users) == accuracy_of(*turned, users=[users[at] for at in order])


@pytest.mark.parametrize(
    ("scores", "tiers", "users", "said"),
    [
        ([[0.1]], [["S"]], [], "users of 0"),
        ([[0.1, 0.2]], [["S"]], ["a"], "has 2 scores and 1 tiers"),
        ([[0.1, 0.2]], [["S", "C"]], ["a"], "has the tier 'C'"),
        ([[0.1, float("nan")]], [["S", "A"]], ["a"], "no finite number"),
    ],
)
def test_what_does_not_fit_is_refused(
    scores: list[list[float]], tiers: list[list[str]], users: list[str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        pairwise_accuracy(scores, tiers, users)

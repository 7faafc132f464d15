"""Pairs in the right order, counted by hand; and the saving of a shared beginning, by a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.tiers import Tier
from model_steps.judge.reward.groups import Group
from model_steps.judge.reward.measured import GROUP, accuracies, counted, sharing
from model_steps.judge.reward.tiered import TieredCase, fewer, tiered
from model_steps.training.reward.model import Scored
from schemas.judge_labels import DIMENSIONS
from tests.model_steps import judge_shop
from tests.model_steps.judge_shop import DAY, case, catalog_facts
from tests.model_steps.tiny_reward import fresh, write_model

GROUPS = [
    Group("a", "2017-08-23", (1, 2), ((3,), (4,)), odds=(0.5, -0.5)),
    Group("b", "2017-08-23", (5,), ((6,),), odds=(1.0,)),
]


def of_tier(tier: Tier, text: str, user: str = "ann", real: bool = False) -> TieredCase:
    return TieredCase(case(text, user=user), tier, real)


# Of ann 3 of 4 pairs are right (two S over two B), of bob the tie is half of one; eve has one tier.
TIERED = [
    of_tier("S", "white milk"),
    of_tier("S", "yogurt", real=True),
    of_tier("B", "shrimp"),
    of_tier("B", "red wine", real=True),
    of_tier("A", "white milk", "bob"),
    of_tier("B", "shrimp", "bob"),
    of_tier("B", "shrimp", "eve"),
]
SCORES = [3.0, 1.0, 2.0, 0.0, 0.5, 0.5, 9.0]


def test_pairs_are_of_one_group_and_real_outputs_stand_apart() -> None:
    found = accuracies(TIERED, SCORES)
    assert (found["all"]["accuracy"]["value"], found["all"]["pairs"], found["all"]["ties"]) == (0.7, 5, 1)
    assert found["all"]["by_pair"]["S over B"]["value"] == 0.75
    assert found["all"]["by_pair"]["A over B"]["value"] == 0.5
    assert found["all"]["by_pair"]["S over A"]["value"] is None
    assert (found["all"]["groups"], found["all"]["groups_of_one_tier"]) == (2, 1)
    assert (found["built"]["accuracy"]["value"], found["built"]["pairs"]) == (0.75, 2)
    assert (found["real_outputs"]["accuracy"]["value"], found["real_outputs"]["pairs"]) == (1.0, 1)
    # A score turned round is as wrong as it was right.
    assert accuracies(TIERED, [-score for score in SCORES])["all"]["accuracy"]["value"] == 0.3


def test_counting_with_rules_is_worth_nothing_where_a_rule_finds_a_defect() -> None:
    facts = catalog_facts()
    milk = case("white milk", "Bought before: white milk on 7 days, weekly, most recently this week.", "dairy expert")
    cases = [
        milk,
        # Invented, nobody's reason, and one with no fact: neutral, so three of four are positive.
        case("shrimp wine"),
        case("white milk", "Bought before: white milk on 9 days, weekly, most recently this week.", "dairy expert"),
        case("white milk"),
    ]
    chances = {one.item_id: 0.6 for one in cases}
    assert counted(cases, chances, facts, 0.75) == [0.6, 0.0, 0.0, 0.6]
    # Where all must be positive, one without a fact is an A at best.
    assert counted(cases, chances, facts, 1.0) == [0.6, 0.0, 0.0, 0.3]


def row(of: Any, dimension: str, label: str, **others: Any) -> dict[str, Any]:
    own = {"item_id": of.item_id, "kind": "tag", "day": DAY, "user_id": of.customer.user_id, "text": of.text}
    told = {"category": of.category, "persona": "", "why": "", "dimension": dimension, "label": label}
    base = {"origin": "built", "annotator": "", "split": "train", "release": "", "comment": None}
    return {**own, **told, **base, **others}


def test_tiers_follow_from_labels_people_first_and_a_real_output_is_known() -> None:
    good, bad, bare = case("white milk"), case("shrimp"), case("yogurt")
    rows = [row(one, name, "positive") for one in (good, bad) for name in DIMENSIONS["tag"]]
    rows += [row(bare, "relevance", "positive"), row(good, "relevance", "positive", release="experts-1")]
    found = {one.case.text: (one.tier, one.real) for one in tiered(rows, [good, bad, bare], 0.75)}
    assert found == {"white milk": ("S", True), "shrimp": ("S", False)}
    rows.append(row(bad, "relevance", "negative", origin="people", annotator="ann"))
    found = {one.case.text: (one.tier, one.real) for one in tiered(rows, [good, good, bad], 0.75)}
    assert found == {"white milk": ("S", True), "shrimp": ("B", False)}


def test_of_many_the_tiers_take_turns_and_the_rare_one_stays() -> None:
    many = [TieredCase(case(f"{name} {turn}"), "B", False) for name in judge_shop.NAMES for turn in range(4)]
    some = [*many, *(TieredCase(case(f"milk {turn}"), "S", False) for turn in range(5)), of_tier("A", "milk", "user-1")]
    kept = fewer(some, 7, 0)
    assert [sum(one.tier == tier for one in kept) for tier in ("S", "A", "B")] == [3, 1, 3]
    assert fewer(some[::-1], 7, 0)[::-1] == kept
    assert fewer(some, 7, 1) != kept
    assert fewer(some, 0, 0) == some


def test_the_ratio_is_of_the_same_group_and_both_ways_take_turns() -> None:
    now, order = [0.0], []
    # A slow minute in the second round falls on both ways.
    cost: Iterator[float] = iter([1, 1] * 4 + [10, 10] * 2 + [1, 1] * 2)

    def score(prompt: Any, candidates: Any, odds: Any, *, shared: bool) -> Scored:
        assert len(odds) == len(candidates)
        order.append(shared)
        now[0] += next(cost) * (1 if shared else 3)
        return Scored((0.5, 0.5) if shared else (0.5, 0.5 + 1e-5), 10, 25)

    model: Any = SimpleNamespace(score=score)
    found = sharing(model, GROUPS, rounds=3, clock=lambda: now[0])
    assert found == {
        "speedup": 3.0, "tokens": 2.5, "difference": pytest.approx(1e-5), "pairs": 6, "unsaturated": 1.0,
        "seconds_shared": 1.0, "seconds_alone": 3.0,
    }  # fmt: skip
    firsts = order[::2]
    assert firsts.count(True) == firsts.count(False) == 4


def test_a_tiny_model_is_timed_in_both_ways(tmp_path: Path) -> None:
    reward = fresh(write_model(tmp_path))
    group = Group("a", "2017-08-23", tuple(range(2, 42)), tuple((one, 1) for one in range(2, 2 + GROUP)))
    found = sharing(reward, [group], rounds=1)
    # 40 and 8 ends behind 8 candidates of one token each, for each of 8 rows of 42.
    assert found["tokens"] == round(8 * 42 / (40 + 8 + 8), 3)
    assert found["difference"] < 1e-4
    assert found["pairs"] == 1
    assert found["speedup"] > 0

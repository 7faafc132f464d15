"""Experts side by side on users whom no training looked at, by hand."""

from __future__ import annotations

import pytest

from lake.registry.splits import drawn
from model_steps.evaluating.unseen_users import Asked, compare, unseen

ANN, BOB, EVE = (Asked(name, "2017-08-23") for name in ("ann", "bob", "eve"))
TRUTH = {ANN: {"milk", "eggs"}, BOB: {"beer"}, EVE: set[str]()}
LISTS = {
    "candidate": {ANN: ["milk", "eggs"], BOB: ["tea", "beer"], EVE: ["ham"]},
    "base": {ANN: ["milk", "soap"], BOB: ["soap"], EVE: ["ham"]},
}


def test_users_whom_trainings_looked_at_are_left_out() -> None:
    users = [f"user {number}" for number in range(20)]
    for looked_at in (0, 6):
        seen = drawn(users, looked_at) if looked_at else []
        found = unseen(users, looked_at, 5, users)
        assert len(found) == 5
        assert not set(found) & set(seen)
    assert len(unseen(users, 18, 5, users)) == 2
    assert unseen(users, 20, 5, users) == []
    # Who is looked at stays so when more are wanted.
    assert set(unseen(users, 6, 5, users)) < set(unseen(users, 6, 9, users))


def test_a_user_without_outcomes_takes_nobodys_place() -> None:
    users = [f"user {number}" for number in range(20)]
    first, *others = unseen(users, 6, 5, users)
    found = unseen(users, 6, 5, set(users) - {first})
    assert first not in found
    assert len(found) == 5
    assert set(others) < set(found)
    # Whom trainings looked at does not depend on who bought anything.
    assert not set(found) & set(drawn(users, 6))


def test_recall_and_differences_are_of_users_with_outcomes() -> None:
    found = compare(LISTS, TRUTH, "candidate")
    assert found["users"] == 2
    assert found["recall_at_30"]["candidate"]["value"] == 1.0
    assert found["recall_at_30"]["base"]["value"] == 0.25
    assert found["candidate_minus_base"]["recall_at_30"]["value"] == pytest.approx(0.75)
    # ann gained a half and bob all, so each draw of two lies between.
    assert found["candidate_minus_base"]["recall_at_30"]["low"] == 0.5
    assert found["candidate_minus_base"]["recall_at_30"]["high"] == 1.0
    assert "candidate_minus_candidate" not in found


def test_narrow_lists_show() -> None:
    found = compare(LISTS, TRUTH, "candidate")
    assert found["coverage"] == {"candidate": 4, "base": 2}
    assert found["categories_per_user"]["candidate"]["value"] == 2.0
    assert found["categories_per_user"]["base"]["value"] == 1.5


def test_only_the_first_tags_count() -> None:
    late = {"candidate": {ANN: [*(f"tag {number}" for number in range(5)), "milk"]}}
    found = compare(late, {ANN: {"milk"}}, "candidate")
    assert found["recall_at_5"]["candidate"]["value"] == 0.0
    assert found["recall_at_10"]["candidate"]["value"] == 1.0


def test_days_of_one_user_are_no_users() -> None:
    earlier = [Asked("ann", f"2017-0{month}-01") for month in (5, 6, 7)]
    truth = {**TRUTH, **{one: {"milk"} for one in earlier}}
    lists = {
        "candidate": {**LISTS["candidate"], **{one: ["soap"] for one in earlier}},
        "base": {**LISTS["base"], **{one: ["milk"] for one in earlier}},
    }
    found = compare(lists, truth, "candidate")
    assert (found["users"], found["users_and_days"]) == (2, 5)
    # ann: 1, 0, 0, 0 in mean, bob 1; by rows it would be 2 of 5.
    assert found["recall_at_30"]["candidate"]["value"] == pytest.approx((0.25 + 1.0) / 2)
    # ann lost (1 + 1 + 1 - 0.5) / 4, bob gained 1: no draw of two users lies beyond these.
    difference = found["candidate_minus_base"]["recall_at_30"]
    assert (difference["low"], difference["high"]) == (-0.625, 1.0)

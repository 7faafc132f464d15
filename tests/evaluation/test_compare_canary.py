"""Two releases on different users: recall of each side, what the difference says, and outcomes nobody may look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evaluation.bootstrap import Interval, interval, unpaired
from evaluation.compare_canary import compare, compare_day, frozen_overlap, outcomes_known, sure
from lake.delta import tables
from lake.registry.canary import Canary
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from runtime.errors import SourceMissing, UsageError
from schemas import days, intents
from tests.evaluation.conftest import Action, put

CANARY = Canary(2, "new", "old", 0.5)
Land = Callable[[Sequence[Action], Sequence[str]], Lake]


def side_of(user: str) -> str:
    return "canary" if user.startswith("c") else "beside"


def test_recall_is_of_users_who_bought_and_were_served() -> None:
    tags = {"c1": ["milk", "tea"], "c2": ["milk"], "b1": ["milk"], "b2": ["tea"], "c3": ["tea"]}
    bought = {"c1": ["milk"], "c2": ["milk", "tea"], "b1": ["milk", "tea"], "b2": ["rice"], "nobody's": ["tea"]}
    found = compare(tags, bought, side_of)
    assert found["users"] == {"canary": 2, "beside": 2}
    assert found["recall"]["canary"]["value"] == 0.75
    assert found["recall"]["beside"]["value"] == 0.25
    assert found["difference"]["value"] == 0.5


def test_nobody_on_a_side_is_no_figure() -> None:
    found = compare({"b1": ["milk"]}, {"b1": ["milk"]}, side_of)
    assert found["users"] == {"canary": 0, "beside": 1}
    assert found["recall"]["canary"]["value"] is None
    assert found["difference"] == {"value": None, "low": None, "high": None}
    assert compare({}, {}, side_of)["users"] == {"canary": 0, "beside": 0}


def test_a_difference_of_two_groups_is_drawn_group_by_group() -> None:
    random = np.random.default_rng(1)
    one, other = random.random(200), random.random(800) + 0.5
    found = unpaired(one, other)
    assert found.value == pytest.approx(one.mean() - other.mean(), abs=1e-4)
    spread = np.sqrt(one.var() / 200 + other.var() / 800)
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * spread, rel=0.1)
    assert found == unpaired(one, other)
    assert unpaired(np.append(one, np.nan), other).value == found.value


@pytest.mark.parametrize("groups", [([], [1.0]), ([1.0], []), ([np.nan], [1.0, 0.0])])
def test_a_group_without_values_gives_none(groups: tuple[list[float], list[float]]) -> None:
    one, other = (np.array(group, np.float64) for group in groups)
    assert unpaired(one, other) == Interval(None, None, None)


def test_one_user_shows_no_spread() -> None:
    assert unpaired(np.array([1.0]), np.array([0.0, 1.0])) == Interval(0.5, None, None)
    assert interval(np.array([1.0])) == Interval(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "users", "said"),
    [
        (0.1, 0.2, (20, 20), "surely more"),
        (-0.2, -0.1, (20, 90), "surely less"),
        (-0.1, 0.1, (20, 90), "no difference"),
        (None, None, (1, 90), "too few"),
        (0.1, 0.2, (3, 4), "too few"),
        (0.1, 0.2, (19, 90), "too few"),
        (-0.2, -0.1, (90, 19), "too few"),
    ],
)
def test_what_an_interval_says(low: float | None, high: float | None, users: tuple[int, int], said: str) -> None:
    assert said in sure(Interval(0.0, low, high), dict(zip(("canary", "beside"), users, strict=True)))


def test_outcomes_end_with_the_first_day_that_is_not_landed() -> None:
    landed = ["2017-03-10", "2017-03-11", "2017-03-12", "2017-03-14"]
    assert outcomes_known(landed, "2017-03-10", 3) == "2017-03-13"
    assert outcomes_known(landed, "2017-03-10", 1) == "2017-03-12"
    with pytest.raises(SourceMissing, match=r"wait until 2017-03-13 is landed.* of 3 days until 2017-03-15 is"):
        outcomes_known(landed, "2017-03-12", 3)


@pytest.mark.parametrize(
    ("first", "until", "overlaps"),
    [
        ("2017-03-11", "2017-03-12", True),
        ("2017-03-13", "2017-03-20", True),
        ("2017-03-14", "2017-03-20", False),
        ("2017-03-08", "2017-03-11", False),
        ("2017-03-08", "2017-03-12", True),
    ],
)
def test_outcomes_of_an_evaluation_day_are_known_by_their_days(
    small: SplitRule, first: str, until: str, overlaps: bool
) -> None:
    """Of 2017-03-10 they are the three days after it."""
    assert frozen_overlap(small, first, until) is overlaps


@pytest.fixture
def served(land: Land) -> Lake:
    """A published day with a canary; everybody bought milk on the day after, which half of everybody was told."""
    users = [f"user {number}" for number in range(40)]
    lake = land([(user, "2017-03-11T10:00", "purchase", "milk") for user in users], ["2017-03-11"])
    told = {"tag": "t", "category_similarity": 1.0, "persona": "p", "why": "w", "expert": 1, "chosen_by": "arbiter"}
    rows: list[dict[str, Any]] = [
        {**told, "user_id": user, "rank": 1, "category": "milk" if CANARY.side_of(user) == "canary" else "tea"}
        for user in users
    ]
    told_by = [{**row, "release": CANARY.release_for(row["user_id"])} for row in rows]
    put(lake, intents.TABLE, {"2017-03-10": pa.Table.from_pylist(told_by, intents.TABLE.file_schema)})
    digest = tables.partition_digest(lake, intents.TABLE, "2017-03-10")
    pin = {"table": "intents", "version": tables.version(lake, intents.TABLE), "digest": digest}
    row: dict[str, Any] = {"fingerprint": "f", "release": "new", "empty": False, "versions": [pin], "figures": []}
    by_day = {"2017-03-10": {**row, "canary": CANARY.document()}, "2017-03-09": row}
    filled = {
        day: pa.Table.from_pylist(
            [{name: of.get(name) for name in days.TABLE.file_schema.names}], days.TABLE.file_schema
        )
        for day, of in by_day.items()
    }
    put(lake, days.TABLE, filled)
    return lake


def test_a_day_is_compared_with_what_is_known_by_now(served: Lake, small: SplitRule) -> None:
    elsewhere = replace(small, days=("2017-05-01",))
    found = compare_day(served, "2017-03-10", elsewhere)
    assert (found["users"]["canary"] + found["users"]["beside"], found["left_out_held_out_users"]) == (40, 0)
    assert found["difference"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (found["outcomes_until"], found["whole_window"], found["paired"]) == ("2017-03-12", False, False)
    json.dumps(found)


def test_frozen_outcomes_of_held_out_users_are_not_looked_at(served: Lake, small: SplitRule) -> None:
    found = compare_day(served, "2017-03-10", small)
    held_out = sum(small.split_of(f"user {number}") == "holdout" for number in range(40))
    assert 0 < held_out < 40
    assert found["left_out_held_out_users"] == held_out
    assert found["users"]["canary"] + found["users"]["beside"] == 40 - held_out


@pytest.mark.parametrize(
    ("day", "why"), [("2017-03-09", "was served by one release"), ("2017-03-08", "is not published")]
)
def test_a_day_without_a_canary_is_told(served: Lake, day: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        compare_day(served, day, None)

"""Who is held out and what may be trained on."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest

from lake.registry.splits import SplitRule, TrainingWindow, drawn
from runtime.errors import DataError

RULE = SplitRule(days=("2017-09-06", "2017-10-04", "2017-11-01"), leave_out=("fuel", "miscellaneous"))
USERS = [f"{number:016x}" for number in range(5_000)]
TRAIN = next(user for user in USERS if RULE.split_of(user) == "train")
VALIDATION = next(user for user in USERS if RULE.split_of(user) == "validation")
HELD = next(user for user in USERS if RULE.split_of(user) == "holdout")


def test_shares_of_users() -> None:
    counts = Counter(map(RULE.split_of, USERS))
    assert counts["holdout"] / len(USERS) == pytest.approx(0.4, abs=0.03)
    assert counts["validation"] / len(USERS) == pytest.approx(0.1, abs=0.02)


def test_the_rule_is_frozen() -> None:
    """Changing this digest lets users and days that models were judged on become training data. Do not."""
    assert RULE.digest == "82032d62623117c3"
    # What it was called while its days were part of the name: lakes and releases of then still say so.
    assert "bf88733a8076e6ea" in RULE.digests
    expected = {"a": "holdout", "b": "train", "c": "holdout", "d": "validation", "e": "train", "f": "validation"}
    assert {user: RULE.split_of(user) for user in expected} == expected


def test_every_part_of_the_rule_but_its_days_is_in_its_digest() -> None:
    others: dict[str, Any] = {
        "salt": "other", "holdout": 0.5, "validation": 0.2, "history_days": 30,
        "outcome_days": 7, "minimum_events": 1, "minimum_active_days": 1, "leave_out": (),
    }  # fmt: skip
    assert {*others, "days"} == {field.name for field in fields(SplitRule)}
    for name, value in others.items():
        assert replace(RULE, **{name: value}).digest not in RULE.digests, name


def test_a_day_more_leaves_the_name_and_all_former_ones() -> None:
    more = replace(RULE, days=(*RULE.days, "2017-12-01"))
    assert more.digest == RULE.digest
    assert more.digests > RULE.digests
    assert more.trained_until == RULE.trained_until
    other_first = replace(RULE, days=("2017-08-30", *RULE.days))
    assert "bf88733a8076e6ea" not in other_first.digests


def test_windows_are_half_open() -> None:
    assert RULE.outcomes_until("2017-11-01") == "2017-11-16"  # from 2017-11-02 00:00: 14 days
    assert RULE.history_from("2017-10-31") == "2017-08-03"  # 90 days until 2017-11-01 00:00
    assert RULE.trained_until == "2017-09-07"


@pytest.mark.parametrize(
    ("window", "touched"),
    [
        (TrainingWindow(TRAIN, "2017-08-23", "2017-09-07"), ()),
        (TrainingWindow(TRAIN, "2017-08-24", "2017-09-08"), ("time",)),
        (TrainingWindow(TRAIN, "2017-12-01", "2017-12-15"), ("time",)),
        (TrainingWindow(TRAIN, "2017-09-07", "2017-09-07"), ("time",)),
        (TrainingWindow(HELD, "2017-03-31", "2017-04-14"), ("user",)),
        (TrainingWindow(VALIDATION, "2017-03-31", "2017-04-14"), ("user",)),
        (TrainingWindow(HELD, "2017-11-01", "2017-11-16"), ("user", "time")),
    ],
)
def test_what_touches_the_holdout(window: TrainingWindow, touched: tuple[str, ...]) -> None:
    assert RULE.touches(window) == touched


def test_leaks_are_refused_by_name() -> None:
    clean = TrainingWindow(TRAIN, "2017-08-23", "2017-09-07")
    assert RULE.refuse_leaks([clean, clean]) == 2
    with pytest.raises(DataError, match=f"{HELD} after 2017-08-23 .* by user"):
        RULE.refuse_leaks([clean, replace(clean, user_id=HELD)])
    with pytest.raises(DataError, match=r"by time: .* end by 2017-09-07"):
        RULE.refuse_leaks([replace(clean, outcomes_until="2017-09-08")])


def test_training_days_have_whole_histories_and_end_in_time() -> None:
    days = RULE.training_days("2017-01-01")
    assert (days[0], days[-1], len(days)) == ("2017-08-23", "2017-04-05", 11)
    for day in days:
        assert RULE.touches(TrainingWindow(TRAIN, day, RULE.outcomes_until(day))) == ()
        assert RULE.history_from(day) >= "2017-01-01"


def test_more_drawn_users_keep_the_earlier_ones() -> None:
    assert set(drawn(USERS, 10)) < set(drawn(USERS, 20))
    assert drawn(reversed(USERS), 10) == drawn(USERS, 10)
    assert drawn(USERS, 0) == sorted(USERS)

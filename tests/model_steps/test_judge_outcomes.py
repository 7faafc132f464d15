"""Labels from what users did afterwards, and that nothing is read which may not be."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import polars as pl
import pytest

from lake.registry.splits import Split, SplitRule
from model_steps.judge.outcomes import Outcomes, OutcomeWindow, like_popular, ordered, outcome_window, refuse_leaks
from runtime.errors import DataError, SourceMissing, UsageError
from tests.evaluation.conftest import Action

Make = Callable[[Sequence[Action]], pl.DataFrame]

RULE = SplitRule(days=("2017-09-06", "2017-11-01"))
WINDOW = OutcomeWindow("2017-06-28", "2017-07-08", "2017-09-07")
LOG_UNTIL = "2018-01-01"


def user_of(split: str) -> str:
    return next(user for user in (f"{number:032x}" for number in range(1000)) if RULE.split_of(user) == split)


# --- what may be read


@pytest.mark.parametrize("split", ["train", "validation"])
def test_labels_of_training_days_end_with_the_training(split: Split) -> None:
    window = outcome_window(RULE, split, "2017-07-08", 60, LOG_UNTIL)
    assert window == OutcomeWindow("2017-07-08", "2017-09-07", "2017-09-07")
    with pytest.raises(DataError, match=rf"known by 2017-09-08, past 2017-09-07.* of {split} is 2017-07-08"):
        outcome_window(RULE, split, "2017-07-09", 60, LOG_UNTIL)


def test_a_day_of_the_holdout_is_no_training_day() -> None:
    with pytest.raises(DataError, match="nothing may be learnt"):
        outcome_window(RULE, "train", "2017-09-06", 1, LOG_UNTIL)


def test_held_out_users_are_looked_at_on_evaluation_days_to_the_end_of_the_log() -> None:
    window = outcome_window(RULE, "holdout", "2017-11-01", 60, LOG_UNTIL)
    assert window == OutcomeWindow("2017-11-01", "2018-01-01", "2018-01-01")
    with pytest.raises(UsageError, match="2017-06-28 is no evaluation day"):
        outcome_window(RULE, "holdout", "2017-06-28", 60, LOG_UNTIL)


@pytest.mark.parametrize(("split", "day"), [("holdout", "2017-11-01"), ("train", "2017-06-28")])
def test_a_log_that_ends_within_the_window_is_waited_for(split: Split, day: str) -> None:
    until = outcome_window(RULE, split, day, 60, LOG_UNTIL).bought_until
    assert outcome_window(RULE, split, day, 60, until).read_until == until
    with pytest.raises(SourceMissing, match="land more days"):
        outcome_window(RULE, split, day, 60, day)


def test_labels_of_held_out_people_are_never_learnt() -> None:
    window = outcome_window(RULE, "train", "2017-06-28", 60, LOG_UNTIL)
    refuse_leaks(RULE, window, [user_of("train")])
    for split in ("validation", "holdout"):
        with pytest.raises(DataError, match="touches the holdout by user"):
            refuse_leaks(RULE, window, [user_of("train"), user_of(split)])
    late = OutcomeWindow("2017-06-28", "2017-08-28", "2017-09-08")
    with pytest.raises(DataError, match="touches the holdout by time"):
        refuse_leaks(RULE, late, [user_of("train")])


# --- labels

LOG = [
    # The window of purchases is 2017-06-29 to 2017-07-07, what may be read ends with 2017-09-06.
    ("ann", "2017-06-28T23:59:59", "purchase", "the day itself"),
    ("ann", "2017-06-29T00:00:00", "purchase", "first"),
    ("ann", "2017-07-07T23:59:59", "purchase", "last"),
    ("ann", "2017-07-08T00:00:00", "purchase", "too late"),
    ("ann", "2017-07-01T10:00:00", "cart", "only wanted"),
    ("ann", "2017-09-06T10:00:00", "purchase", "at the end"),
    ("ann", "2017-09-07T00:00:00", "purchase", "beyond"),
    ("ben", "2017-08-01T10:00:00", "purchase", "first"),
]


@pytest.mark.parametrize(
    ("category", "label"),
    [
        ("first", "positive"),
        ("last", "positive"),
        ("the day itself", "negative"),
        ("too late", None),
        ("only wanted", None),
        ("at the end", None),
        # It may not be read, so nobody knows of it.
        ("beyond", "negative"),
        ("never", "negative"),
    ],
)
def test_bought_soon_is_positive_never_touched_negative_and_between_there_is_no_label(
    actions: Make, category: str, label: str | None
) -> None:
    assert Outcomes.of(actions(LOG), WINDOW).label("ann", [category]) == label


def test_a_tag_of_several_categories(actions: Make) -> None:
    found = Outcomes.of(actions(LOG), WINDOW)
    assert found.label("ann", ["never", "first", "too late"]) == "positive"
    assert found.label("ann", ["never", "too late"]) is None
    assert found.label("ann", ["never", "beyond"]) == "negative"
    assert found.label("ann", []) is None


def test_of_who_bought_nothing_nothing_is_known(actions: Make) -> None:
    found = Outcomes.of(actions(LOG), WINDOW)
    assert found.label("ben", ["never"]) is None
    assert found.label("cid", ["never"]) is None


# --- negatives

SHARES = {f"category {number:03}": 0.9 * 0.97**number for number in range(200)}


def test_a_negative_is_about_as_popular_as_its_positive() -> None:
    taken = like_popular(["category 050"], SHARES.keys(), SHARES, "seed")
    (name,) = taken
    assert name != "category 050"
    # Twenty are drawn from: of steps of 3 % those up to ten or eleven away.
    assert abs(int(name[-3:]) - 50) <= 11
    drawn = {like_popular(["category 050"], SHARES.keys(), SHARES, str(seed))[0] for seed in range(60)}
    assert len(drawn) > 10


def test_negatives_are_distinct_and_follow_from_names_and_seed_alone() -> None:
    positive = [f"category {number:03}" for number in range(30, 50)]
    first = like_popular(positive, SHARES.keys(), SHARES, "seed", "user")
    assert len(set(first)) == 20
    assert not set(first) & set(positive)
    for number in range(5):
        names, order = list(SHARES), list(positive)
        random.Random(number).shuffle(names)
        random.Random(number).shuffle(order)
        assert like_popular(order, names, {name: SHARES[name] for name in names}, "seed", "user") == first
    assert like_popular(positive, SHARES.keys(), SHARES, "other", "user") != first


def test_where_little_is_left_there_are_fewer() -> None:
    assert like_popular(["a", "b"], ["a", "b", "c"], {"a": 0.5}, "seed") == ["c"]
    assert like_popular(["a"], [], {}, "seed") == []


def test_an_order_follows_from_the_key() -> None:
    names = [f"name {number}" for number in range(50)]
    assert ordered(reversed(names), "a") == ordered([*names, *names], "a")
    assert ordered(names, "a") != ordered(names, "b")
    assert ordered(names, "a", "b") != ordered(names, "ab")

"""Nothing that is held out is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from evaluation.fitting import boost, fit
from evaluation.grid import Scores
from evaluation.snapshots import Examples, Snapshot, similarity, training_examples, validation_examples
from lake.registry.splits import SplitRule, add_days, drawn
from runtime.errors import DataError

Make = Callable[[Sequence[tuple[str, str, str, str]]], pl.DataFrame]

USERS = [f"user{number}" for number in range(60)]
CATEGORIES = ["beer", "eggs", "milk", "wine"]
RULE = SplitRule(days=("2017-09-06", "2017-10-04", "2017-11-01"), minimum_events=1, minimum_active_days=1)
DAYS = RULE.training_days("2017-04-01")


def log(actions: Make, extra: Sequence[tuple[str, str, str, str]] = ()) -> pl.DataFrame:
    """Every user buys milk every week, and beer and eggs in turn."""
    rows = list(extra)
    for week in range(34):
        day = add_days("2017-04-03", 7 * week)
        rows += [(user, f"{day}T10:00:00", "purchase", "milk") for user in USERS]
        rows += [(user, f"{day}T11:00:00", "purchase", ("beer", "eggs")[week % 2]) for user in USERS[week % 7 :]]
    return actions(rows)


def test_training_examples_stay_clear_of_the_holdout(actions: Make) -> None:
    """Held against the held-out users and windows themselves, not against the function that keeps them apart."""
    known = log(actions)
    held_out = {user for user in USERS if RULE.split_of(user) == "holdout"}
    windows = [(add_days(day, 1), RULE.outcomes_until(day)) for day in RULE.days]
    seen = 0
    for day in DAYS:
        found = training_examples(known, day, CATEGORIES, RULE)
        seen += len(found.snapshot.grid.users)
        assert not held_out & set(found.snapshot.grid.users)
        first, until = add_days(day, 1), RULE.outcomes_until(day)
        assert not [window for window in windows if first < window[1] and window[0] < until]
        assert until <= min(start for start, _ in windows)
    assert seen > 100


def test_a_training_example_of_a_held_out_user_is_refused(actions: Make) -> None:
    held_out = next(user for user in USERS if RULE.split_of(user) == "holdout")
    with pytest.raises(DataError, match=f"{held_out} .* touches the holdout by user"):
        training_examples(log(actions), DAYS[0], CATEGORIES, RULE, users=[held_out])


@pytest.mark.parametrize("day", [add_days(DAYS[0], 1), *RULE.days])
def test_a_training_example_that_ends_in_a_held_out_window_is_refused(actions: Make, day: str) -> None:
    with pytest.raises(DataError, match="touches the holdout by time"):
        training_examples(log(actions), day, CATEGORIES, RULE)


def test_what_held_out_users_do_and_what_comes_later_changes_nothing_learnt(actions: Make) -> None:
    known = log(actions)
    others = [
        (user, f"{day}T12:00:00", "purchase", "wine")
        for user in USERS
        for day in ("2017-06-01", "2017-09-07", "2017-11-02")
        if RULE.split_of(user) != "train" or day >= RULE.trained_until
    ]
    one, other = (fit(some, DAYS, CATEGORIES, RULE, 5) for some in (known, log(actions, others)))
    assert np.array_equal(one.similar, other.similar)
    assert np.array_equal(one.similar_to_tuning, other.similar_to_tuning)
    assert np.array_equal(one.tuning.bought, other.tuning.bought)
    about = one.tuning.snapshot.known(one.similar)
    assert np.array_equal(one.boosting.scores(about), other.boosting.scores(about))


def test_what_weights_are_fitted_on_is_as_new_to_the_similarity_as_held_out_users_are(actions: Make) -> None:
    known = log(actions)
    fitted = fit(known, DAYS, CATEGORIES, RULE, 5)
    users = fitted.tuning.snapshot.grid.users
    trainings = [training_examples(known, day, CATEGORIES, RULE) for day in DAYS]
    assert list(users) == drawn(trainings[0].snapshot.grid.users, 5)
    assert np.array_equal(fitted.similar_to_tuning, similarity(trainings, without=users))
    assert not np.array_equal(fitted.similar_to_tuning, fitted.similar)


def test_trees_do_not_learn_from_the_users_that_weights_are_fitted_on(actions: Make) -> None:
    """Whatever these bought, the trees are the same; had others bought it, they would not be."""
    known = log(actions)
    by_day = [training_examples(known, day, CATEGORIES, RULE) for day in DAYS]
    fitted = frozenset(drawn(by_day[0].snapshot.grid.users, 10))

    def scores(changed: frozenset[str]) -> Scores:
        examples = []
        for of_day in by_day:
            bought = of_day.bought.copy()
            bought[[user in changed for user in of_day.snapshot.grid.users]] = [True, False, False, True]
            examples.append(Examples(of_day.snapshot, bought))
        about = by_day[0].snapshot
        return boost(examples, fitted).scores(about.known(similarity(by_day)))

    unchanged = scores(frozenset())
    assert np.array_equal(unchanged, scores(fitted))
    assert not np.array_equal(unchanged, scores(frozenset(by_day[0].snapshot.grid.users) - fitted))


def test_choices_are_made_on_users_of_validation_before_the_holdout(actions: Make) -> None:
    users = validation_examples(log(actions), DAYS[0], CATEGORIES, RULE).snapshot.grid.users
    assert {RULE.split_of(user) for user in users} == {"validation"}
    with pytest.raises(DataError, match="take an earlier day"):
        validation_examples(log(actions), add_days(DAYS[0], 1), CATEGORIES, RULE)


def test_a_situation_knows_nothing_after_its_day(actions: Make) -> None:
    day = RULE.days[-1]
    later = [(user, f"{add_days(day, 1)}T00:00:00", "purchase", "wine") for user in USERS]
    one, other = (Snapshot.of(some, day, USERS, CATEGORIES, RULE) for some in (log(actions), log(actions, later)))
    assert np.array_equal(one.counts, other.counts)
    assert np.array_equal(one.popularity, other.popularity)
    assert np.array_equal(one.visits.ages, other.visits.ages)
    assert np.array_equal(one.crowd[0].days(), other.crowd[0].days())

"""Users on a day: what their histories hold, what baselines say of them, and examples of days before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from evaluation.baselines import co_occurrence
from evaluation.baselines.decayed_days import decayed_days
from evaluation.baselines.distinct_days import distinct_days, share
from evaluation.baselines.gradient_boosting import HALF_LIFE as LATELY
from evaluation.baselines.gradient_boosting import Boosting, Known
from evaluation.baselines.own_frequency import own_frequency
from evaluation.baselines.popularity import popularity
from evaluation.baselines.tifu_knn import DECAYS, frequencies, tifu_knn
from evaluation.baselines.up_cf import FILTERING, recent_popularity, up_cf
from evaluation.grid import Grid, Mask, Scores
from evaluation.truth import history, served, truth
from evaluation.visits import Numbers, Visits
from lake.registry.splits import Split, SplitRule, TrainingWindow, drawn
from runtime.errors import DataError

# What ``exclusive_recall`` is held against.
FIRST_BASELINES = ("popularity", "own_frequency", "co_occurrence")
BASELINES = (*FIRST_BASELINES, "distinct_days", "decayed_days", "tifu_knn", "up_cf", "gradient_boosting")
# Users who may be neighbours: a matrix of them and the categories stands in memory.
CROWD = 5_000


@dataclass(frozen=True)
class Snapshot:
    """Users with what was known of them at the end of a day.

    Args:
        day: the last day of the history.
        grid: users and categories.
        counts: rows of the history, users x categories.
        popularity: distinct users of everybody's history, users x categories.
        past: categorized actions of everybody's history.
        history_days: length of the history.
    """

    day: str
    grid: Grid
    counts: Scores
    popularity: Scores
    past: pl.DataFrame
    history_days: int

    @classmethod
    def of(
        cls, actions: pl.DataFrame, day: str, users: Sequence[str], categories: Sequence[str], rule: SplitRule
    ) -> Snapshot:
        past = history(actions, day, rule)
        grid = Grid.of(users, categories)
        return cls(day, grid, grid.counts(past), popularity(grid, past), past, rule.history_days)

    @cached_property
    def visits(self) -> Visits:
        """The days of the users."""
        return Visits.of(self.grid, self.past, self.day)

    @cached_property
    def crowd(self) -> tuple[Visits, Numbers]:
        """The days of everybody (at most ``CROWD`` beside the users), and the users' places among them."""
        others = drawn(set(self.past["user_id"]) - set(self.grid.users), CROWD)
        everybody = Grid((*self.grid.users, *others), self.grid.categories)
        return Visits.of(everybody, self.past, self.day), np.arange(len(self.grid.users))

    def known(self, similar: Scores) -> Known:
        """What gradient boosting sees.

        Args:
            similar: the co-occurrence, learnt from others than those that the trees learn from.
        """
        return Known(
            counts=self.counts,
            days=self.visits.days(),
            decayed=decayed_days(self.visits, self.popularity, self.history_days, LATELY),
            newest=self.visits.newest(),
            intervals=self.visits.intervals(),
            popularity=share(self.popularity),
            co_occurrence=co_occurrence.co_occurrence(self.counts, similar),
        )

    def baselines(self, similar: Scores, boosting: Boosting) -> dict[str, Scores]:
        """The scores of the baselines by name.

        Args:
            similar: the co-occurrence learnt from training examples.
            boosting: the trees learnt from training examples.
        """
        known = self.known(similar)
        crowd, places = self.crowd
        return {
            "popularity": self.popularity,
            "own_frequency": own_frequency(self.counts),
            "co_occurrence": known.co_occurrence,
            "distinct_days": distinct_days(known.days, self.popularity),
            "decayed_days": decayed_days(self.visits, self.popularity, self.history_days),
            "tifu_knn": tifu_knn(places, frequencies(crowd, DECAYS)),
            "up_cf": up_cf(known.days, crowd.days(), recent_popularity(crowd, FILTERING.recent)),
            "gradient_boosting": boosting.scores(known),
        }


@dataclass(frozen=True)
class Examples:
    """Examples of one day: a snapshot of users, and what they bought next."""

    snapshot: Snapshot
    bought: Mask


def training_examples(
    actions: pl.DataFrame, day: str, categories: Sequence[str], rule: SplitRule, users: Sequence[str] | None = None
) -> Examples:
    """The training examples of a day.

    Args:
        actions: categorized actions of everybody.
        day: the last day of the examples' histories.
        categories: all that outcomes can have.
        rule: who is train, and until when.
        users: of the split train; without any given all that have a history and outcomes.

    Raises:
        DataError: one of them touches the holdout.
    """
    outcomes = served(truth(actions, day, rule), rule)
    if users is None:
        users = _of_split(outcomes, rule, "train")
    rule.refuse_leaks(TrainingWindow(user, day, rule.outcomes_until(day)) for user in users)
    return _examples(actions, day, categories, rule, outcomes.filter(pl.col("user_id").is_in(list(users))))


def validation_examples(actions: pl.DataFrame, day: str, categories: Sequence[str], rule: SplitRule) -> Examples:
    """The users of the split validation as of a training day: nothing learns of them, choices are made on them.

    Args:
        actions: categorized actions of everybody.
        day: one of the rule's training days.
        categories: all that outcomes can have.
        rule: who is validation, and until when.

    Raises:
        DataError: the outcomes of the day reach into the holdout.
    """
    if rule.outcomes_until(day) > rule.trained_until:
        raise DataError(
            f"The outcomes of {day} end by {rule.outcomes_until(day)}, and choices are made on what had ended by "
            f"{rule.trained_until}: take an earlier day."
        )
    outcomes = served(truth(actions, day, rule), rule)
    users = _of_split(outcomes, rule, "validation")
    return _examples(actions, day, categories, rule, outcomes.filter(pl.col("user_id").is_in(users)))


def _of_split(outcomes: pl.DataFrame, rule: SplitRule, split: Split) -> list[str]:
    return [user for user in outcomes["user_id"] if rule.split_of(user) == split]


def _examples(
    actions: pl.DataFrame, day: str, categories: Sequence[str], rule: SplitRule, outcomes: pl.DataFrame
) -> Examples:
    snapshot = Snapshot.of(actions, day, outcomes["user_id"].to_list(), categories, rule)
    bought = dict(outcomes.select("user_id", "categories").iter_rows())
    return Examples(snapshot, snapshot.grid.mask(bought))


def similarity(by_day: Sequence[Examples], without: Collection[str] = ()) -> Scores:
    """The co-occurrence learnt from training examples, those of some users left out.

    Args:
        by_day: examples of at least one day.
        without: users for whom what is fitted on the similarity shall be as new as it will be for held-out users.
    """
    categories = len(by_day[0].snapshot.grid.categories)
    return co_occurrence.similarity((_pairs(examples, without) for examples in by_day), categories)


def _pairs(examples: Examples, without: Collection[str]) -> tuple[Scores, Mask]:
    kept = [user not in without for user in examples.snapshot.grid.users]
    return examples.snapshot.counts[kept], examples.bought[kept]

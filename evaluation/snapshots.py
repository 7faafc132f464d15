"""Users on a day: what their histories hold, what baselines say of them, and training examples of days before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from evaluation.baselines import co_occurrence
from evaluation.baselines.own_frequency import own_frequency
from evaluation.baselines.popularity import popularity
from evaluation.grid import Grid, Mask, Scores
from evaluation.truth import history, served, truth
from lake.registry.splits import SplitRule, TrainingWindow

BASELINES = ("popularity", "own_frequency", "co_occurrence")


@dataclass(frozen=True)
class Snapshot:
    """Users with what was known of them at the end of a day.

    Args:
        day: the last day of the history.
        grid: users and categories.
        counts: rows of the history, users x categories.
        popularity: distinct users of everybody's history, users x categories.
    """

    day: str
    grid: Grid
    counts: Scores
    popularity: Scores

    @classmethod
    def of(
        cls, actions: pl.DataFrame, day: str, users: Sequence[str], categories: Sequence[str], rule: SplitRule
    ) -> Snapshot:
        past = history(actions, day, rule)
        grid = Grid.of(users, categories)
        return cls(day, grid, grid.counts(past), popularity(grid, past))

    def baselines(self, similar: Scores) -> dict[str, Scores]:
        """The scores of the baselines by name.

        Args:
            similar: the co-occurrence learnt from training examples.
        """
        return {
            "popularity": self.popularity,
            "own_frequency": own_frequency(self.counts),
            "co_occurrence": co_occurrence.co_occurrence(self.counts, similar),
        }


@dataclass(frozen=True)
class TrainingExamples:
    """Training examples of one day: a snapshot of train users, and what they bought next."""

    snapshot: Snapshot
    bought: Mask


def training_examples(
    actions: pl.DataFrame, day: str, categories: Sequence[str], rule: SplitRule, users: Sequence[str] | None = None
) -> TrainingExamples:
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
        users = [user for user in outcomes["user_id"] if rule.split_of(user) == "train"]
    rule.refuse_leaks(TrainingWindow(user, day, rule.outcomes_until(day)) for user in users)
    of_users = outcomes.filter(pl.col("user_id").is_in(list(users)))
    snapshot = Snapshot.of(actions, day, of_users["user_id"].to_list(), categories, rule)
    bought = dict(of_users.select("user_id", "categories").iter_rows())
    return TrainingExamples(snapshot, snapshot.grid.mask(bought))


def similarity(by_day: Sequence[TrainingExamples], without: Collection[str] = ()) -> Scores:
    """The co-occurrence learnt from training examples, those of some users left out.

    Args:
        by_day: examples of at least one day.
        without: users for whom what is fitted on the similarity shall be as new as it will be for held-out users.
    """
    categories = len(by_day[0].snapshot.grid.categories)
    return co_occurrence.similarity((_pairs(examples, without) for examples in by_day), categories)


def _pairs(examples: TrainingExamples, without: Collection[str]) -> tuple[Scores, Mask]:
    kept = [user not in without for user in examples.snapshot.grid.users]
    return examples.snapshot.counts[kept], examples.bought[kept]

"""Users on a day: what their histories hold, what rivals say of them, and training examples made of days before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from evaluation import rivals
from evaluation.grid import Grid, Mask, Scores
from evaluation.truth import history, served, truth
from lake.registry.splits import Example, Registry

RIVALS = ("popularity", "own_frequency", "co_occurrence")


@dataclass(frozen=True)
class Situation:
    """Users with the counts of their history, and the day's popularity among everybody (distinct users)."""

    day: str
    grid: Grid
    counts: Scores
    popularity: Scores

    @classmethod
    def of(
        cls, actions: pl.DataFrame, day: str, users: Sequence[str], categories: Sequence[str], registry: Registry
    ) -> Situation:
        past = history(actions, day, registry)
        grid = Grid.of(users, categories)
        return cls(day, grid, grid.counts(past), rivals.popularity(grid, past))

    def rivals(self, similar: Scores) -> dict[str, Scores]:
        """The scores of the three rivals by name."""
        return {
            "popularity": self.popularity,
            "own_frequency": rivals.own_frequency(self.counts),
            "co_occurrence": rivals.co_occurrence(self.counts, similar),
        }


@dataclass(frozen=True)
class Training:
    """Training examples of one day: a situation of train users, and what they bought next."""

    situation: Situation
    bought: Mask


def training(
    actions: pl.DataFrame, day: str, categories: Sequence[str], registry: Registry, users: Sequence[str] | None = None
) -> Training:
    """The training examples of a day.

    Args:
        users: of the split train; without any given all that have a history and outcomes.

    Raises:
        DataError: one of them touches the holdout.
    """
    found = served(truth(actions, day, registry), registry)
    if users is None:
        users = [user for user in found["user_id"] if registry.split_of(user) == "train"]
    registry.refuse_leaks(Example(user, day, registry.outcomes_until(day)) for user in users)
    own = found.filter(pl.col("user_id").is_in(list(users)))
    situation = Situation.of(actions, day, own["user_id"].to_list(), categories, registry)
    return Training(situation, situation.grid.mask(dict(own.select("user_id", "categories").iter_rows())))


def similarity(trainings: Sequence[Training], without: Collection[str] = ()) -> Scores:
    """The co-occurrence fitted on training examples, those of some users left out.

    Args:
        without: users for whom what is fitted on the similarity shall be as new as it will be for held-out users.
    """
    categories = len(trainings[0].situation.grid.categories)
    return rivals.similarity((_pairs(found, without) for found in trainings), categories)


def _pairs(found: Training, without: Collection[str]) -> tuple[Scores, Mask]:
    kept = [user not in without for user in found.situation.grid.users]
    return found.situation.counts[kept], found.bought[kept]

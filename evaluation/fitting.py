"""What is learnt for the comparison: the co-occurrence and the combination's weights, on train alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from evaluation import combination
from evaluation.grid import Mask, Scores
from evaluation.snapshots import TrainingExamples, similarity, training_examples
from lake.registry.splits import SplitRule, drawn


@dataclass(frozen=True)
class Fitted:
    """What was learnt from train users and days before the first held-out outcome.

    Args:
        similar: the co-occurrence of all training examples, for held-out users.
        similar_to_tuning: the same without the tuning users, as new to them as ``similar`` is to held-out ones.
        tuning: the users that weights are fitted on.
        examples: how many training examples there are.
    """

    similar: Scores
    similar_to_tuning: Scores
    tuning: TrainingExamples
    examples: int


def fit(
    known: pl.DataFrame, days: Sequence[str], categories: Sequence[str], rule: SplitRule, tuning_users: int
) -> Fitted:
    """Learn from training days, newest first; the newest is the weights' day.

    Args:
        known: categorized actions of everybody.
        days: training days.
        categories: all that outcomes can have.
        rule: who is train, and until when.
        tuning_users: how many of the train users the weights are fitted on.

    Raises:
        DataError: a training example touches the holdout.
    """
    by_day = [training_examples(known, day, categories, rule) for day in days]
    users = drawn(by_day[0].snapshot.grid.users, tuning_users)
    return Fitted(
        similar=similarity(by_day),
        similar_to_tuning=similarity(by_day, without=frozenset(users)),
        tuning=training_examples(known, days[0], categories, rule, users=users),
        examples=sum(len(examples.snapshot.grid.users) for examples in by_day),
    )


def combined(
    systems: Sequence[str], scores: Mapping[str, Scores], tuning: Mapping[str, Scores], bought: Mask
) -> tuple[Scores, dict[str, float]]:
    """Systems as one.

    Args:
        systems: whose scores take part.
        scores: of the users to be judged, by system.
        tuning: of the users that the weights are fitted on, by system.
        bought: what the latter bought.

    Returns:
        Scores, and the weights by name.
    """
    weights = combination.fit(combination.features(tuning, systems), bought)
    named = {name: round(float(weight), 4) for name, weight in zip(("constant", *systems), weights, strict=True)}
    return combination.combine(combination.features(scores, systems), weights), named

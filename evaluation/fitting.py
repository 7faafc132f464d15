"""What is learnt for the comparison: the co-occurrence and the combination's weights, on train alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from evaluation import combination
from evaluation.grid import Mask, Scores
from evaluation.situations import Training, similarity, training
from lake.registry.splits import Registry, drawn


@dataclass(frozen=True)
class Fitted:
    """What was learnt from train users and days before the first held-out outcome.

    Args:
        similar: the co-occurrence of all training examples, for held-out users.
        tuning: the users that weights are fitted on; similar_to_tuning: the co-occurrence without them, which is as new
            to them as ``similar`` is to held-out users.
    """

    similar: Scores
    similar_to_tuning: Scores
    tuning: Training
    examples: int


def fit(
    known: pl.DataFrame, days: Sequence[str], categories: Sequence[str], registry: Registry, tuning_users: int
) -> Fitted:
    """Learn from training days, newest first; the newest is the weights' day.

    Args:
        known: categorized actions. tuning_users: how many of the train users the weights are fitted on.
    """
    trainings = [training(known, day, categories, registry) for day in days]
    users = drawn(trainings[0].situation.grid.users, tuning_users)
    return Fitted(
        similar=similarity(trainings),
        similar_to_tuning=similarity(trainings, without=frozenset(users)),
        tuning=training(known, days[0], categories, registry, users=users),
        examples=sum(len(found.situation.grid.users) for found in trainings),
    )


def combined(
    systems: Sequence[str], scores: Mapping[str, Scores], tuning: Mapping[str, Scores], bought: Mask
) -> tuple[Scores, dict[str, float]]:
    """Systems as one.

    Args:
        scores: of the users to be judged. tuning: of the users that the weights are fitted on, who bought ``bought``.

    Returns:
        Scores, and the weights by name.
    """
    weights = combination.fit(combination.features(tuning, systems), bought)
    named = {name: round(float(weight), 4) for name, weight in zip(("constant", *systems), weights, strict=True)}
    return combination.combine(combination.features(scores, systems), weights), named

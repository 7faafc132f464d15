"""What is learnt for the comparison: co-occurrence, trees and the combination's weights, on train alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from evaluation import combination, metrics
from evaluation.baselines import gradient_boosting
from evaluation.baselines.gradient_boosting import Boosting
from evaluation.grid import Mask, Scores, best
from evaluation.snapshots import Examples, similarity, training_examples, validation_examples
from lake.registry.splits import SplitRule, drawn

log = logging.getLogger("intentflow")

# Newest training days that the trees learn from; the co-occurrence that they see is learnt from the days before.
BOOSTING_DAYS = 3
LISTED = 30


@dataclass(frozen=True)
class Fitted:
    """What was learnt from train users and days before the first held-out outcome.

    Args:
        similar: the co-occurrence of all training examples, for held-out users.
        similar_to_tuning: the same without the tuning users, as new to them as ``similar`` is to held-out ones.
        boosting: the trees, learnt without the tuning users.
        tuning: the users that weights are fitted on.
        validation: the users of the split validation as of the same day; nothing learnt from them.
        examples: how many training examples there are.
    """

    similar: Scores
    similar_to_tuning: Scores
    boosting: Boosting
    tuning: Examples
    validation: Examples
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
        boosting=boost(by_day, frozenset(users)),
        tuning=training_examples(known, days[0], categories, rule, users=users),
        validation=validation_examples(known, days[0], categories, rule),
        examples=sum(len(examples.snapshot.grid.users) for examples in by_day),
    )


def boost(by_day: Sequence[Examples], without: frozenset[str]) -> Boosting:
    """Trees of the newest days' examples, those of some users left out.

    Args:
        by_day: training examples, newest day first.
        without: users for whom the trees shall be as new as they will be for held-out users.
    """
    # Of one's own outcomes the co-occurrence knows too much; with few days there is no other.
    similar = similarity(by_day[BOOSTING_DAYS:] or by_day, without)
    examples = []
    for of_day in by_day[:BOOSTING_DAYS]:
        users = [user not in without for user in of_day.snapshot.grid.users]
        kept = users if any(users) else [True] * len(users)
        examples.append((of_day.snapshot.known(similar).of(np.array(kept)), of_day.bought[kept]))
    return gradient_boosting.learn(examples)


def strongest(scored: Sequence[tuple[Mapping[str, Scores], Mask]]) -> tuple[str, dict[str, float]]:
    """The baseline with the highest recall@30 over all the users given, none of whom is held out.

    Args:
        scored: scores by baseline and what was bought, by group of users.

    Returns:
        Its name, and the recall of each; of equal ones the first wins.
    """
    recalls = {
        name: round(
            float(
                np.nanmean(np.concatenate([metrics.recall(best(of[name], LISTED), bought) for of, bought in scored]))
            ),
            4,
        )
        for name in scored[0][0]
    }
    return max(recalls, key=lambda name: recalls[name]), recalls


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

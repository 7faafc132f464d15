"""Gradient boosting (scikit-learn's) on what is known of a user and a category, learnt from training examples."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from evaluation.grid import Mask, Scores

log = logging.getLogger("intentflow")

Features = npt.NDArray[np.float32]

TREES = 120
TREES_A_REPORT = 30
LEAVES = 31
LEARNING_RATE = 0.08
SMALLEST_LEAF = 40
L2 = 1.0
# Of the categories that a user neither has nor buys, which are nearly all: those kept weigh as much as all of them.
KEPT_NEGATIVES = 0.04
USERS_A_CHUNK = 64
# Days until a day counts half, as a feature beside the plain number of days.
HALF_LIFE = 30.0


@dataclass(frozen=True)
class Known:
    """What is known at the end of a history, each as users x categories.

    Args:
        counts: rows of the log.
        days: distinct days.
        decayed: days, decayed.
        newest: age of the newest day, NaN without one.
        intervals: mean days from one day to the next, NaN below two.
        popularity: share of popularity.
        co_occurrence: what usually follows.
    """

    counts: Scores
    days: Scores
    decayed: Scores
    newest: Scores
    intervals: Scores
    popularity: Scores
    co_occurrence: Scores

    def of(self, users: Mask) -> Known:
        """The same of some of the users.

        Args:
            users: one a user, true for those that are kept.
        """
        return Known(**{field.name: getattr(self, field.name)[users] for field in fields(self)})

    def features(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Features:
        """The features of single users and categories, as pairs x features; NaN is unknown, which trees can split by.

        Args:
            rows: the pairs' users.
            columns: the pairs' categories.
        """
        at = (rows, columns)
        newest, intervals, followed = self.newest[at], self.intervals[at], self.co_occurrence[at]
        total = self.co_occurrence.sum(axis=1)[rows]
        return np.stack(
            [
                self.counts[at],
                self.days[at],
                self.decayed[at],
                newest,
                intervals,
                newest / np.maximum(intervals, 1),
                self.popularity[at],
                followed,
                np.divide(followed, total, out=np.zeros_like(followed), where=total > 0),
                self.days.sum(axis=1)[rows],
                (self.days > 0).sum(axis=1)[rows],
            ],
            axis=-1,
        ).astype(np.float32)


@dataclass(frozen=True)
class Boosting:
    """Trees that were learnt."""

    trees: HistGradientBoostingClassifier

    def scores(self, known: Known) -> Scores:
        """The chance that a category is among the outcomes, users x categories; every category is a candidate."""
        users, categories = known.counts.shape
        scores = np.zeros((users, categories), np.float32)
        for first in range(0, users, USERS_A_CHUNK):
            rows, columns = np.indices((min(USERS_A_CHUNK, users - first), categories)).reshape(2, -1)
            scores[first : first + USERS_A_CHUNK] = self.chances(known, rows + first, columns).reshape(-1, categories)
        return scores

    def chances(self, known: Known, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Scores:
        """The chances of single users and categories, one a pair.

        Args:
            known: of the users. rows: the pairs' users. columns: the pairs' categories.
        """
        found: Scores = self.trees.predict_proba(known.features(rows, columns))[:, 1].astype(np.float32)
        return found


def sampled(known: Known, bought: Mask, generator: np.random.Generator) -> tuple[Features, Mask, Scores]:
    """Pairs to learn from: all that the users had or bought, and some of the others.

    Args:
        known: of the users.
        bought: what came true, users x categories.
        generator: of the draw.

    Returns:
        Features of the pairs, whether they came true, and how many pairs each stands for.
    """
    certain = np.logical_or(bought, known.days > 0)
    taken = np.logical_or(certain, generator.random(bought.shape) < KEPT_NEGATIVES)
    rows, columns = np.nonzero(taken)
    weights = np.where(certain[rows, columns], 1, 1 / KEPT_NEGATIVES).astype(np.float32)
    return known.features(rows, columns), bought[rows, columns], weights


def learn(examples: Iterable[tuple[Known, Mask]], seed: int = 0) -> Boosting:
    """Learn from training examples: what was known of users, and what they bought then.

    Args:
        examples: by day.
        seed: of the draws; equal examples and seeds give equal trees.
    """
    generator = np.random.default_rng(seed)
    drawn = [sampled(known, bought, generator) for known, bought in examples]
    features, truth, weights = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    # What nobody has is no feature, and the trees refuse a column without any number.
    features[:, np.isnan(features).all(axis=0)] = 0
    trees = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=SMALLEST_LEAF,
        l2_regularization=L2,
        early_stopping=False,
        warm_start=True,
        random_state=seed,
    )
    begun = time.monotonic()
    for count in range(TREES_A_REPORT, TREES + 1, TREES_A_REPORT):
        trees.set_params(max_iter=count)
        trees.fit(features, truth, sample_weight=weights)
        seconds = time.monotonic() - begun
        log.info(
            "Gradient boosting on %d pairs: %d of %d trees, %.0f s, about %.0f s left.",
            len(truth), count, TREES, seconds, seconds / count * (TREES - count),
        )  # fmt: skip
    return Boosting(trees)

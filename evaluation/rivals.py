"""Rivals without a model: what is popular, what the user buys anyway, what usually follows. Pure functions.

Each gives a score to every user and category; a list is the best of them (``evaluation.grid.best``).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from evaluation.grid import Grid, Mask, Scores


def popularity(grid: Grid, actions: pl.DataFrame) -> Scores:
    """The number of distinct users who acted on the category in the history, whoever they are; one row for all."""
    users = actions.group_by("category").agg(pl.col("user_id").n_unique())
    found = dict(users.iter_rows())
    scores = np.array([found.get(category, 0) for category in grid.categories], np.float32)
    return np.broadcast_to(scores, (len(grid.users), len(grid.categories)))


def own_frequency(counts: Scores) -> Scores:
    """How often the user acted on the category in the history, in rows of the log."""
    return counts


def similarity(pairs: Iterable[tuple[Scores, Mask]], categories: int) -> Scores:
    """Category-to-category co-occurrence of history and what was bought next: the cosine, over training examples.

    ``S[h, c] = n(h, c) / sqrt((n(h) + 1) (n(c) + 1))``, where n(h, c) counts the examples with h in the history and c
    in the outcomes. The diagonal stays: how regularly a category is bought again.

    Args:
        pairs: histories (counts) and outcomes of examples, by day. categories: the length of both axes.
    """
    together = np.zeros((categories, categories), np.float32)
    before, after = np.zeros(categories, np.float32), np.zeros(categories, np.float32)
    for history, outcomes in pairs:
        had, bought = (history > 0).astype(np.float32), outcomes.astype(np.float32)
        together += had.T @ bought
        before += had.sum(axis=0)
        after += bought.sum(axis=0)
    expected: Scores = np.sqrt(np.outer(before + 1, after + 1))
    return together / expected


def co_occurrence(counts: Scores, similar: Scores) -> Scores:
    """``sum over h of log(1 + count of h) S[h, c]``."""
    return np.log1p(counts) @ similar

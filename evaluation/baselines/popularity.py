"""What is popular: the same list for everybody."""

from __future__ import annotations

import numpy as np
import polars as pl

from evaluation.grid import Grid, Scores


def popularity(grid: Grid, history: pl.DataFrame) -> Scores:
    """The number of distinct users who acted on the category in the history, whoever they are; one row for all.

    Args:
        grid: users and categories to be scored.
        history: categorized actions of everybody.
    """
    users = dict(history.group_by("category").agg(pl.col("user_id").n_unique()).iter_rows())
    scores = np.array([users.get(category, 0) for category in grid.categories], np.float32)
    return np.broadcast_to(scores, (len(grid.users), len(grid.categories)))

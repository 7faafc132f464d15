"""What the user comes back for: a basket of ten yoghurts counts once."""

from __future__ import annotations

import numpy as np

from evaluation.grid import Scores


def distinct_days(days: Scores, popularity: Scores) -> Scores:
    """On how many days the user acted on the category; among equals, and where there are none, the popular first.

    Args:
        days: distinct days, users x categories.
        popularity: distinct users of everybody's history, users x categories.
    """
    return days + share(popularity)


def share(popularity: Scores) -> Scores:
    """Popularity as a share below 1 of the most popular category's, so that it never outweighs a day."""
    scores: Scores = (popularity / (1 + popularity.max(axis=1, keepdims=True))).astype(np.float32)
    return scores

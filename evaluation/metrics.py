"""Metrics of lists against outcomes, one value a user; NaN where a user has nothing to be found. Pure functions.

``listed``, ``truth`` and the like are masks over users and categories (``evaluation.grid``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from evaluation.grid import Mask

Values = npt.NDArray[np.float64]

DEFINITIONS: Mapping[str, str] = {
    "hr_at_30": (
        "Mean over users of the share of the next purchase's categories that are among the user's 30 (PAPER 3.2: hit "
        "if the category of the actual next item is among those of 30 tags; rows of one moment are one purchase)."
    ),
    "recall_at_30": "Mean over users of the share of all categories bought in the 14 days that are among the 30.",
    "recall_at_10": "The same with the user's 10 best, as many as are published.",
    "recall_at_5": "The same with the user's 5 best.",
    "recall_new_at_30": (
        "recall_at_30 over categories that the history does not hold, for users who bought any; every system lists its "
        "30 best categories that are new to the user, the intents those of their 30 tags that are."
    ),
    "exclusive_recall": (
        "Mean over users of the share of categories bought that the 30 tags find and none of popularity, own_frequency "
        "and co_occurrence has among its 30."
    ),
    "categories_per_user": "Mean over users of the number of distinct categories among the 30.",
    "coverage": "The number of distinct categories that the lists of 30 of all users hold together.",
}


def recall(listed: Mask, truth: Mask) -> Values:
    """Share of the true categories that are listed."""
    return _share(np.logical_and(listed, truth), truth)


def hit_rate(listed: Mask, following: Mask) -> Values:
    """HR: share of the next purchase's categories that are listed (PAPER 3.2)."""
    return recall(listed, following)


def exclusive_recall(listed: Mask, others: Mask, truth: Mask) -> Values:
    """Share of the true categories that are listed here and in none of the other lists (PAPER 3.7)."""
    return _share(np.logical_and(np.logical_and(listed, truth), np.logical_not(others)), truth)


def categories_per_user(listed: Mask) -> Values:
    """How many distinct categories a list holds."""
    numbers: Values = listed.sum(axis=1).astype(np.float64)
    return numbers


def diversity(listed: Mask, vectors: npt.NDArray[np.float32]) -> Values:
    """R_div of a list: the mean cosine distance of two of its categories; NaN where there are no two (PAPER 1.4).

    Args:
        listed: users x categories.
        vectors: of the categories, each of unit length: categories x width.
    """
    lists = listed.astype(np.float64)
    numbers = lists.sum(axis=1)
    # |sum of n unit vectors|^2 is n, and the cosine of each ordered pair.
    cosines = np.square(lists @ vectors.astype(np.float64)).sum(axis=1) - numbers
    pairs = numbers * (numbers - 1)
    distances: Values = 1 - np.divide(cosines, pairs, out=np.full(len(numbers), np.nan), where=pairs > 0)
    return distances


def coverage(listed: Mask) -> int:
    """How many distinct categories all lists hold together."""
    return int(listed.any(axis=0).sum())


def _share(found: Mask, of: Mask) -> Values:
    wanted = of.sum(axis=1).astype(np.float64)
    shares: Values = np.divide(found.sum(axis=1), wanted, out=np.full(len(wanted), np.nan), where=wanted > 0)
    return shares

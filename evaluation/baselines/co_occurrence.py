"""What usually follows: co-occurrence of a history with what was bought next, learnt from training examples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evaluation.grid import Mask, Scores


def similarity(examples: Iterable[tuple[Scores, Mask]], categories: int) -> Scores:
    """Category-to-category co-occurrence of history and what was bought next: the cosine, over training examples.

    ``S[h, c] = n(h, c) / sqrt((n(h) + 1) (n(c) + 1))``, where n(h, c) counts the examples with h in the history and c
    in the outcomes. The diagonal stays: how regularly a category is bought again.

    Args:
        examples: histories (counts) and outcomes, by day.
        categories: the length of both axes.
    """
    together = np.zeros((categories, categories), np.float32)
    before, after = np.zeros(categories, np.float32), np.zeros(categories, np.float32)
    for history, outcomes in examples:
        had, bought = (history > 0).astype(np.float32), outcomes.astype(np.float32)
        together += had.T @ bought
        before += had.sum(axis=0)
        after += bought.sum(axis=0)
    expected: Scores = np.sqrt(np.outer(before + 1, after + 1))
    return together / expected


def co_occurrence(counts: Scores, similar: Scores) -> Scores:
    """``sum over h of log(1 + count of h) S[h, c]``.

    Args:
        counts: users x categories of the history.
        similar: as ``similarity`` learns it.
    """
    return np.log1p(counts) @ similar

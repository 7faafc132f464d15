"""The best possible lists, made of the outcomes themselves: what no system can exceed. They are no baselines."""

from __future__ import annotations

import numpy as np

from evaluation.grid import Mask, Scores


def perfect(bought: Mask, following: Mask) -> Scores:
    """The categories bought, those of the next purchase first: the best list whatever its metric.

    Args:
        bought: what was bought in the window of outcomes, users x categories.
        following: what was bought next, a part of it.
    """
    return bought.astype(np.float32) + following.astype(np.float32)


def perfect_of_own(bought: Mask, following: Mask, seen: Mask) -> Scores:
    """The same, of the categories of the user's history alone.

    Args:
        bought: what was bought in the window of outcomes, users x categories.
        following: what was bought next, a part of it.
        seen: the categories of the history.
    """
    return np.where(seen, perfect(bought, following), np.float32(0))

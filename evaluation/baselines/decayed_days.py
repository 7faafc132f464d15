"""What the user comes back for lately: days count less the longer ago they are."""

from __future__ import annotations

import numpy as np

from evaluation.baselines.distinct_days import share
from evaluation.grid import Scores
from evaluation.visits import Visits

# Days until a day counts half. Chosen on users of train and validation by `python -m bench.baseline_settings`.
HALF_LIFE = 240.0


def decayed_days(visits: Visits, popularity: Scores, history_days: int, half_life: float = HALF_LIFE) -> Scores:
    """``sum over days of 2^(-age / half-life)``, and popularity as one day at the history's very beginning.

    Args:
        visits: of the users.
        popularity: distinct users of everybody's history, users x categories.
        history_days: length of the history.
        half_life: days until a day counts half.
    """
    oldest = np.float32(2 ** (-history_days / half_life))
    return visits.summed(2.0 ** (-visits.ages / half_life)) + oldest * share(popularity)

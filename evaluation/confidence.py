"""Whether a judge's confidences are true: of what it is 80 % sure of, is it right in 80 % of cases?

Figures have intervals over users (``evaluation.cluster_bootstrap``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from evaluation.bootstrap import RESAMPLES, rounded
from evaluation.cluster_bootstrap import ClusterInterval, Tables, by_user, intervals, share
from evaluation.metrics import Values
from runtime.errors import DataError, UsageError

BINS = 10
# What is summed of the items of a bin.
ITEMS, CONFIDENCE, RIGHT, SQUARED_ERROR = range(4)


@dataclass(frozen=True)
class Bin:
    """Items of like confidence: a point of the reliability diagram."""

    confidence: float
    right: float
    items: int


@dataclass(frozen=True)
class Calibration:
    """How far confidences are from the truth.

    Args:
        expected_calibration_error: mean over items of their bin's distance of mean confidence and share right. Chance
            within a bin adds to it and never cancels, so it is above 0 for a perfect judge too, and so are its draws:
            its interval leans upward, the more the fewer items a bin has, and may even lie above the value.
        brier: mean squared distance of confidence and outcome (1 right, 0 wrong).
        bins: the reliability table, by rising confidence.
    """

    expected_calibration_error: ClusterInterval
    brier: ClusterInterval
    bins: tuple[Bin, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def calibration(
    confidences: Sequence[float] | Values,
    right: Sequence[bool] | npt.NDArray[np.bool_],
    users: Sequence[str],
    bins: int = BINS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Calibration:
    """Calibration of confidences, with equal-mass bins: about as many items in each.

    Bins of equal width would leave most of them empty, for a judge is mostly sure. Equal confidences share a bin, so
    many equal ones make fewer bins. Draws keep the bins that all items gave.

    Args:
        confidences: that the judge's answer is right, from 0 to 1, one an item.
        right: whether it was.
        users: whose each item is.
        bins: how many, 10 by custom; fewer where a bin would have less than some ten items.
        seed: of the draws of users.
        resamples: how many draws.

    Raises:
        DataError: a confidence is not from 0 to 1, or the numbers of items differ.
        UsageError: there is no bin.
    """
    sure = np.asarray(confidences, dtype=np.float64)
    outcome = np.asarray(right, dtype=np.float64)
    _refuse(sure, outcome, bins)
    sums = np.zeros((len(sure), bins, 4))
    items = np.arange(len(sure))
    sums[items, _bins(sure, bins)] = np.stack([np.ones_like(sure), sure, outcome, (sure - outcome) ** 2], axis=1)
    tables = by_user(sums, users)
    found = intervals(tables, {"error": _calibration_error, "brier": _brier}, seed, resamples)
    filled = [row for row in tables.sum(axis=0) if row[ITEMS]]
    table = tuple(
        Bin(rounded(row[CONFIDENCE] / row[ITEMS]), rounded(row[RIGHT] / row[ITEMS]), int(row[ITEMS])) for row in filled
    )
    return Calibration(found["error"], found["brier"], table)


def _calibration_error(tables: Tables) -> Values:
    # A bin's distance of two means, weighed by its items, is the distance of two sums.
    distances = np.abs(tables[..., CONFIDENCE] - tables[..., RIGHT]).sum(axis=-1)
    return share(distances, tables[..., ITEMS].sum(axis=-1))


def _brier(tables: Tables) -> Values:
    return share(tables[..., SQUARED_ERROR].sum(axis=-1), tables[..., ITEMS].sum(axis=-1))


def _bins(confidences: Values, bins: int) -> npt.NDArray[np.int64]:
    """The bin of each item, by its rank; equal confidences have the mean of their ranks."""
    places: npt.NDArray[np.int64] = ((rankdata(confidences) - 0.5) * bins // max(len(confidences), 1)).astype(np.int64)
    return places


def _refuse(confidences: Values, right: Values, bins: int) -> None:
    if bins < 1:
        raise UsageError(f"{bins} bins hold no confidences: ask for at least 1.")
    if len(confidences) != len(right):
        raise DataError(f"There are {len(confidences):,} confidences and {len(right):,} outcomes: give one an item.")
    outside = np.flatnonzero(~((confidences >= 0) & (confidences <= 1)))
    if len(outside):
        raise DataError(
            f"The confidence of item {outside[0]} is {confidences[outside[0]]}, and a confidence is from 0 to 1: give "
            "probabilities, not their logarithms."
        )

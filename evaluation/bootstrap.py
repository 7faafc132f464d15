"""Intervals by the percentile bootstrap over users: seeded, and the same draws for all that is compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import bootstrap

from evaluation.metrics import Values

RESAMPLES = 2_000
COVERAGE = 0.95
BLOCK = 100


@dataclass(frozen=True)
class Interval:
    """A mean over users with its interval; all None when no user has a value."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)


def interval(values: Values, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of the users' values and its 95 % interval.

    Two calls with equal seeds draw equal users when the same users have values, so intervals are comparable.

    Args:
        values: one a user; users without a value (NaN) are no part of it.
        seed: of the draws.
        resamples: how often as many users are drawn as there are.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(None, None, None)
    if len(known) == 1:
        # Drawn again and again, one user is always the same one.
        return Interval(*[rounded(known[0])] * 3)
    resampled = bootstrap(
        (known,),
        np.mean,
        n_resamples=resamples,
        batch=BLOCK,
        vectorized=True,
        confidence_level=COVERAGE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    ends = resampled.confidence_interval
    return Interval(*(rounded(number) for number in (known.mean(), ends.low, ends.high)))


def paired(values: Values, reference: Values, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean difference to a reference, user by user, and its interval."""
    return interval(values - reference, seed, resamples)


def unpaired(values: Values, others: Values, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The difference of the means of two groups of different users, and its interval; each group is drawn by itself.

    Args:
        values: of one group's users; those without one (NaN) are no part of it. others: of the other group's.

    Returns:
        Without bounds where a group is one user, who drawn again and again shows no spread.
    """
    known, beside = (group[~np.isnan(group)] for group in (values, others))
    if not len(known) or not len(beside):
        return Interval(None, None, None)
    difference = rounded(known.mean() - beside.mean())
    if min(len(known), len(beside)) == 1:
        return Interval(difference, None, None)
    ends = bootstrap(
        (known, beside),
        lambda one, other, axis: np.mean(one, axis=axis) - np.mean(other, axis=axis),
        n_resamples=resamples,
        batch=BLOCK,
        vectorized=True,
        confidence_level=COVERAGE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(difference, rounded(ends.low), rounded(ends.high))


def rounded(number: float) -> float:
    """A figure as it is stored: to four places."""
    # Adding 0 makes -0.0, which rounding leaves of small negatives, a plain 0.
    return round(float(number), 4) + 0.0

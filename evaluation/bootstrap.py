"""Intervals by the percentile bootstrap over users: seeded, and the same draws for all that is compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from evaluation.metrics import Values

RESAMPLES = 2_000
COVERAGE = 0.95
BLOCK = 100


@dataclass(frozen=True)
class Estimate:
    """A mean over users with its interval; all None when no user has a value."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)


def estimate(values: Values, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The mean of the users' values and its 95 % interval. Users without a value (NaN) are no part of it.

    Two calls with equal seeds draw equal users when the same users have values, so intervals are comparable.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(None, None, None)
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            known[generator.integers(0, len(known), (min(BLOCK, resamples - start), len(known)))].mean(axis=1)
            for start in range(0, resamples, BLOCK)
        ]
    )
    low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    # Adding 0 makes -0.0, which rounding leaves of small negatives, a plain 0.
    return Estimate(*(round(float(number), 4) + 0.0 for number in (known.mean(), low, high)))


def paired(values: Values, reference: Values, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The mean difference to a reference, user by user, and its interval."""
    return estimate(values - reference, seed, resamples)

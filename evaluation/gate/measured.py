"""The figures of candidate and champion on the same users, with what they are when users are drawn anew.

All checks see the same draws. Bounds are expanded percentiles (Hesterberg 2015, arXiv 1411.5279, section 4.1): those of
the plain bootstrap are too narrow for few users, by about a tenth for 20 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from evaluation.cluster_bootstrap import Tables, resampled, share
from evaluation.gate.policy import Bounds, Metric, Policy, Slice
from evaluation.gate.user_figures import UserFigures, categories_of
from evaluation.metrics import Values

# What stands in a user's row: found and of, of the candidate and of the champion.
CANDIDATE, CHAMPION = slice(0, 2), slice(2, 4)
COLUMNS = 4


@dataclass(frozen=True)
class Cell:
    """A metric, or a slice of it: what one or more checks are about.

    Args:
        part: the metric itself, or one of its slices.
    """

    metric: Metric
    part: Bounds

    @property
    def name(self) -> str:
        return f"{self.metric.name}, {self.part.name}" if isinstance(self.part, Slice) else self.metric.name


def cells_of(policy: Policy) -> tuple[Cell, ...]:
    """Everything that a policy looks at, metric by metric."""
    return tuple(Cell(metric, part) for metric in policy.metrics for part in (metric, *metric.slices))


def sums_of(cell: Cell, candidate: UserFigures, champion: UserFigures | None) -> Tables:
    """A cell's sums, users x 4; 0 for users who are no part of it, or have no value in one of the releases.

    Args:
        champion: figures of the same users; none where nobody is champion.
    """
    kind = (cell.metric.name, categories_of(cell.part))
    sums = np.zeros((len(candidate.users), COLUMNS))
    chosen = candidate.chosen(cell.part) & (candidate.sums[kind][:, 1] > 0)
    if champion is not None:
        chosen &= champion.sums[kind][:, 1] > 0
        sums[chosen, CHAMPION] = champion.sums[kind][chosen]
    sums[chosen, CANDIDATE] = candidate.sums[kind][chosen]
    return sums


@dataclass(frozen=True)
class Measured:
    """One cell's figures.

    Args:
        users: with a value in every release that is compared. effective: users of equal size that would tell as much,
            where they differ in size (Kish 1965).
        candidate, champion: the figures; NaN where there is none. draws: resamples x 4 sums.
    """

    users: int
    effective: float
    candidate: float
    champion: float
    draws: Tables

    @cached_property
    def candidate_draws(self) -> Values:
        return share(self.draws[:, 0], self.draws[:, 1])

    @property
    def difference(self) -> float:
        """Candidate less champion."""
        return self.candidate - self.champion

    @cached_property
    def difference_draws(self) -> Values:
        return self.candidate_draws - share(self.draws[:, 2], self.draws[:, 3])


def measure(tables: Tables, seed: int, resamples: int) -> list[Measured]:
    """Figures and draws of cells.

    Args:
        tables: users x cells x 4 (``sums_of``), of one gate or of many side by side.
        seed: of the draws. resamples: how many there are.
    """
    total = tables.sum(axis=0)
    # Cell by cell, as they are read.
    draws = np.ascontiguousarray(resampled(tables, seed, resamples).transpose(1, 0, 2))
    sizes = tables[:, :, 1]
    squares = (sizes**2).sum(axis=0)
    effective = np.divide(total[:, 1] ** 2, squares, out=np.zeros(len(total)), where=squares > 0)
    candidate, champion = share(total[:, 0], total[:, 1]), share(total[:, 2], total[:, 3])
    users = (sizes > 0).sum(axis=0)
    return [
        Measured(int(users[i]), float(effective[i]), float(candidate[i]), float(champion[i]), draws[i])
        for i in range(len(total))
    ]


def bounds(draws: Values, level: float, effective: float) -> tuple[float, float]:
    """The one-sided lower and the upper bound of a figure, each wrong with this probability.

    Args:
        draws: the figure of each resample. Where one is undefined it counts as the worst for either bound.
        effective: users that the figure rests on; of fewer than two nothing is known.
    """
    if effective < 2:
        return -np.inf, np.inf
    tail = _tail(level, round(effective, 6))
    undefined = np.isnan(draws)
    low = _quantile(np.where(undefined, -np.inf, draws), tail)
    high = -_quantile(np.where(undefined, -np.inf, -draws), tail)
    return low, high


@cache
def _tail(level: float, effective: float) -> float:
    """The share of draws beyond a bound: smaller than the level, the more so the fewer users there are."""
    return float(norm.cdf(np.sqrt(effective / (effective - 1)) * t.ppf(level, effective - 1)))


def _quantile(draws: Values, tail: float) -> float:
    """The draw that no more than this share lies below: a real one, so that an infinite one spreads nowhere."""
    return float(np.quantile(draws, tail, method="lower"))


def stacked(cells: Sequence[Cell], candidate: UserFigures, champion: UserFigures | None) -> npt.NDArray[np.float64]:
    """The sums of cells side by side, users x cells x 4."""
    if not cells:
        return np.zeros((len(candidate.users), 0, COLUMNS))
    return np.stack([sums_of(cell, candidate, champion) for cell in cells], axis=1)

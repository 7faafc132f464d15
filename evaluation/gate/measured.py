"""The figures of candidate and champion on the same users, with what they are when users are drawn anew.

All checks see the same draws. Bounds are expanded percentiles (Hesterberg 2015, arXiv 1411.5279, section 4.1): those of
the plain bootstrap are too narrow for few users, by about a tenth for 20 of them. And they are calibrated: users who
differ in size make percentiles miss a little more often than they say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from evaluation.cluster_bootstrap import Tables, resampled_rows, share
from evaluation.gate.policy import Bounds, Metric, Policy, Slice
from evaluation.gate.user_figures import UserFigures, categories_of
from evaluation.metrics import Values

# What stands in a user's row: found and of, of the candidate and of the champion.
CANDIDATE, CHAMPION = slice(0, 2), slice(2, 4)
COLUMNS = 4
# Bounds are taken at so much of a level. Without it ``bench.gate`` promotes at a margin in 0.053 of the gates, not in
# 0.05: differences of users who have little to be found scatter more, and tails are heavier than a bootstrap sees.
CALIBRATED = 0.9


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


def has_floor(cell: Cell) -> bool:
    """Whether the candidate's own figure is checked, and not its difference alone."""
    return cell.part.floor is not None


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
        candidate, champion: the figures; NaN where there is none.
        candidate_draws: the candidate's figure, one a resample; none where nobody asked for it.
        difference_draws: what the candidate has more than the champion, one a resample.
    """

    users: int
    effective: float
    candidate: float
    champion: float
    candidate_draws: Values | None
    difference_draws: Values

    @property
    def difference(self) -> float:
        """Candidate less champion."""
        return self.candidate - self.champion

    def candidate_bounds(self, level: float) -> tuple[float, float]:
        """Of the candidate's figure, as ``bounds``."""
        assert self.candidate_draws is not None
        return bounds(self.candidate_draws, level, self.effective)

    def difference_bounds(self, level: float) -> tuple[float, float]:
        """Of the difference, as ``bounds``."""
        return _bounds(self._difference_ordered, level, self.effective)

    @cached_property
    def _difference_ordered(self) -> Values:
        # Two checks read bounds of the same draws, so these are put in order once.
        return np.sort(self.difference_draws)


def measure(tables: Tables, seed: int, resamples: int, alone: Sequence[bool] | None = None) -> list[Measured]:
    """Figures and draws of cells.

    Args:
        tables: users x cells x 4 (``sums_of``), of one gate or of many side by side.
        seed: of the draws. resamples: how many there are.
        alone: of each cell whether draws of the candidate's own figure are wanted, as for a floor; none: of all.
    """
    total = tables.sum(axis=0)
    sizes = tables[:, :, 1]
    squares = (sizes**2).sum(axis=0)
    effective = np.divide(total[:, 1] ** 2, squares, out=np.zeros(len(total)), where=squares > 0)
    candidate, champion = share(total[:, 0], total[:, 1]), share(total[:, 2], total[:, 3])
    users = (sizes > 0).sum(axis=0)
    draws = _draws(tables, seed, resamples, alone or [True] * len(total))
    return [
        Measured(int(users[i]), float(effective[i]), float(candidate[i]), float(champion[i]), *draws[i])
        for i in range(len(total))
    ]


def _draws(tables: Tables, seed: int, resamples: int, alone: Sequence[bool]) -> list[tuple[Values | None, Values]]:
    """The candidate's figure, where it is wanted, and the difference, by cell, each one a resample.

    What is drawn are sums, and many are the same: of how many, in both releases and in all cells of the same users.
    Where both releases have as many, the difference is a share itself. So less than half of all sums are added up.
    """
    columns = np.ascontiguousarray(tables.transpose(1, 2, 0))
    more = columns[:, 0] - columns[:, 2]
    distinct: dict[bytes, int] = {}
    rows: list[Values] = []

    def place(row: Values) -> int:
        found = distinct.setdefault(row.tobytes(), len(rows))
        if found == len(rows):
            rows.append(row)
        return found

    as_many = (columns[:, 1] == columns[:, 3]).all(axis=1)
    places = []
    for cell, own, same, wanted in zip(columns, more, as_many, alone, strict=True):
        candidate = (place(cell[0]), place(cell[1])) if wanted or not same else None
        other = (place(own), place(cell[1])) if same else (place(cell[2]), place(cell[3]))
        places.append((candidate, other))
    sums = resampled_rows(np.array(rows).reshape(len(rows), len(tables)), seed, resamples)
    found: list[tuple[Values | None, Values]] = []
    for (candidate, other), same in zip(places, as_many, strict=True):
        of_candidate = None if candidate is None else share(sums[candidate[0]], sums[candidate[1]])
        of_other = share(sums[other[0]], sums[other[1]])
        found.append((of_candidate, of_other if same or of_candidate is None else of_candidate - of_other))
    return found


def bounds(draws: Values, level: float, effective: float) -> tuple[float, float]:
    """The one-sided lower and the upper bound of a figure, each wrong with this probability.

    Args:
        draws: the figure of each resample. Where one is undefined it counts as the worst for either bound.
        effective: users that the figure rests on; of fewer than two nothing is known.
    """
    return _bounds(np.sort(draws), level, effective)


def _bounds(ordered: Values, level: float, effective: float) -> tuple[float, float]:
    """The same of draws in order, the undefined ones last.

    A bound is the draw that no more than the tail's share lies beyond: a real one, so that an undefined one spreads
    nowhere.
    """
    if effective < 2:
        return -np.inf, np.inf
    beyond = math.floor((len(ordered) - 1) * _tail(level, round(effective, 6)))
    known = len(ordered) - (int(np.isnan(ordered).sum()) if np.isnan(ordered[-1]) else 0)
    beyond -= len(ordered) - known
    if beyond < 0:
        return -np.inf, np.inf
    return float(ordered[beyond]), float(ordered[known - 1 - beyond])


@cache
def _tail(level: float, effective: float) -> float:
    """The share of draws beyond a bound: smaller than the level, the more so the fewer users there are."""
    return float(ndtr(np.sqrt(effective / (effective - 1)) * stdtrit(effective - 1, CALIBRATED * level)))


def stacked(cells: Sequence[Cell], candidate: UserFigures, champion: UserFigures | None) -> npt.NDArray[np.float64]:
    """The sums of cells side by side, users x cells x 4."""
    if not cells:
        return np.zeros((len(candidate.users), 0, COLUMNS))
    return np.stack([sums_of(cell, candidate, champion) for cell in cells], axis=1)

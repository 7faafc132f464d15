"""Intervals of figures that many items of a user enter, by the percentile bootstrap over users.

Kappa, F1 and their like are no means over users, but they follow from a table of sums, and such tables add up: each
user has one, those of the users drawn are added, and the figure is taken of the sum. So all items of a drawn user come
along, and items of one user that are alike do not pass for independent ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from evaluation.bootstrap import BLOCK, COVERAGE, RESAMPLES, Interval, rounded
from evaluation.metrics import Values
from runtime.errors import DataError

# One table of sums a user or a resample: the first axis counts them, what the others are the figure knows.
Tables = npt.NDArray[np.float64]
# Users x resamples whose draws are kept, 32 MB of them.
KEPT = 4_000_000
# Resamples that are added up in one product.
ROWS = 1_000
# From n tables n values, NaN where a table gives none.
Figure = Callable[[Tables], Values]


@dataclass(frozen=True)
class ClusterInterval(Interval):
    """A figure of all items with its interval over users.

    All None when the figure is undefined. Without ``low`` and ``high`` when there is one user alone: drawn again and
    again it shows no spread, which is not certainty.

    Args:
        undefined: of the resamples, in how many the figure was undefined; the interval is of the others.
    """

    undefined: int


def by_user(tables: Tables, users: Sequence[str]) -> Tables:
    """The items' tables added up by user, users sorted, so that the order of the items changes no draw.

    Args:
        tables: one an item.
        users: whose each item is.

    Raises:
        DataError: there are not as many users as items.
    """
    if len(tables) != len(users):
        raise DataError(f"There are {len(tables):,} items, and users of {len(users):,}: each item has one user.")
    names, positions = np.unique(np.asarray(users, dtype=str), return_inverse=True)
    sums = np.zeros((len(names), *tables.shape[1:]))
    np.add.at(sums, positions, tables)
    return sums


def intervals(
    tables: Tables, figures: Mapping[str, Figure], seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, ClusterInterval]:
    """Each figure of all items, and its 95 % interval; all figures see the same draws.

    Two calls with equal seeds draw equal users when there are as many. What is to be compared pair by pair comes in one
    table (judge x ...), with a figure that is the difference.

    Args:
        tables: one a user (``by_user``).
        figures: by name.
        seed: of the draws.
        resamples: how often as many users are drawn as there are.
    """
    total = tables.sum(axis=0, keepdims=True)
    drawn = resampled(tables, seed, resamples) if len(tables) > 1 else None
    return {name: _interval(figure, total, drawn) for name, figure in figures.items()}


def share(part: Values, whole: Values) -> Values:
    """Part by whole; NaN where the whole is 0."""
    shares: Values = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)
    return shares


def _interval(figure: Figure, total: Tables, drawn: Tables | None) -> ClusterInterval:
    value = float(figure(total)[0])
    values = np.empty(0) if drawn is None else figure(drawn)
    known = values[~np.isnan(values)]
    undefined = len(values) - len(known)
    if np.isnan(value):
        return ClusterInterval(None, None, None, undefined)
    if not len(known):
        return ClusterInterval(rounded(value), None, None, undefined)
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return ClusterInterval(rounded(value), rounded(low), rounded(high), undefined)


def resampled(tables: Tables, seed: int, resamples: int) -> Tables:
    """The sum of the tables of the users drawn, one a resample.

    Args:
        tables: one a user. seed: of the draws; with equal seeds equal users are drawn when there are as many.
        resamples: how often as many users are drawn as there are.
    """
    flat = tables.reshape(len(tables), -1)
    sums = np.empty((resamples, flat.shape[1]))
    for start, times in _blocks(len(tables), seed, resamples):
        sums[start : start + len(times)] = times @ flat
    return sums.reshape(resamples, *tables.shape[1:])


def resampled_rows(rows: Values, seed: int, resamples: int) -> Values:
    """The same draws of many figures that each have one number a user: rows x resamples.

    Args:
        rows: figures x users.
    """
    sums = np.empty((len(rows), resamples))
    for start, times in _blocks(rows.shape[1], seed, resamples):
        sums[:, start : start + len(times)] = rows @ times.T
    return sums


def _blocks(number: int, seed: int, resamples: int) -> Iterator[tuple[int, Values]]:
    """How often each user was drawn, one row a resample, block by block with the number of the first row.

    Whoever decides again and again draws the same users: where that takes little memory, they are drawn once.
    """
    if number * resamples <= KEPT:
        kept = _kept(number, seed, resamples)
        yield from ((start, kept[start : start + ROWS]) for start in range(0, resamples, ROWS))
    else:
        yield from _drawn(number, seed, resamples)


@lru_cache(maxsize=1)
def _kept(number: int, seed: int, resamples: int) -> Values:
    return np.concatenate([times for _, times in _drawn(number, seed, resamples)])


def _drawn(number: int, seed: int, resamples: int) -> Iterator[tuple[int, Values]]:
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        users = generator.integers(0, number, (min(BLOCK, resamples - start), number))
        rows = np.arange(len(users))[:, None] * number
        times = np.bincount((rows + users).ravel(), minlength=users.size).reshape(users.shape)
        yield start, times.astype(np.float64)

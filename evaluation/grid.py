"""Users by categories: everything that is counted, scored or true becomes a matrix over the same two axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """The axes. Columns are in the order of the categories' names, which breaks ties wherever scores are equal."""

    users: tuple[str, ...]
    categories: tuple[str, ...]

    @classmethod
    def of(cls, users: Sequence[str], categories: Sequence[str]) -> Grid:
        return cls(tuple(users), tuple(sorted(set(categories))))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {user: row for row, user in enumerate(self.users)}

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {category: column for column, category in enumerate(self.categories)}

    def places(self, pairs: Sequence[tuple[str, str]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows and the columns of users with categories, all of which are on the axes."""
        rows = [self._rows[user] for user, _ in pairs]
        columns = [self._columns[category] for _, category in pairs]
        return np.array(rows, np.int64), np.array(columns, np.int64)

    def counts(self, actions: pl.DataFrame) -> Scores:
        """Rows of each user and category; users and categories outside the axes do not count."""
        counted = (
            actions.filter(pl.col("user_id").is_in(list(self.users)), pl.col("category").is_in(list(self.categories)))
            .group_by("user_id", "category")
            .len()
        )
        matrix = np.zeros((len(self.users), len(self.categories)), np.float32)
        rows = [self._rows[user] for user in counted["user_id"]]
        matrix[rows, [self._columns[category] for category in counted["category"]]] = counted["len"].to_numpy()
        return matrix

    def mask(self, categories: Mapping[str, Sequence[str]]) -> Mask:
        """True at the categories of each user; users without any have an empty row."""
        matrix = np.zeros((len(self.users), len(self.categories)), np.bool_)
        for user, of_user in categories.items():
            matrix[self._rows[user], [self._columns[category] for category in of_user]] = True
        return matrix

    def ranked(self, lists: Mapping[str, Sequence[str]], most: int) -> Scores:
        """Scores of categories in order: 1 for the first of a user's list, falling by ``1 / most`` a rank.

        A category that stands in a list more than once keeps its best rank.
        """
        matrix = np.zeros((len(self.users), len(self.categories)), np.float32)
        for user, listed in lists.items():
            for rank, category in reversed(list(enumerate(listed[:most]))):
                matrix[self._rows[user], self._columns[category]] = 1 - rank / most
        return matrix


def best(scores: Scores, most: int) -> Mask:
    """The ``most`` best categories of each user; only positive scores, ties by name."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    chosen = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(chosen, order, True, axis=1)
    return np.logical_and(chosen, scores > 0)

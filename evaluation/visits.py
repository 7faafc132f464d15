"""The days on which users acted on categories: what counts of days, decays, intervals and baskets follow from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evaluation.grid import Grid, Scores

Numbers = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Visits:
    """One entry for each user, category and day with an action, sorted by these with the newest day first.

    Args:
        rows: of the users on the grid.
        columns: of the categories on the grid.
        ages: days before the history's end, 0 for its last day.
        shape: of the grid, users x categories.
    """

    rows: Numbers
    columns: Numbers
    ages: Numbers
    shape: tuple[int, int]

    @classmethod
    def of(cls, grid: Grid, past: pl.DataFrame, day: str) -> Visits:
        """The visits of the grid's users; users and categories outside the axes have none.

        Args:
            grid: users and categories.
            past: categorized actions of the history.
            day: the history's last day.
        """
        users = pl.DataFrame({"user_id": grid.users, "row": range(len(grid.users))}, _axis("user_id", "row"))
        categories = pl.DataFrame(
            {"category": grid.categories, "column": range(len(grid.categories))}, _axis("category", "column")
        )
        found = (
            past.select("user_id", "category", "day")
            .join(users, on="user_id")
            .unique()
            .join(categories, on="category")
            .with_columns(age=(pl.lit(day).str.to_date() - pl.col("day").str.to_date()).dt.total_days())
            .sort("row", "column", "age")
        )
        rows, columns, ages = (found[name].to_numpy() for name in ("row", "column", "age"))
        return cls(rows, columns, ages, (len(grid.users), len(grid.categories)))

    def summed(self, weights: Weights) -> Scores:
        """The sum of weights, one a visit, as users x categories."""
        cells = self.rows * self.shape[1] + self.columns
        total = np.bincount(cells, weights=weights, minlength=self.shape[0] * self.shape[1])
        return total.reshape(self.shape).astype(np.float32)

    def days(self) -> Scores:
        """The number of distinct days, as users x categories."""
        return self.summed(np.ones(len(self.rows)))

    def newest(self) -> Scores:
        """The age of the newest visit in days, as users x categories; NaN where there is none."""
        found = np.full(self.shape, np.inf, np.float32)
        np.minimum.at(found, (self.rows, self.columns), self.ages)
        return np.where(np.isinf(found), np.float32(np.nan), found)

    def intervals(self) -> Scores:
        """The mean number of days from a visit to the next, as users x categories; NaN below two visits."""
        oldest = np.zeros(self.shape, np.float32)
        np.maximum.at(oldest, (self.rows, self.columns), self.ages)
        gaps = self.days() - 1
        unknown = np.full(self.shape, np.nan, np.float32)
        means: Scores = np.divide(oldest - self.newest(), gaps, out=unknown, where=gaps > 0)
        return means

    def baskets(self) -> tuple[Numbers, Numbers]:
        """Baskets are a user's days. The basket of each visit, 0 for the user's newest; and each user's number."""
        days = np.unique(np.stack([self.rows, self.ages], axis=-1), axis=0)
        numbers = np.bincount(days[:, 0], minlength=self.shape[0]) if len(days) else np.zeros(self.shape[0], np.int64)
        first = np.cumsum(numbers) - numbers
        longest = int(self.ages.max(initial=0)) + 1
        position = np.searchsorted(days[:, 0] * longest + days[:, 1], self.rows * longest + self.ages)
        return position - first[self.rows], numbers


def _axis(name: str, number: str) -> dict[str, type[pl.DataType]]:
    return {name: pl.String, number: pl.Int64}

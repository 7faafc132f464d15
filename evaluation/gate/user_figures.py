"""What was measured of one release, user by user: the one form that a gate reads.

A figure is found / of, added up over users: a mean over users where ``of`` is 1 for each, a share of items (judged
tags) where it is their number. So users of different size keep their weight, and all items of a user stay together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluation.gate.policy import Bounds, Cut, Metric, Slice
from evaluation.metrics import Values
from runtime.errors import DataError

ALL = "all"
SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), False),
        pa.field("metric", pa.string(), False),
        # all, or head or tail: which categories the figure is over.
        pa.field("categories", pa.string(), False),
        pa.field("found", pa.float64(), False),
        pa.field("of", pa.float64(), False),
        pa.field("activity", pa.string(), False),
        pa.field("history", pa.string(), False),
    ]
)
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class UserFigures:
    """Figures of one release.

    Args:
        users: sorted.
        sums: users x 2 (found, of) by metric and categories; 0, 0 where a user has nothing to be found.
        groups: of each user, by cut.
    """

    users: tuple[str, ...]
    sums: Mapping[tuple[str, str], Sums]
    groups: Mapping[Cut, npt.NDArray[np.str_]]

    @classmethod
    def of_rows(cls, rows: pa.Table) -> UserFigures:
        """Figures of rows of ``SCHEMA``.

        Raises:
            DataError: the rows are others, a user has a figure twice or stands in two groups, or a number is none.
        """
        if not rows.schema.equals(SCHEMA):
            raise DataError(f"Results of users have the columns {', '.join(SCHEMA.names)}, not {rows.schema.names}.")
        keys = list(zip(*(rows[name].to_pylist() for name in ("user_id", "metric", "categories")), strict=True))
        found, of = (rows[name].to_numpy() for name in ("found", "of"))
        if len(set(keys)) < len(keys):
            raise DataError("Results name a user's figure twice: measure again.")
        if not (np.isfinite(found).all() and np.isfinite(of).all() and (of >= 0).all()):
            raise DataError("Results hold a figure that is no number: measure again.")
        users = sorted({user for user, _, _ in keys})
        place = {user: number for number, user in enumerate(users)}
        sums = {key: np.zeros((len(users), 2)) for key in sorted({(metric, kind) for _, metric, kind in keys})}
        for number, (user, metric, kind) in enumerate(keys):
            sums[metric, kind][place[user]] = found[number], of[number]
        return cls(tuple(users), sums, {cut: _groups(rows, cut, place) for cut in ("activity", "history")})

    def has(self, metric: Metric, part: Bounds) -> bool:
        """Whether a metric was measured, in the categories of its slice."""
        return (metric.name, categories_of(part)) in self.sums

    def chosen(self, part: Bounds) -> npt.NDArray[np.bool_]:
        """Which users a slice is of."""
        if isinstance(part, Slice) and part.cut != "category":
            return np.asarray(self.groups[part.cut] == part.value)
        return np.ones(len(self.users), np.bool_)


def categories_of(part: Bounds) -> str:
    """Which categories a slice is over."""
    return part.value if isinstance(part, Slice) and part.cut == "category" else ALL


def _groups(rows: pa.Table, cut: Cut, place: Mapping[str, int]) -> npt.NDArray[np.str_]:
    groups: list[str | None] = [None] * len(place)
    for user, group in zip(rows["user_id"].to_pylist(), rows[cut].to_pylist(), strict=True):
        if groups[place[user]] not in (None, group):
            raise DataError(f"Results say that a user's {cut} is {groups[place[user]]} and {group}: measure again.")
        groups[place[user]] = group
    return np.array(groups, dtype=np.str_)


def rows_of(
    values: Mapping[tuple[str, str], Values],
    users: tuple[str, ...],
    activity: npt.NDArray[np.str_],
    history: npt.NDArray[np.str_],
) -> pa.Table:
    """Rows of ``SCHEMA`` for figures that are means over users; a user without a value (NaN) has none.

    Args:
        values: one a user, by metric and categories.
        users: in the order of the values. activity, history: the group of each.
    """
    parts = []
    for (metric, kind), of_metric in sorted(values.items()):
        known = ~np.isnan(of_metric)
        number = int(known.sum())
        parts.append(
            pa.table(
                [
                    pa.array(np.array(users, dtype=np.str_)[known].tolist(), pa.string()),
                    pa.array([metric] * number, pa.string()),
                    pa.array([kind] * number, pa.string()),
                    pa.array(of_metric[known].astype(np.float64)),
                    pa.array(np.ones(number)),
                    pa.array(activity[known].tolist(), pa.string()),
                    pa.array(history[known].tolist(), pa.string()),
                ],
                schema=SCHEMA,
            )
        )
    return pa.concat_tables(parts) if parts else SCHEMA.empty_table()

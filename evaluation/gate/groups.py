"""The groups that a gate looks at apart: users by activity and by how long they are known, categories by popularity.

Cuts follow from what is frozen and from the history, never from outcomes or from what a release says.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.grid import Grid, Mask
from lake.delta import tables
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from schemas import behaviors

# Head categories hold this share of everybody's actions.
HEAD = 0.5
Groups = npt.NDArray[np.str_]


def activity_of(frozen: pa.Table, users: tuple[str, ...]) -> Groups:
    """Light, medium or heavy: thirds of all frozen users by the behaviors in their history, whoever was drawn.

    Args:
        frozen: rows of ``schemas.holdout`` of the day. users: whose groups.
    """
    rows = pl.DataFrame(pl.from_arrow(frozen))
    first, second = np.quantile(rows["history_events"].to_numpy(), [1 / 3, 2 / 3])
    events = dict(rows.select("user_id", "history_events").iter_rows())
    of_users = np.array([events[user] for user in users])
    return np.where(of_users <= first, "light", np.where(of_users <= second, "medium", "heavy"))


def history_of(lake: Lake, rule: SplitRule, day: str, users: tuple[str, ...]) -> Groups:
    """New or known: whether a user was first seen within the day's history."""
    filters = [("day", "<", rule.history_from(day))]
    rows = tables.read(lake, behaviors.TABLE, columns=["user_id"], filters=filters)
    before = set(pc.unique(rows["user_id"]).to_pylist())
    return np.array(["known" if user in before else "new" for user in users], dtype=np.str_)


def head_of(grid: Grid, past: pl.DataFrame) -> Mask:
    """Which categories are head: the fewest that hold half of everybody's actions; equal ones by name.

    Args:
        grid: has the categories. past: categorized actions of everybody's history.
    """
    counted = past.group_by("category").len().sort(["len", "category"], descending=[True, False])
    held = counted["len"].cum_sum().to_numpy()
    most = int(np.searchsorted(held, HEAD * (held[-1] if len(held) else 0))) + 1
    head = set(counted["category"].to_list()[:most])
    return np.array([category in head for category in grid.categories], dtype=np.bool_)

"""On which days a user bought from each category: what an expert's evidence is made of (PAPER 1.4). Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from representation.evidence import PATH_SEPARATOR

# Of fewer days nobody can say what is usual.
INTERVAL_DAYS = 3
# What evidence says of a category.
FIELDS = ("category", "days", "last_day", "usual_interval", "rank")
# How much of a history a user has.
SIZES = pa.schema([("user_id", pa.string()), ("events", pa.int64()), ("active_days", pa.int64())])


@dataclass(frozen=True)
class EvidenceWindow:
    """Of what a day's evidence is made; the same for training and for serving.

    Args:
        first: its first day. day: its last. leave_out: departments (first level of the path) that do not count.
        most: categories of a user that are kept, the most certain ones.
    """

    first: str
    day: str
    leave_out: tuple[str, ...] = ()
    most: int = 160


def categorized(rollups: pa.Table, entities: pa.Table, leave_out: Sequence[str] = ()) -> pl.DataFrame:
    """Distinct user_id, day, action and category of rollups; what has no category has no row.

    Args:
        rollups: ``schemas.rollups``.
        entities: entity_id, category, category_path.
        leave_out: departments (first level of the path) that do not count.
    """
    department = pl.col("category_path").str.split(PATH_SEPARATOR).list.first()
    known = (
        pl.DataFrame(pl.from_arrow(entities))
        .filter(pl.col("category").is_not_null(), ~department.is_in(list(leave_out)))
        .select("entity_id", "category")
    )
    rows = pl.DataFrame(pl.from_arrow(rollups)).select("user_id", "day", "action", "entity_id")
    return rows.join(known, on="entity_id").select("user_id", "day", "action", "category").unique()


def evidence_days(actions: pl.DataFrame, first: str, day: str) -> pl.DataFrame:
    """``category_days`` of the days from first to last, both included: what an expert may see of users.

    Args:
        actions: ``categorized``; other days' rows are left aside.
    """
    return category_days(actions.filter(pl.col("day").is_between(pl.lit(first), pl.lit(day))))


def category_days(actions: pl.DataFrame) -> pl.DataFrame:
    """A row a user and category: days, last_day, usual_interval (days), rank; sorted by user and rank.

    Args:
        actions: user_id, day and category of a window.

    Returns:
        days: distinct ones. usual_interval: median gap between neighbouring ones, null where they are fewer than
        three. rank: 1 for the category of most days, then of the latest day, then by name.
    """
    days = actions.select("user_id", "category", "day").unique().sort("user_id", "category", "day")
    gap = pl.col("day").str.to_date().diff().dt.total_days()
    counted = days.group_by("user_id", "category", maintain_order=True).agg(
        days=pl.len().cast(pl.Int32),
        last_day=pl.col("day").last(),
        usual_interval=pl.when(pl.len() >= INTERVAL_DAYS).then(gap.median()),
    )
    order = ("user_id", "days", "last_day", "category")
    return counted.sort(order, descending=[False, True, True, False]).with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user_id")
    )


def evidence_lists(rollups: pa.Table, entities: pa.Table, window: EvidenceWindow) -> pl.DataFrame:
    """A row a user with evidence: user_id, evidence (``schemas.contexts.EVIDENCE``), the most certain first."""
    inside = pl.col("day").is_between(pl.lit(window.first), pl.lit(window.day))
    rows = pl.DataFrame(pl.from_arrow(rollups)).filter(inside).to_arrow()
    days = evidence_days(categorized(rows, entities, window.leave_out), window.first, window.day)
    kept = days.filter(pl.col("rank") <= window.most)
    return kept.group_by("user_id", maintain_order=True).agg(evidence=pl.struct(FIELDS))


def history_sizes(rollups: pa.Table) -> pa.Table:
    """``SIZES``: actions and active days of each user of some rollups."""
    frame = pl.DataFrame(pl.from_arrow(rollups))
    counted = frame.group_by("user_id").agg(
        events=pl.col("count").sum().cast(pl.Int64), active_days=pl.col("day").n_unique().cast(pl.Int64)
    )
    return counted.sort("user_id").to_arrow().cast(SIZES)

"""What of days' rows is counted, by day and bucket: what becomes of them, and what a person is told. Pure functions."""

from __future__ import annotations

import json
from collections import Counter

import polars as pl
import pyarrow as pa

from schemas import behaviors
from spark_jobs.landing.row_validation import REPEATED

NEW_COLUMN = "new_column_"
REJECTED = "rejected_"
TIME_UNIT = "time_unit_"
ROWS_OF = "rows_of_"
DELIVERY = "delivery_"
# Counts that every day states.
ALWAYS_COUNTED = (
    "rows_in",
    "rows_rejected",
    "rows_anonymous",
    "rows_ignored",
    "rows_duplicate",
    "rows_outside_day",
    "searches",
)

# A day and the number of a bucket.
Group = tuple[str, int]


def counts_of(outcomes: pl.DataFrame, accepted: pa.Table, zone: str, share: float) -> dict[Group, dict[str, int]]:
    """Every count of each day and bucket.

    Args:
        outcomes: of ``row_validation.with_outcomes``. accepted: the behaviors of these. zone: name of that by whose
            clock days begin. share: users with more of a bucket's rows are counted, for they may have as many of the
            day's.
    """
    counts = _counts(outcomes, accepted, zone)
    for group, of_users in _rows_of_users(outcomes, share).items():
        counts[group] |= of_users
    return counts


def _counts(outcomes: pl.DataFrame, accepted: pa.Table, zone: str) -> dict[Group, dict[str, int]]:
    """What the audit looks at, by day and bucket: rows in, and what became of them (of rejected ones by rule); the same
    by delivery; rows that are of another day; searches; and rows that came with a column that the source's description
    does not name (by column) or whose time was read from a number of a unit that it does not (by unit)."""
    group = ("day", "bucket")
    counts: dict[Group, Counter[str]] = {}
    for day, bucket, delivery, outcome, rows in outcomes.group_by(*group, "delivery", "outcome").len().rows():
        counted = counts.setdefault((day, bucket), Counter(dict.fromkeys(ALWAYS_COUNTED, 0)))
        counted.update({"rows_in": rows} if outcome == "rows" else {"rows_in": rows, f"rows_{outcome}": rows})
        if delivery is not None:
            counted.update({f"{DELIVERY}{outcome}_{delivery}": rows})
    good = pl.DataFrame(pl.from_arrow(accepted))
    of_another_day = pl.col("at").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d") != pl.col("day")
    of_good = good.group_by(group).agg(of_another_day.sum(), searches=(pl.col("action") == "search").sum())
    for day, bucket, outside, searches in of_good.rows():
        counts[day, bucket].update(rows_outside_day=outside, searches=searches)
    bad = outcomes.filter(pl.col("outcome") == "rejected")
    for name, column, beginning in (
        (bad, "rule", REJECTED),
        (outcomes, "time_unit", TIME_UNIT),
    ):
        for day, bucket, value, rows in name.drop_nulls(column).group_by(*group, column).len().rows():
            counts[day, bucket].update({f"{beginning}{value}": rows})
    new = outcomes.drop_nulls("new_columns").group_by(*group, "new_columns").len()
    for day, bucket, names, rows in new.rows():
        counts[day, bucket].update({f"{NEW_COLUMN}{name}": rows for name in json.loads(names)})
    return {group: dict(counted) for group, counted in counts.items()}


def _rows_of_users(outcomes: pl.DataFrame, share: float) -> dict[Group, dict[str, int]]:
    """Rows of each user who has more than a share of a day and bucket's rows: few, and all that have it of the day.
    Repeated events and ignored rows are none of theirs."""
    frame = outcomes.filter(~pl.col("outcome").is_in([REPEATED, behaviors.IGNORED])).select("day", "bucket", "user_id")
    rows = pl.len().over("day", "bucket").alias("all")
    users = frame.with_columns(rows).drop_nulls("user_id").group_by("day", "bucket", "user_id", "all").len()
    found: dict[Group, dict[str, int]] = {}
    for day, bucket, user, _, count in users.filter(pl.col("len") > share * pl.col("all")).rows():
        found.setdefault((day, bucket), {})[f"{ROWS_OF}{user}"] = count
    return found

"""Validated rows are staged: behaviors and rejected rows, each a file a day and bucket, with the audit's counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from lake.delta.staging import stage
from lake.store.location import Lake
from schemas import behaviors, rejected_behaviors
from spark_jobs.distributed import workers
from spark_jobs.landing.queries import searched_queries
from spark_jobs.landing.row_validation import REPEATED, Landing, accepted_and_rejected, unlisted_of, with_outcomes

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

# What a worker reports of each file; and with one of them the distinct queries of usable searches, and the items that
# the catalog does not have.
_TEXTS = pa.list_(pa.string())
STAGED = pa.schema([*workers.STAGED, ("queries", _TEXTS), ("unlisted", _TEXTS)])

# A day and the number of a bucket.
Group = tuple[str, int]


def stage_days(
    validated: pa.Table, lake: Lake, fingerprints: Mapping[str, str], landing: Landing, maximum_user_share: float = 1.0
) -> pa.Table:
    """Stage each day and bucket; ``VALIDATED`` in, ``STAGED`` out. Runs in a worker.

    Args:
        validated: all rows of each day and bucket that it has rows of.
        lake: where files are staged.
        fingerprints: of the days' landing, by day.
        landing: what the rows were validated with.
        maximum_user_share: users with a larger share of a bucket's rows are counted, for they may have one of the day.
    """
    outcomes = with_outcomes(validated)
    accepted, rejected = accepted_and_rejected(outcomes)
    accepted_by_group, rejected_by_group = _by_group(accepted), _by_group(rejected)
    counts = _counts(outcomes, accepted, landing.zone)
    for group, of_users in _rows_of_users(outcomes, maximum_user_share).items():
        counts[group] |= of_users
    staged = workers.Staged()
    for group in sorted(counts):
        day, bucket = group
        name, partition = fingerprints[day], {"day": day}
        good = accepted_by_group.get(group, accepted.slice(0, 0))
        file = stage(lake, behaviors.TABLE, good, fingerprint=name, partition=partition, part=bucket)
        staged.add(behaviors.TABLE, day, file, counts[group])
        bad = rejected_by_group.get(group, rejected.slice(0, 0))
        file = stage(lake, rejected_behaviors.TABLE, bad, fingerprint=name, partition=partition, part=bucket)
        staged.add(rejected_behaviors.TABLE, day, file, {})
    report = staged.report()
    once = {"queries": searched_queries(validated), "unlisted": unlisted_of(validated, landing)}
    for name, texts in once.items():
        column = [texts, *[None] * (report.num_rows - 1)]
        report = report.append_column(name, pa.array(column[: report.num_rows], _TEXTS))
    return report


def _by_group(rows: pa.Table) -> dict[Group, pa.Table]:
    """The rows of each day and bucket."""
    groups = pl.DataFrame(pl.from_arrow(rows)).partition_by("day", "bucket", as_dict=True)
    return {(str(day), int(bucket)): frame.to_arrow() for (day, bucket), frame in groups.items()}


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

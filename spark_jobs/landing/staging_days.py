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
from spark_jobs.landing.row_validation import accepted_and_rejected

NEW_COLUMN = "new_column_"
REJECTED = "rejected_"
TIME_UNIT = "time_unit_"
ROWS_OF = "rows_of_"

# What a worker reports of each file, and with one of them the distinct queries of usable searches.
STAGED = workers.STAGED.append(pa.field("queries", pa.list_(pa.string())))

# A day and the number of a bucket.
Group = tuple[str, int]


def stage_days(
    validated: pa.Table, lake: Lake, fingerprints: Mapping[str, str], maximum_user_share: float = 1.0
) -> pa.Table:
    """Stage each day and bucket; ``VALIDATED`` in, ``STAGED`` out. Runs in a worker.

    Args:
        validated: all rows of each day and bucket that it has rows of.
        lake: where files are staged.
        fingerprints: of the days' landing, by day.
        maximum_user_share: users with a larger share of a bucket's rows are counted, for they may have one of the day.
    """
    accepted, rejected = accepted_and_rejected(validated)
    accepted_by_group, rejected_by_group = _by_group(accepted), _by_group(rejected)
    counts = _counts(validated, accepted, rejected)
    for group, of_users in _rows_of_users(validated, maximum_user_share).items():
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
    queries = [searched_queries(validated)["query"].to_pylist(), *[None] * (report.num_rows - 1)]
    return report.append_column("queries", pa.array(queries[: report.num_rows], pa.list_(pa.string())))


def _by_group(rows: pa.Table) -> dict[Group, pa.Table]:
    """The rows of each day and bucket."""
    groups = pl.DataFrame(pl.from_arrow(rows)).partition_by("day", "bucket", as_dict=True)
    return {(str(day), int(bucket)): frame.to_arrow() for (day, bucket), frame in groups.items()}


def _counts(validated: pa.Table, accepted: pa.Table, rejected: pa.Table) -> dict[Group, dict[str, int]]:
    """What the audit looks at, by day and bucket: rows in and rejected (by rule), rows that are of another day,
    searches, rows of nobody, and rows that came with a column that the source's description does not name (by column)
    or whose time was read from a number of a unit that it does not (by unit)."""
    frame, good, bad = (pl.DataFrame(pl.from_arrow(rows)) for rows in (validated, accepted, rejected))
    counts: dict[Group, Counter[str]] = {
        (day, bucket): Counter(rows_in=rows, rows_rejected=0, rows_anonymous=nobodys, rows_outside_day=0, searches=0)
        for day, bucket, rows, nobodys in frame.group_by("day", "bucket")
        .agg(pl.len(), (pl.col("rule") == behaviors.ANONYMOUS).sum().alias("nobodys"))
        .rows()
    }
    of_another_day = pl.col("at").dt.strftime("%Y-%m-%d") != pl.col("day")
    of_good = good.group_by("day", "bucket").agg(of_another_day.sum(), searches=(pl.col("action") == "search").sum())
    for day, bucket, outside, searches in of_good.rows():
        counts[day, bucket].update(rows_outside_day=outside, searches=searches)
    for day, bucket, rule, copies in bad.group_by("day", "bucket", "rule").agg(pl.col("copies").sum()).rows():
        counts[day, bucket].update({"rows_rejected": copies, f"{REJECTED}{rule}": copies})
    new = frame.drop_nulls("new_columns").group_by("day", "bucket", "new_columns").len()
    for day, bucket, names, rows in new.rows():
        counts[day, bucket].update({f"{NEW_COLUMN}{name}": rows for name in json.loads(names)})
    for day, bucket, unit, rows in frame.drop_nulls("time_unit").group_by("day", "bucket", "time_unit").len().rows():
        counts[day, bucket].update({f"{TIME_UNIT}{unit}": rows})
    return {group: dict(counted) for group, counted in counts.items()}


def _rows_of_users(validated: pa.Table, share: float) -> dict[Group, dict[str, int]]:
    """Rows of each user who has more than a share of a day and bucket's rows: few, and all that have it of the day."""
    frame = pl.DataFrame(pl.from_arrow(validated.select(["day", "bucket", "user_id"])))
    rows = pl.len().over("day", "bucket").alias("all")
    users = frame.with_columns(rows).drop_nulls("user_id").group_by("day", "bucket", "user_id", "all").len()
    found: dict[Group, dict[str, int]] = {}
    for day, bucket, user, _, count in users.filter(pl.col("len") > share * pl.col("all")).rows():
        found.setdefault((day, bucket), {})[f"{ROWS_OF}{user}"] = count
    return found

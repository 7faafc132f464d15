"""Validated rows are staged: behaviors and rejected rows, each a file a day and bucket, with the audit's counts."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from lake.delta.staging import stage
from lake.store.location import Lake
from schemas import behaviors, rejected_behaviors
from spark_jobs.distributed import workers
from spark_jobs.landing.counting_days import Group, counts_of
from spark_jobs.landing.queries import searched_queries
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, unlisted_of, with_outcomes

# What a worker reports of each file; and with one of them the distinct queries of usable searches, and the items that
# the catalog does not have.
_TEXTS = pa.list_(pa.string())
STAGED = pa.schema([*workers.STAGED, ("queries", _TEXTS), ("unlisted", _TEXTS)])


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
    counts = counts_of(outcomes, accepted, landing.zone, maximum_user_share)
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

"""A day is landed on trial: read, validated and counted as landing does it, and nothing of it is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from lake.delta.staging import Batch, StagedPartition
from schemas import behaviors
from spark_jobs.distributed.execution import execution
from spark_jobs.landing.counting_days import ALWAYS_COUNTED, counts_of
from spark_jobs.landing.reading_days import validated_by_day
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, unlisted_of, with_outcomes
from spark_jobs.landing.sources import Source, SourcePart

# Rows of each rule that are told where they stand.
TOLD_EXAMPLES = 3
UNKNOWN_ITEM = "unknown_item"
# What a worker reports of the rows that it has of a day.
COUNTED = pa.schema(
    [
        ("counts", pa.string()),
        ("rows", pa.int64()),
        ("users", pa.int64()),
        # By rule the first places of rejected rows, in the order of all deliveries and their rows.
        ("places", pa.string()),
        # Distinct items that the catalog does not have.
        ("items", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Trial:
    """What would become of a day.

    Attributes:
        batch: of behaviors, as landing would stage it but for its files. rows: behaviors that the day would have.
        users: distinct ones of these. places: by rule the first rejected rows' places. unknown_items: how many
            distinct items of the day the catalog does not have.
    """

    batch: Batch
    rows: int
    users: int
    places: Mapping[str, Sequence[int]]
    unknown_items: int


def count_day(validated: pa.Table, landing: Landing, maximum_user_share: float) -> pa.Table:
    """``VALIDATED`` of one day in, ``COUNTED`` out; runs in a worker. The arguments are those of ``stage_days``."""
    outcomes = with_outcomes(validated)
    accepted, _ = accepted_and_rejected(outcomes)
    counts: Counter[str] = Counter()
    for of_bucket in counts_of(outcomes, accepted, landing.zone, maximum_user_share).values():
        counts.update(of_bucket)
    rejected = outcomes.filter(pl.col("outcome") == "rejected")
    first = rejected.drop_nulls("sequence").group_by("rule").agg(pl.col("sequence").sort().head(TOLD_EXAMPLES))
    # By their digests: a row that cannot be used shows no id.
    of_unknown = rejected.filter(pl.col("rule") == UNKNOWN_ITEM)["row"]
    unknown = of_unknown.str.extract(r'"item": "([^"]*)"').drop_nulls().unique().to_list()
    row = {
        "counts": json.dumps(counts),
        "rows": accepted.num_rows,
        "users": pl.DataFrame(pl.from_arrow(accepted.select(["user_id"])))["user_id"].n_unique(),
        "places": json.dumps(dict(first.rows())),
        "items": [*unknown, *unlisted_of(validated, landing)],
    }
    return pa.Table.from_pylist([row], COUNTED)


def land_on_trial(source: Source, day: str, parts: Sequence[SourcePart], landing: Landing) -> Trial:
    """Count what would become of a day's rows.

    Args:
        parts: of the source, those that have the day's rows.

    Raises:
        DataError: a file as a whole cannot be used.
    """
    rows, share = sum(source.rows(part) for part in parts), source.maximum_user_share
    with execution("check", rows) as running:
        known = running.share(landing)
        by_day = validated_by_day(running, source, parts, known, rows)
        counted = by_day.map(lambda rows: count_day(rows, known(), share), COUNTED).collect("check").to_pylist()
    counts: Counter[str] = Counter(dict.fromkeys(ALWAYS_COUNTED, 0))
    places: dict[str, list[int]] = {}
    for of_worker in counted:
        counts.update(json.loads(of_worker["counts"]))
        for rule, found in json.loads(of_worker["places"]).items():
            places[rule] = sorted([*places.get(rule, []), *found])[:TOLD_EXAMPLES]
    return Trial(
        Batch(behaviors.TABLE.name, "land", (StagedPartition({"day": day}, "", (), dict(counts)),)),
        sum(of_worker["rows"] for of_worker in counted),
        # A user is in one bucket, and that in one worker.
        sum(of_worker["users"] for of_worker in counted),
        places,
        len({item for of_worker in counted for item in of_worker["items"]}),
    )

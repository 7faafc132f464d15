"""Users are spread over a fixed number of buckets by their pseudonym, which is uniform by construction.

Landing shuffles rows into one file a day and bucket. Every later job works bucket by bucket: what belongs to one
user lies in the files of one bucket, so nothing is shuffled again, unless others laid files of several buckets
together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta.live import LiveFile
from lake.store.location import Lake
from schemas.table import Table
from settings import load_settings
from spark_jobs.distributed import workers
from spark_jobs.distributed.columns import map_distinct
from spark_jobs.distributed.execution import Execution, Rows

HEX_DIGITS = 8
BUCKET = pa.field("bucket", pa.int32())

Days = Mapping[str, Sequence[LiveFile]]


def bucket_of(users: pa.Array, buckets: int) -> pa.Array:
    """The bucket of each pseudonym; rows without a user go to the first."""
    numbers = map_distinct(users, lambda user: str(int(user[:HEX_DIGITS], 16) % buckets))
    return numbers.fill_null("0").cast(pa.int32())


def files_by_bucket(days: Days) -> dict[int, list[tuple[str, str]]]:
    """Day and path of every live file, by bucket (which the file's part number is); one that holds several is with
    the first of them."""
    found: dict[int, list[tuple[str, str]]] = {}
    for day, files in sorted(days.items()):
        for file in files:
            if file.path:
                found.setdefault(min(file.parts, default=0), []).append((day, file.path))
    return found


def in_buckets(days: Days) -> tuple[dict[str, Sequence[LiveFile]], dict[str, Sequence[LiveFile]]]:
    """The days whose files are each of one bucket, and those of which others laid files together."""
    whole = {day: files for day, files in days.items() if all(file.is_staged or not file.path for file in files)}
    return whole, {day: files for day, files in days.items() if day not in whole}


def map_buckets(
    running: Execution,
    lake: Lake,
    table: Table,
    days: Days,
    function: Callable[[int, pa.Table], pa.Table],
    result: pa.Schema,
    columns: Sequence[str] | None = None,
) -> Rows:
    """Run a function on the rows of each bucket, those of all days together.

    Args:
        function: bucket and rows to a table of ``result``; runs in a worker.
        columns: to read, ``user_id`` among them (default: all).
    """
    _, mixed = in_buckets(days)
    if not mixed:
        return running.read(
            list(files_by_bucket(days).items()),
            lambda part: function(part[0], workers.read_files(lake, table, part[1], columns)),
            result,
        )
    buckets = load_settings().lake.buckets
    files = [(day, file.path) for day, files in sorted(days.items()) for file in files if file.path]
    schema = workers.read_files(lake, table, [], columns).schema.append(BUCKET)
    order = [(name, "ascending") for name in ("day", *table.key) if name in schema.names]

    def read(file: tuple[str, str]) -> list[pa.Table]:
        rows = workers.read_files(lake, table, [file], columns)
        return [rows.append_column(BUCKET, bucket_of(rows["user_id"], buckets))]

    def run(rows: pa.Table) -> pa.Table:
        found = [result.empty_table()]
        for bucket in sorted(pc.unique(rows["bucket"]).to_pylist()):
            of_bucket = rows.filter(pc.equal(rows["bucket"], bucket)).drop_columns("bucket")
            found.append(function(bucket, of_bucket.sort_by(order)).cast(result))
        return pa.concat_tables(found)

    rows = sum(file.rows for files in days.values() for file in files)
    return running.read_pieces(files, read, schema).brought_together("bucket", rows=rows).map(run, result)

"""Users are spread over a fixed number of buckets by their pseudonym, which is uniform by construction.

Landing shuffles rows into one file a day and bucket. Every later job works bucket by bucket: what belongs to one
user lies in the files of one bucket, so nothing is shuffled again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from lake.delta.tables import LiveFile
from spark_jobs.distributed.columns import map_distinct

HEX_DIGITS = 8


def bucket_of(users: pa.Array, buckets: int) -> pa.Array:
    """The bucket of each pseudonym; rows without a user go to the first."""
    numbers = map_distinct(users, lambda user: str(int(user[:HEX_DIGITS], 16) % buckets))
    return numbers.fill_null("0").cast(pa.int32())


def files_by_bucket(days: Mapping[str, Sequence[LiveFile]]) -> dict[int, list[tuple[str, str]]]:
    """Day and path of every live file, by bucket (which the file's part number is)."""
    found: dict[int, list[tuple[str, str]]] = {}
    for day, files in sorted(days.items()):
        for file in files:
            found.setdefault(file.part, []).append((day, file.path))
    return found

"""A lake keeps its number of files a day: later jobs go bucket by bucket, and a user whose days were spread by two
numbers would be two users.

Nothing notes the number: whose rows lie in which file of a landed day tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta.live import LiveFile
from lake.store.location import Lake
from runtime.errors import ConfigurationError
from schemas import behaviors
from spark_jobs.distributed import workers
from spark_jobs.distributed.buckets import bucket_of

# So many rows are of enough users to tell two numbers apart, and quickly read.
TELLING_ROWS = 500
MOST_BUCKETS = 4_096

Spread = Sequence[tuple[int, pa.Array]]


def refuse_another(
    lake: Lake, buckets: int, landed: Mapping[str, Sequence[LiveFile]], staying: Collection[str]
) -> None:
    """See that the days that a lake keeps are spread over as many files as those that are landed now.

    All days of a landing become visible together, so one of those that stay speaks for all.

    Args:
        buckets: files a day. landed: live files of the days that are. staying: those that are not landed anew now.

    Raises:
        ConfigurationError: they are spread over another number.
    """
    day = _telling({day: sum(file.rows for file in landed[day]) for day in staying})
    if day is None:
        return
    # Rows that others laid together are brought together by user before they are used.
    files = [file for file in landed[day] if file.path and file.is_staged]
    spread = [
        (
            min(file.parts),
            pc.unique(workers.read_files(lake, behaviors.TABLE, [(day, file.path)], ["user_id"])["user_id"]),
        )
        for file in files
    ]
    if is_spread_over(spread, buckets):
        return
    before = next((number for number in range(1, MOST_BUCKETS + 1) if is_spread_over(spread, number)), None)
    raise ConfigurationError(
        f"The days of the lake {lake.root} are spread over {before or 'another number of'} files each, and the "
        f"settings say {buckets}. Leave it at what it was (INTENTFLOW_LAKE__BUCKETS={before or '...'}), or land all of "
        f"them anew at once: `python -m spark_jobs.land --from {min(staying)} --to LAST`, with the last landed day."
    )


def is_spread_over(spread: Spread, buckets: int) -> bool:
    """Whether users lie in files as they are laid in a number of buckets.

    Args:
        spread: number and users of each file.
    """
    return all(pc.all(pc.equal(bucket_of(users, buckets), part)).as_py() is not False for part, users in spread)


def _telling(rows: Mapping[str, int]) -> str | None:
    """The day with the fewest rows of those with enough, or with the most."""
    enough = [day for day, number in rows.items() if number >= TELLING_ROWS]
    if enough:
        return min(enough, key=lambda day: (rows[day], day))
    return max(rows, key=lambda day: (rows[day], day), default=None)

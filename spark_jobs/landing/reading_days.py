"""A log's rows are read, validated and brought together by day, whatever is done with them then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from settings import SourceSettings
from spark_jobs.distributed.execution import Execution, Rows
from spark_jobs.landing import catalog
from spark_jobs.landing.row_validation import VALIDATED, Landing, validate
from spark_jobs.landing.sources import Source, SourcePart


def landing_of(
    source: Source, settings: SourceSettings, items: pa.Table, key: bytes, buckets: int, last_day: str
) -> Landing:
    """What workers need to land a source's rows.

    Args:
        items: the catalog, ``schemas.items``. key: of the pseudonyms. last_day: the last one landed (YYYY-MM-DD).
    """
    category = source.unlisted_category
    return Landing(
        dict(zip(items["item_id"].to_pylist(), items["entity_id"].to_pylist(), strict=True)),
        key,
        settings.maximum_quantity,
        settings.maximum_text,
        buckets,
        settings.late_days,
        last_day,
        source.zone_of_days,
        catalog.unlisted_entity(category, settings.maximum_text) if category else None,
        dict(source.carried),
    )


def validated_by_day(
    running: Execution, source: Source, parts: Sequence[SourcePart], known: Callable[[], Landing], rows: int
) -> Rows:
    """The parts' rows in ``VALIDATED``, those of a day and bucket together.

    Args:
        known: gives what the rows are validated with, in a worker. rows: about how many there are.
    """

    def validated_pieces(part: SourcePart) -> Iterator[pa.Table]:
        return (validate(piece, known()) for piece in source.pieces(part))

    validated = running.read_pieces(parts, validated_pieces, VALIDATED)
    # The one shuffle of all jobs: from here on a day's users stay in their buckets.
    return validated.brought_together("day", "bucket", rows=rows)

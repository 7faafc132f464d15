"""The rows of a part of a log, piece by piece, each row with the day that it is kept under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl
import pyarrow as pa

from runtime.errors import DataError
from schemas.behaviors import RAW
from spark_jobs.landing.sources.blocks.spans import Span
from spark_jobs.landing.sources.description import Behaviors
from spark_jobs.landing.sources.event_keys import event_keys
from spark_jobs.landing.sources.file_rows import Wanted
from spark_jobs.landing.sources.formats import pieces_of_file
from spark_jobs.landing.sources.raw_rows import raw_rows
from spark_jobs.landing.sources.stored_files import SourceFile, State, state_of

# More than any file has, of bytes as of rows; so rows of all files are in one order, that of their deliveries.
ROWS_A_FILE = 2**40
# A behavior is not made of nothing: these a line of JSON may leave out.
LEFT_OUT = ("item", "query", "quantity", "amount", "session")
# Days that files stand for, by file and what it is read for: a worker reads many spans of one.
_DAYS: dict[tuple[State, int, str, str, str], str] = {}


@dataclass(frozen=True)
class Delivery:
    """A file, or a span of it, and what it is read for.

    Attributes:
        name: that it is counted under where no day is named. given: values that all rows have of columns that the
            file may lack, by its names. number: of the file in the order of deliveries.
        delivered: the day it was delivered for (YYYY-MM-DD), empty in a pile of files. ends: the end of that day by
            the shop's clock, in UTC. first, last: the days that are landed, both included.
        known_until: what is of this day or later has not happened. zone: name of that by whose clock days begin.
    """

    path: SourceFile
    name: str
    given: Mapping[str, str | None]
    span: Span | None
    number: int
    delivered: str
    ends: datetime | None
    first: str
    last: str
    known_until: str
    zone: str

    @property
    def first_place(self) -> int:
        """Of its rows, in the order of all deliveries and their rows. No row is shorter than a byte, so a row comes
        before those of later spans however the file is cut."""
        return self.number * ROWS_A_FILE + (self.span.start if self.span else 0)

    @property
    def own_day(self) -> pl.Expr:
        """The day of a row's own time."""
        return pl.col("at").dt.convert_time_zone(self.zone).dt.date()


def wanted_of(behaviors: Behaviors, given: Mapping[str, str | None] | None = None) -> Wanted:
    """What is read of a log's files.

    Args:
        given: values that all rows of a file have of columns that it may lack.
    """
    optional = LEFT_OUT if behaviors.format == "jsonl" else behaviors.optional_columns
    return Wanted(behaviors.columns.named(), "behaviors", optional, behaviors.new_columns == "carry", dict(given or {}))


def pieces_of(delivery: Delivery, behaviors: Behaviors, late_days: int, size: int) -> Iterator[pa.Table]:
    """The rows in ``schemas.behaviors.RAW``.

    A row is read with the day of its own time; one whose time cannot be used, with the day of its delivery. In a pile
    of files no row is late, and a file stands for the day that most rows of its beginning are of.

    Args:
        late_days: how many days after its own a row may be delivered. size: bytes of the file read at once, about.

    Raises:
        DataError: the file as a whole cannot be used.
    """
    stands_for, ends, place = delivery.delivered, delivery.ends, delivery.first_place
    beginning: pl.DataFrame | None = None
    wanted = wanted_of(behaviors, delivery.given)
    for found in pieces_of_file(delivery.path, behaviors, wanted, size, delivery.span):
        _refuse_new_columns(delivery.path, found.new, behaviors)
        rows = raw_rows(found, behaviors).with_columns(
            event=event_keys(found.named, behaviors),
            delivery=pl.lit(delivery.delivered or delivery.name),
            sequence=place + pl.int_range(pl.len(), dtype=pl.Int64),
            delivery_ends=pl.lit(ends, pl.Datetime("us", "UTC")),
        )
        place += rows.height
        beginning = rows.select("at") if beginning is None else beginning
        if ends is None:
            usable = delivery.own_day < date.fromisoformat(delivery.known_until)
            if not stands_for and not rows.select(usable.fill_null(False).all()).item():
                stands_for = _day_of_beginning(delivery, beginning, behaviors, size)
        else:
            usable = pl.col("at").is_between(ends - timedelta(days=1 + late_days), ends, closed="left")
        own = delivery.own_day.dt.to_string("%Y-%m-%d")
        rows = rows.with_columns(day=pl.when(usable).then(own).otherwise(pl.lit(stands_for)))
        kept = rows.filter(pl.col("day").is_between(pl.lit(delivery.first), pl.lit(delivery.last)))
        yield kept.select(RAW.names).to_arrow().cast(RAW)


def _refuse_new_columns(path: SourceFile, unnamed: Sequence[str], behaviors: Behaviors) -> None:
    new = sorted(set(unnamed) - set(behaviors.known_columns))
    if new and behaviors.new_columns == "refuse":
        raise DataError(
            f"{path} has new columns {', '.join(new)}: name them in behaviors.known_columns, "
            "or set behaviors.new_columns to drop or carry."
        )


def _day_of_beginning(delivery: Delivery, rows: pl.DataFrame, behaviors: Behaviors, size: int) -> str:
    """The day that most rows of a file's beginning are of.

    Args:
        rows: the first of the file or of the span.
    """
    span, state = delivery.span, state_of(delivery.path)
    if span is None or not span.start:
        return _commonest_day(rows, delivery)
    key = (state, span.beginning, delivery.last, delivery.known_until, delivery.zone)
    if key not in _DAYS:
        beginning = replace(span, start=0, end=span.beginning, lines_before=0, digest="")
        first = next(pieces_of_file(delivery.path, behaviors, wanted_of(behaviors), size, beginning))
        _DAYS[key] = _commonest_day(raw_rows(first, behaviors), delivery)
    return _DAYS[key]


def _commonest_day(rows: pl.DataFrame, delivery: Delivery) -> str:
    """The day that most rows are of; the last one landed, where they are of none."""
    days = rows.drop_nulls("at").select(delivery.own_day)["at"]
    counted = days.filter(days < date.fromisoformat(delivery.known_until)).value_counts()
    commonest = counted.sort("count", "at", descending=True)
    return str(commonest["at"][0].isoformat()) if len(commonest) else delivery.last

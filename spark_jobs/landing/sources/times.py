"""Times of a log as moments in UTC: epoch numbers, ISO 8601, or a format of the shop's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl

from spark_jobs.landing.sources.description import Behaviors, EpochUnit
from spark_jobs.landing.sources.usual_times import UTC_TIMES, read_usual

MICROSECONDS: Mapping[EpochUnit, Decimal] = {
    "seconds": Decimal(1_000_000),
    "milliseconds": Decimal(1_000),
    "microseconds": Decimal(1),
    "nanoseconds": Decimal("0.001"),
}
# Digits before the fraction by which a unit is recognised: of seconds until the year 5138, of the others from 1973.
_RECOGNISED: Mapping[int, EpochUnit] = {
    **dict.fromkeys((9, 10, 11), "seconds"),
    **dict.fromkeys((12, 13, 14), "milliseconds"),
    **dict.fromkeys((15, 16, 17), "microseconds"),
    **dict.fromkeys((18, 19), "nanoseconds"),
}
_EPOCH = re.compile(r"-?([0-9]+)(?:\.[0-9]*)?")
_NAMED_ZONE = re.compile(r"\s*(?:\[[^\]]*\]|UTC|GMT)$", re.IGNORECASE)
_SPACED_OFFSET = re.compile(r"\s+(?=[+-][0-9]{2}:?[0-9]{2}$)")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds before or after it: some three thousand years.
FARTHEST = 10**11

# Moment, and the epoch unit that was recognised.
Read = tuple[datetime | None, EpochUnit | None]


def read_times(column: pl.Series, behaviors: Behaviors) -> pl.DataFrame:
    """``at`` (UTC, null where it is no time), ``time_unit`` (the epoch unit, where it was recognised by magnitude),
    ``odd_year`` (whether the year is outside what the description allows, which leaves no time) and ``told`` (as text,
    what was given).

    Args:
        column: texts, or times as a Parquet file has them. Times without a zone are in the log's.
    """
    nothing = pl.Series([None] * len(column), dtype=pl.String)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("ms"))
    told = column.cast(pl.String) if not isinstance(column.dtype, pl.Datetime) else None
    beyond = pl.Series([False] * len(column), dtype=pl.Boolean)
    if isinstance(column.dtype, pl.Datetime):
        beyond = _beyond(column, column.dtype)
        near = column.to_physical().set(beyond, None).cast(column.dtype)
        at, unit = _typed(near, column.dtype, behaviors), nothing
        # A time that has no text is told as the number that it is.
        told = near.cast(pl.String).fill_null(column.to_physical().cast(pl.String))
    elif behaviors.time_format:
        zoned = bool(re.search(r"%[:#]*z|%\+", behaviors.time_format))
        texts = column.cast(pl.String).str.strip_chars()
        read = texts.str.to_datetime(behaviors.time_format, strict=False, time_unit="us")
        at, unit = (read.dt.convert_time_zone("UTC") if zoned else _by_the_clock(read, behaviors.time_zone)), nothing
    else:
        at, unit = _texts(column.cast(pl.String), behaviors)
    odd = beyond | ~at.dt.year().is_between(behaviors.first_year, behaviors.last_year).fill_null(True)
    return pl.DataFrame({"at": at, "time_unit": unit, "odd_year": odd, "told": told}).with_columns(
        at=pl.when(~pl.col("odd_year")).then("at"), time_unit=pl.when(~pl.col("odd_year")).then("time_unit")
    )


def _beyond(column: pl.Series, of_type: pl.Datetime) -> pl.Series:
    """Times of no year that anybody writes: as microseconds they would come out as others, or as none at all."""
    parts_a_second = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[of_type.time_unit]
    farthest = min(FARTHEST * parts_a_second, 2**63 - 1)
    moments = column.to_physical()
    return ((moments < -farthest) | (moments > farthest)).fill_null(False)


def _typed(near: pl.Series, of_type: pl.Datetime, behaviors: Behaviors) -> pl.Series:
    """Times of a Parquet file; finer than microseconds is cut off."""
    read = near.dt.cast_time_unit("us")
    return read.dt.convert_time_zone("UTC") if of_type.time_zone else _by_the_clock(read, behaviors.time_zone)


def _by_the_clock(times: pl.Series, zone: str) -> pl.Series:
    """Times of a zone's clock in UTC. An hour that it shows twice is taken as the first; one it skips is no time."""
    return times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _texts(column: pl.Series, behaviors: Behaviors) -> tuple[pl.Series, pl.Series]:
    """What is usual is read column by column, each other text by itself."""
    zone, declared = behaviors.time_zone, behaviors.time_unit
    found = read_usual(column, lambda there: _at_clock(there, _zone(zone)), zone == "UTC", declared, _RECOGNISED)
    left = column.filter(found["at"].is_null()).drop_nulls().unique().to_list()
    if not left:
        return found["at"], found["unit"]
    read = [read_time(text, zone, declared) for text in left]
    others = pl.DataFrame(
        {"text": left, "other": [at for at, _ in read], "other_unit": [unit for _, unit in read]},
        schema={"text": pl.String, "other": UTC_TIMES, "other_unit": pl.String},
    )
    both = found.with_columns(text=column).join(others, on="text", how="left", maintain_order="left")
    both = both.select(at=pl.coalesce("at", "other"), unit=pl.coalesce("unit", "other_unit"))
    return both["at"], both["unit"]


def read_time(text: str, zone: str, unit: EpochUnit | None) -> Read:
    """The moment that a text is, and the epoch unit where it was recognised and not declared.

    Args:
        zone: of texts that have none. unit: the declared one; then the text is nothing but such a number.
    """
    text = text.strip()
    epoch = _EPOCH.fullmatch(text)
    if unit:
        return (_moment(text, unit) if epoch else None), None
    if epoch and (recognised := _RECOGNISED.get(len(epoch.group(1)))):
        return _moment(text, recognised), recognised
    return _iso(text, zone), None


def _moment(text: str, unit: EpochUnit) -> datetime | None:
    """The moment of an epoch number; finer than microseconds is cut off."""
    try:
        microseconds = (Decimal(text) * MICROSECONDS[unit]).to_integral_value(ROUND_FLOOR)
        return _BEGINNING + timedelta(microseconds=int(microseconds))
    except (ArithmeticError, ValueError):
        return None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _iso(text: str, zone: str) -> datetime | None:
    """ISO 8601 with any offset, ``Z``, or ``UTC`` and ``GMT`` after it; a name in brackets repeats an offset."""
    named = _NAMED_ZONE.search(text)
    rest = _SPACED_OFFSET.sub("", text[: named.start()] if named else text)
    try:
        moment = datetime.fromisoformat(rest.upper() if rest.endswith("z") else rest)
        if moment.tzinfo:
            return moment.astimezone(UTC)
        if named:
            name = named.group().strip()
            clock = UTC if name.upper() in ("UTC", "GMT") else ZoneInfo(name.strip("[]"))
        else:
            clock = _zone(zone)
        return _at_clock(moment, clock)
    except (ValueError, OverflowError, KeyError, OSError):
        return None


def _at_clock(there: datetime, clock: tzinfo) -> datetime | None:
    """The moment of a time of a clock; an hour that it skips does not come back."""
    utc = there.replace(tzinfo=clock).astimezone(UTC)
    return utc if utc.astimezone(clock).replace(tzinfo=None) == there else None

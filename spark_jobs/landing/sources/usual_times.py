"""Times as most logs write them, read column by column: what is not usual is left to ``times.read_time``.

Usual are a date of the years 1900 to 2099 with a time of the day, UTC's or none's, and epoch numbers of digits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import polars as pl

from spark_jobs.landing.sources.description import EpochUnit

UTC_TIMES = pl.Datetime("us", "UTC")
_CLOCK_TIMES = pl.Datetime("us")
_ISO = (
    r"^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|\+00:00)?$"
)
_ENDS_IN_UTC = r"(?:Z|\+00:00)$"
# Digits that a number of each unit has at most, so that it is a time of a year with four.
_MOST_DIGITS: Mapping[EpochUnit, int] = {"seconds": 11, "milliseconds": 14, "microseconds": 17, "nanoseconds": 18}
_LAST_OF_HOUR = timedelta(minutes=59, seconds=59, microseconds=999_999)


def read_usual(
    texts: pl.Series, clock: Callable[[datetime], datetime | None], utc: bool, unit: EpochUnit | None,
    recognised: Mapping[int, EpochUnit],
) -> pl.DataFrame:  # fmt: skip
    """``at`` (UTC) and ``unit``, as ``times.read_time`` has them; ``at`` is null where a text is not usual.

    Args:
        clock: the moment of a time without a zone, None where the log's clock skips it. utc: whether that is UTC's.
        unit: the declared one. recognised: the unit of a number, by its digits, where none is declared.
    """
    if unit:
        return _epochs(texts, dict.fromkeys(range(1, _MOST_DIGITS[unit] + 1), unit), told=False)
    found = _iso(texts, clock, utc)
    if found.null_count() == texts.null_count():
        return found.to_frame("at").with_columns(unit=pl.lit(None, pl.String))
    units = {digits: name for digits, name in recognised.items() if digits <= _MOST_DIGITS[name]}
    epochs = _epochs(texts, units, told=True)
    return epochs.with_columns(at=pl.coalesce(pl.lit(found), "at"))


def _iso(texts: pl.Series, clock: Callable[[datetime], datetime | None], utc: bool) -> pl.Series:
    frame = texts.to_frame("text").select(text=pl.when(pl.col("text").str.contains(_ISO)).then("text"))
    text = pl.col("text")
    # Six digits after the point, however many are written.
    fraction = text.str.slice(19).str.strip_prefix(".").str.replace(_ENDS_IN_UTC, "").str.pad_end(6, "0")
    parts = {
        "hours": text.str.slice(11, 2),
        "minutes": text.str.slice(14, 2),
        "seconds": text.str.slice(17, 2),
        "microseconds": fraction,
    }
    # A day that its month does not have is none.
    day = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(_CLOCK_TIMES)
    read = frame.select(
        there=day + pl.duration(**{name: part.cast(pl.Int64) for name, part in parts.items()}, time_unit="us"),
        zoned=text.str.contains(_ENDS_IN_UTC),
    )
    in_utc = read["there"].dt.replace_time_zone("UTC")
    if utc or read["zoned"].all():
        return in_utc
    of_clock = _by_the_clock(read["there"], clock)
    return pl.select(pl.when(pl.lit(read["zoned"])).then(pl.lit(in_utc)).otherwise(pl.lit(of_clock))).to_series()


def _by_the_clock(times: pl.Series, clock: Callable[[datetime], datetime | None]) -> pl.Series:
    """Times of the log's clock in UTC: an hour of it whose beginning and end are as far from UTC is so between them."""
    hours = times.dt.truncate("1h")
    offsets = {hour: _offset(hour, clock) for hour in hours.drop_nulls().unique().to_list()}
    known = pl.DataFrame(
        {"hour": list(offsets), "offset": list(offsets.values())},
        schema={"hour": _CLOCK_TIMES, "offset": pl.Duration("us")},
    )
    joined = hours.to_frame("hour").join(known, on="hour", how="left", maintain_order="left")
    return (times - joined["offset"]).dt.replace_time_zone("UTC")


def _offset(hour: datetime, clock: Callable[[datetime], datetime | None]) -> timedelta | None:
    offsets = set()
    for there in (hour, hour + _LAST_OF_HOUR):
        moment = clock(there)
        offsets.add(there.replace(tzinfo=UTC) - moment if moment else None)
    return offsets.pop() if len(offsets) == 1 else None


def _epochs(texts: pl.Series, units: Mapping[int, EpochUnit], told: bool) -> pl.DataFrame:
    """Numbers since 1970.

    Args:
        units: by digits. told: whether the unit is.
    """
    factor: dict[EpochUnit, int] = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
    digits = pl.when(pl.col("text").str.contains(r"^[0-9]+$")).then("text")
    unit = digits.str.len_bytes().cast(pl.Int64).replace_strict(units, default=None, return_dtype=pl.String)
    number = pl.when(unit.is_not_null()).then(digits).cast(pl.Int64, strict=False)
    # Finer than microseconds is cut off.
    microseconds = (
        pl.when(unit == "nanoseconds")
        .then(number // 1_000)
        .otherwise(number * unit.replace_strict(factor, default=None, return_dtype=pl.Int64))
    )
    found = texts.to_frame("text").select(at=microseconds.cast(_CLOCK_TIMES).dt.replace_time_zone("UTC"), unit=unit)
    shown = pl.when(pl.col("at").is_not_null() & told).then("unit")
    return found.with_columns(unit=shown)

"""Every moment and every number of a log is read exactly, or its row is told."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runtime.errors import ConfigurationError
from spark_jobs.landing.sources.numbers import number, split_quantity
from spark_jobs.landing.sources.times import read_time
from tests.spark_jobs.shop import DAY, FORMATS, GOOD, Shop, moment, text

MORNING = moment(9)
SECONDS = 1_509_526_800
VIENNA = "Europe/Vienna"


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2017-11-01T09:00:00Z", MORNING),
        ("2017-11-01t09:00:00z", MORNING),
        ("2017-11-01 09:00:00 UTC", MORNING),
        ("2017-11-01 09:00:00.000 utc", MORNING),
        ("2017-11-01T09:00:00 GMT", MORNING),
        ("2017-11-01T14:30:00+05:30", MORNING),
        ("2017-11-01 14:30:00 +0530", MORNING),
        ("2017-10-31T23:00:00-1000", MORNING),
        ("2017-11-01T10+01", MORNING),
        ("2017-11-01T10:00+01:00[Europe/Vienna]", MORNING),
        ("2017-11-01T04:00[America/Bogota]", MORNING),
        ("20171101T090000Z", MORNING),
        (" 2017-11-01T10:00:00 ", MORNING),
        ("2017-11-01T10:00:00,250", moment(9, microsecond=250_000)),
        ("2017-11-01", datetime(2017, 10, 31, 23, tzinfo=UTC)),
        # The clock shows the half hour twice; the first is meant.
        ("2017-10-29T02:30:00", datetime(2017, 10, 29, 0, 30, tzinfo=UTC)),
    ],
)
def test_iso_with_any_offset_or_the_shops_clock(written: str, at: datetime) -> None:
    assert read_time(written, VIENNA, None) == (at, None)


@pytest.mark.parametrize(
    "written",
    [
        "2017-03-26T02:30:00",
        "yesterday",
        "2017-13-01",
        "09:00:00",
        "1.5095E+9",
        "2017-11-01T09:00[Mars/Base]",
        "2017-11-01T09:00[Europe]",
        "9999-12-31T23:59:59-23:00",
        "",
        "12345",
    ],
)
def test_what_is_no_time_by_the_shops_clock_is_none(written: str) -> None:
    assert read_time(written, VIENNA, None)[0] is None


@pytest.mark.parametrize(
    ("written", "unit", "at"),
    [
        (f"{SECONDS}", "seconds", MORNING),
        (f"{SECONDS}.25", "seconds", moment(9, microsecond=250_000)),
        ("978303599", "seconds", datetime(2000, 12, 31, 22, 59, 59, tzinfo=UTC)),
        (f"{SECONDS}007", "milliseconds", moment(9, microsecond=7_000)),
        # As a date and a time without signs it would be 23:45 of a day of the year 1512.
        ("1512012312345", "milliseconds", datetime(2017, 11, 30, 3, 25, 12, 345_000, tzinfo=UTC)),
        (f"{SECONDS}000042", "microseconds", moment(9, microsecond=42)),
        (f"{SECONDS}000042999", "nanoseconds", moment(9, microsecond=42)),
    ],
)
def test_an_epoch_is_recognised_by_its_magnitude(written: str, unit: str, at: datetime) -> None:
    assert read_time(written, VIENNA, None) == (at, unit)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("seconds", SECONDS),
        ("seconds", SECONDS + 0.5),
        ("milliseconds", SECONDS * 1_000),
        ("microseconds", SECONDS * 10**6),
        ("nanoseconds", SECONDS * 10**9),
    ],
)
def test_epochs_of_every_format_are_reported_unless_declared(
    tmp_path: Path, kind: str, unit: str, written: Any
) -> None:
    shop = Shop(tmp_path, kind)
    shop.write(text(kind, [{**GOOD, "at": written}]))
    (recognised,) = shop.raw()
    assert (recognised["at"].replace(microsecond=0), recognised["time_unit"]) == (MORNING, unit)
    shop.fields = {"time_unit": unit}
    (declared,) = shop.raw()
    assert (declared["at"], declared["time_unit"]) == (recognised["at"], None)


def test_a_declared_unit_is_no_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"time_unit": "milliseconds"})
    written = [str(SECONDS * 1_000), str(SECONDS), "2017-11-01T09:00:00Z", "0"]
    shop.write(text("csv", [{**GOOD, "at": at} for at in written]))
    rows = shop.raw()
    assert [row["at"] for row in rows] == [MORNING, None, None, None]
    assert [row["problem"] for row in rows] == [
        None,
        f"the time {SECONDS} is of a year outside 1990 to 2100",
        "the time 2017-11-01T09:00:00Z cannot be read",
        "the time 0 is of a year outside 1990 to 2100",
    ]
    assert shop.land().rules == {"unreadable": 3}


def test_a_json_number_of_any_form_is_an_epoch(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "jsonl")
    forms = ["1509526800", "1509526800.0", "1.5095268E9", "15095268e2", "1e9999", "-1e-9999"]
    shop.write("".join(json.dumps(GOOD).replace(json.dumps(GOOD["at"]), form) + "\n" for form in forms).encode())
    assert [row["at"] for row in shop.raw()] == [*[MORNING] * 4, None, None]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_year_that_cannot_be_is_told_and_counted(tmp_path: Path, kind: str) -> None:
    years = ["0017-11-01T09:00:00Z", "1970-01-01T00:00:00Z", "2107-11-01T09:00:00Z", "20017-11-01T09:00:00Z"]
    shop = Shop(tmp_path, kind)
    shop.write(text(kind, [{**GOOD, "at": at} for at in ("2017-11-01T09:00:00Z", *years)]))
    landed = shop.land()
    assert (len(landed.behaviors), landed.rules) == (1, {"unreadable": 4})
    shop.fields = {"first_year": 1970, "last_year": 1970}
    assert shop.land().rules == {"unreadable": 4, "too_late": 1}


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_typed_time_of_no_year_is_told_and_none_of_another_day(tmp_path: Path, unit: Any) -> None:
    shop = Shop(tmp_path, "parquet")
    good = int(MORNING.timestamp()) * {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    # Times a thousand, the second wraps around what microseconds hold, to a moment of 2017.
    wrapped = good + (2**64 // 1_000 if unit == "ms" else 0)
    odd = [2**63 - 1, -(2**63) + 1, 0, *([wrapped] if unit == "ms" else [])]
    at = pl.Series("at", [good, *odd, None], pl.Int64).cast(pl.Datetime(unit))
    frame = pl.DataFrame([GOOD] * len(at)).with_columns(at, session=pl.Series(range(len(at))))
    frame.write_parquet(shop.write(b""))
    landed = shop.land()
    assert [row["at"] for row in landed.behaviors] == [MORNING]
    assert landed.rules == {"unreadable": len(odd), "missing_time": 1}


def test_no_row_of_a_pile_vanishes_because_its_day_is_odd(tmp_path: Path) -> None:
    shop = Shop(tmp_path, files="log/*.csv")
    at = ["2017-11-01T09:00:00Z", "2017-11-01T10:00:00Z", "2071-11-01T09:00:00Z", "0217-11-01T09:00:00Z", "", "x"]
    shop.write(text("csv", [{**GOOD, "at": each} for each in at]), "pile.csv")
    landed = shop.land()
    assert landed.rows_in == len(at)
    assert landed.rules == {"unreadable": 2, "missing_time": 1, "future_time": 1}
    # What may still come is counted with its own day.
    source, tomorrow = shop.source(), date(2017, 11, 2)
    assert sum(source.read(part).num_rows for part in source.parts(tomorrow, tomorrow)) == 0


@pytest.mark.parametrize(
    ("time_format", "written", "at"),
    [
        ("%d/%b/%Y:%H:%M:%S %z", "01/Nov/2017:14:30:00 +0530", MORNING),
        ("%Y-%m-%dT%H:%M:%S%:z", "2017-11-01T10:00:00+01:00", MORNING),
        ("%m/%d/%Y %I:%M %p", "11/01/2017 10:00 AM", MORNING),
        ("%Y%m%d", "20171102", datetime(2017, 11, 1, 23, tzinfo=UTC)),
        ("%Y-%m-%d %H:%M", "2017-03-26 02:30", None),
    ],
)
def test_a_declared_format_with_and_without_a_zone(
    tmp_path: Path, time_format: str, written: str, at: datetime | None
) -> None:
    shop = Shop(tmp_path, fields={"time_format": time_format, "time_zone": VIENNA})
    shop.write(text("csv", [{**GOOD, "at": written}]))
    assert [row["at"] for row in shop.raw()] == [at]


def test_a_description_of_times_is_of_one_mind(tmp_path: Path) -> None:
    for fields, sentence in (
        ({"time_format": "%Y", "time_unit": "seconds"}, "give either time_format or time_unit"),
        ({"time_unit": "fortnights"}, "behaviors.time_unit"),
        ({"first_year": 2018, "last_year": 2017}, "first_year 2018 is after last_year 2017"),
        ({"time_zone": "Europe"}, "'Europe' is no time zone"),
        ({"maximum_anonymous": 1.5}, "behaviors.maximum_anonymous"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            Shop(tmp_path, fields=fields).source()


@pytest.mark.parametrize(
    ("written", "decimal", "thousands", "value"),
    [
        ("1.5", ".", "", "1.5"),
        (" -3 ", ".", "", "-3"),
        ("+.5", ".", "", "0.5"),
        ("7.", ".", "", "7"),
        ("1e3", ".", "", "1000"),
        ("2.5E-2", ".", "", "0.025"),
        ("0,25", ",", "", "0.25"),
        ("1.234.567,8", ",", ".", "1234567.8"),
        ("1234567,8", ",", ".", "1234567.8"),
        ("12\u202f345,5", ",", " ", "12345.5"),
        ("9'999.95", ".", "'", "9999.95"),
        ("1,5", ".", "", None),
        ("1.5", ",", "", None),
        ("1.5", ",", ".", None),
        ("12.34,5", ",", ".", None),
        ("1,234", ".", "", None),
        ("1,23,456", ".", ",", None),
        ("1_000", ".", "", None),
        ("0x10", ".", "", None),
        ("5 kg", ".", "", None),
        ("٣", ".", "", None),
        (".", ".", "", None),
        ("e5", ".", "", None),
        ("inf", ".", "", None),
        ("1e99999", ".", "", None),
    ],
)
def test_a_number_is_read_with_the_shops_signs_or_not_at_all(
    written: str, decimal: str, thousands: str, value: str | None
) -> None:
    assert number(written, decimal, thousands) == (None if value is None else Decimal(value))


def test_a_quantity_is_whole_or_a_measure_and_never_rounded() -> None:
    assert split_quantity(Decimal("3.000")) == (3, None)
    assert split_quantity(Decimal("0.1")) == (None, Decimal("0.1"))
    assert split_quantity(Decimal("1e300")) == (2**53, None)
    assert split_quantity(Decimal("-1e300")) == (-(2**53), None)
    assert split_quantity(Decimal("1e-18")) == (None, Decimal("1e-18"))
    assert split_quantity(Decimal("0.50000000000000000000000")) == (None, Decimal("0.5"))
    assert split_quantity(Decimal("1e-19")) == (None, None)


QUANTITIES: list[tuple[Any, int | None, str | None]] = [
    (1.5, None, "1.5"),
    (0.1 + 0.2, None, "0.30000000000000004"),
    (3.0, 3, None),
    (4, 4, None),
    (1000, 1000, None),
    (999.999, None, "999.999"),
]


@pytest.mark.parametrize("kind", FORMATS)
def test_pieces_and_measures_of_every_format(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind)
    rows = [
        {**GOOD, "quantity": q if kind == "jsonl" else float(q), "session": str(n)}
        for n, (q, *_) in enumerate(QUANTITIES)
    ]
    shop.write(text(kind, rows))
    landed = sorted(shop.land().behaviors, key=lambda row: int(row["session_id"]))
    told = [(row["quantity"], row["measure"]) for row in landed]
    assert told == [(whole, None if part is None else Decimal(part)) for _, whole, part in QUANTITIES]


def test_a_measure_keeps_the_rules_of_a_quantity(tmp_path: Path) -> None:
    shop = Shop(tmp_path, fields={"decimal": ",", "thousands": "."}, files="log/{day}*")
    quantities = ["0,5", "0,50", "-0,5", "1.000,5", "0,0", "1,5 kg", "1e-30", "1.000"]
    rows = [{**GOOD, "quantity": q, "amount": "1.234,5"} for q in quantities]
    shop.fields["delimiter"] = ";"
    shop.write(text("csv", rows, delimiter=";"))
    landed = shop.land()
    assert [(row["quantity"], row["measure"], row["amount"]) for row in landed.behaviors] == [
        (None, Decimal("0.5"), 1234.5),
        (1000, None, 1234.5),
    ]
    assert landed.rules == {"duplicate": 1, "nonpositive_quantity": 2, "absurd_quantity": 1, "unreadable": 2}
    told = {row["rule"]: json.loads(row["row"]) for row in landed.rejected}
    assert told["duplicate"]["measure"] == "0.5"
    assert told["absurd_quantity"]["measure"] == "1000.5"


def test_numbers_of_a_type_have_no_signs_of_the_shop(tmp_path: Path) -> None:
    """A description says how text is written; what is a number already needs no reading."""
    for kind in ("jsonl", "parquet"):
        shop = Shop(tmp_path / kind, kind, {"decimal": ",", "thousands": "."})
        shop.write(text(kind, [{**GOOD, "quantity": 1.234, "amount": 5.5}]))
        (row,) = shop.land().behaviors
        assert (row["measure"], row["amount"]) == (Decimal("1.234"), 5.5)


def test_what_is_looked_at_needs_no_quantity(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    actions = ["view", "click", "favorite", "purchase", "cart", "redeem"]
    rows = [{**GOOD, "action": action, "quantity": q} for action in actions for q in ("0", "-2", "-0.5", "3")]
    shop.write(text("csv", rows))
    landed = shop.land()
    assert landed.rules == {"nonpositive_quantity": 9, "duplicate": 6}
    assert {(row["action"], row["quantity"]) for row in landed.behaviors} == {
        *((action, 1) for action in actions[:3]),
        *((action, 3) for action in actions),
    }


def test_true_is_no_quantity(tmp_path: Path) -> None:
    frame = pl.DataFrame([{**GOOD, "quantity": True}, {**GOOD, "quantity": False}])
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    shop = Shop(tmp_path, "parquet")
    shop.write(buffer.getvalue())
    assert [row["problem"] for row in shop.raw()] == [
        "the quantity true is no number",
        "the quantity false is no number",
    ]
    shop = Shop(tmp_path, "jsonl")
    shop.write(text("jsonl", [{**GOOD, "quantity": True, "amount": [1]}]), f"{DAY}.jsonl")
    (tmp_path / "log" / DAY).unlink()
    assert shop.land().rules == {"unreadable": 1}


@pytest.mark.parametrize("column", ["at", "quantity", "user", "session"])
@pytest.mark.parametrize("of_type", [pl.Duration("us"), pl.Time, pl.Boolean])
def test_a_column_of_a_type_that_cannot_be_is_told_row_by_row(tmp_path: Path, column: str, of_type: Any) -> None:
    shop = Shop(tmp_path, "parquet")
    wrong = pl.Series(column, [1, 1], pl.Int64).cast(of_type)
    pl.DataFrame([GOOD, GOOD]).with_columns(wrong).write_parquet(shop.write(b""))
    assert shop.land().rules == {"unreadable": 2}


def test_a_column_of_dates_begins_by_the_shops_clock(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "parquet", {"time_zone": "America/New_York"})
    days = pl.Series("at", [date(2017, 11, 1), date(2017, 11, 1), None]).to_physical()
    odd = days.set(pl.Series([False, True, False]), 2**31 - 1).cast(pl.Date)
    pl.DataFrame([GOOD] * 3).with_columns(odd).write_parquet(shop.write(b""))
    landed = shop.land()
    assert [row["at"] for row in landed.behaviors] == [moment(4)]
    assert landed.rules == {"unreadable": 1, "missing_time": 1}

"""Times read column by column are those that are read one by one."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.landing.sources.description import BehaviorColumns, Behaviors
from spark_jobs.landing.sources.times import read_time, read_times

ZONES = ("UTC", "Europe/Vienna", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
UNITS = (None, "seconds", "milliseconds", "microseconds", "nanoseconds")
# Hours that clocks show twice or skip, days that months lack, and times that only look like one.
ODD = (
    "2017-03-26 02:30:00", "2017-03-26 01:59:59.999999", "2017-10-29 02:30:00", "2017-10-29T03:00:00",
    "2017-11-05 01:15:00",
    "2017-10-01 02:10:00", "2017-10-15 00:30:00", "2018-04-01 01:45:00", "1969-12-31T23:59:59Z", "2017-02-29 10:00:00",
    "2016-02-29 10:00:00", "2017-01-01 10:00:60", "2017-01-01 24:00:00", "2017-01-01 10:00:00+00:00",
    "2017-01-01 10:00:00.1", "2017-01-01 10:00:00.123456Z", "2017-01-01 10:00:00.1234567", "2017-01-01 10:00:00.",
    "2017-01-01 10:00", "2017-01-01", "20170101", "0999-01-01 00:00:00", "٢٠١٧-01-01 00:00:00", " 2017-01-01 10:00:00",
    "1509526800", "001509526800", "150952680", "15095268000000", "1509526800123456789", "9223372036854775808",
    "-1509526800",
    "1509526800.5", "99999999999", "99999999999999", "1", "0", "", " ", "now", "1943-06-01 12:00:00",
    "1900-01-01 00:00:00",
)  # fmt: skip
TIME = st.one_of(
    st.sampled_from(ODD),
    st.datetimes().map(str),
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.from_regex(r"\A(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?\Z"),
    st.integers(0, 10**19).map(str),
)


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(st.none() | TIME, max_size=12),
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(UNITS),
)
def test_a_column_has_the_moments_of_its_texts(texts: list[str | None], zone: str, unit: Any) -> None:
    holds_for(texts, zone, unit)


def test_odd_times_by_every_clock() -> None:
    for zone in ZONES:
        for unit in UNITS:
            holds_for([None, *ODD], zone, unit)


def holds_for(texts: list[str | None], zone: str, unit: Any) -> None:
    behaviors = Behaviors(
        files="*", format="csv", columns=BehaviorColumns(user="u", at="t", item="i"), fixed_action="view",
        time_zone=zone, time_unit=unit, first_year=1, last_year=4000,
    )  # fmt: skip
    column = read_times(pl.Series("at", texts, pl.String), behaviors)
    one_by_one = [(None, None) if text is None else read_time(text, zone, unit) for text in texts]
    expected = [(at, unit) if at and at.year <= 4000 else (None, None) for at, unit in one_by_one]
    assert column.select("at", "time_unit").rows() == expected

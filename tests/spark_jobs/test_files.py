"""Any shop's files: formats, time zones, late rows, and what is wrong with them."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from runtime.errors import ConfigurationError, DataError, SourceMissing
from settings import SourceSettings
from spark_jobs.landing import earlier_days
from spark_jobs.landing.earlier_days import gaps_before
from spark_jobs.landing.sources import Source, open_source

DAY = date(2017, 11, 1)
ROWS: list[dict[str, Any]] = [
    {"time": "2017-11-01 09:30:00", "who": "ann", "what": "order", "sku": "1", "pieces": 2, "price": 9.5},
    {"time": "2017-11-01 10:00:00", "who": "ben", "what": "search", "words": "warm gloves"},
]
UTC_DAYS = 'days = "utc"'
FIELDS = ("time", "who", "what", "sku", "words", "pieces", "price")
TOML = """
name = "shop"
[behaviors]
files = "log/{{day}}.{format}"
format = "{format}"
time_zone = "{zone}"
actions = {{ order = "purchase" }}
{more}
[behaviors.columns]
at = "time"
user = "who"
action = "what"
item = "sku"
query = "words"
quantity = "pieces"
amount = "price"
[items]
files = "items.csv"
format = "csv"
columns = {{ item = "sku", text = "title", path = ["type"] }}
"""


class Shop:
    """A folder that plays the shop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "log").mkdir()
        (folder / "items.csv").write_text("sku,title,type\n1,lined gloves,gloves\n")

    def log(self, day: str, text: str | bytes, kind: str = "csv") -> Path:
        path = self.folder / "log" / f"{day}.{kind}"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def source(
        self, kind: str = "csv", zone: str = "UTC", more: str = "", late_days: int = 2, last_day: date | None = None
    ) -> Source:
        path = self.folder / "source.toml"
        path.write_text(TOML.format(format=kind, zone=zone, more=more))
        return open_source(SourceSettings(name=str(path), late_days=late_days, last_day=last_day))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def csv(rows: list[dict[str, Any]], fields: tuple[str, ...] = FIELDS) -> str:
    lines = [",".join(fields), *(",".join(str(row.get(name, "")) for name in fields) for row in rows)]
    return "\n".join(lines) + "\n"


def read(source: Source, first: date = DAY, last: date = DAY) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.concat_tables(source.read(p) for p in source.parts(first, last)).to_pylist()
    return rows


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    typed = [{**row, "time": datetime.fromisoformat(row["time"])} for row in rows]
    pl.DataFrame(typed, infer_schema_length=None).write_parquet(buffer)
    return buffer.getvalue()


CONTENTS: dict[str, str | bytes] = {
    "csv": csv(ROWS),
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "parquet": parquet(ROWS),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_format_gives_the_same_rows(shop: Shop, kind: str) -> None:
    shop.log("2017-11-01", CONTENTS[kind], kind)
    order, search = read(shop.source(kind))
    assert (order["user"], order["action"], order["item"], order["quantity"], order["amount"]) == (
        "ann",
        "purchase",
        "1",
        2,
        9.5,
    )
    assert order["at"] == datetime(2017, 11, 1, 9, 30, tzinfo=UTC)
    assert (search["action"], search["query"], search["item"], search["problem"]) == (
        "search",
        "warm gloves",
        None,
        None,
    )


def test_times_without_a_zone_are_in_the_shops(shop: Shop) -> None:
    shop.log("2017-11-01", csv(ROWS))
    assert read(shop.source(zone="Europe/Vienna"))[0]["at"] == datetime(2017, 11, 1, 8, 30, tzinfo=UTC)
    late_evening = {**ROWS[0], "time": "2017-11-01 22:00:00"}
    shop.log("2017-11-01", csv([late_evening]))
    source = shop.source(zone="America/New_York", more=UTC_DAYS)
    assert read(source) == []
    assert read(source, date(2017, 11, 2), date(2017, 11, 2))[0]["at"] == datetime(2017, 11, 2, 2, tzinfo=UTC)


def test_late_rows_come_with_their_own_day_and_make_it_due(shop: Shop) -> None:
    shop.log("2017-11-01", csv(ROWS))
    source = shop.source()
    before = source.digest(DAY)
    shop.log("2017-11-02", csv([{**ROWS[0], "who": "late"}]))
    assert source.digest(DAY) != before
    assert [row["user"] for row in read(source)] == ["ann", "ben", "late"]
    assert read(source, date(2017, 11, 2), date(2017, 11, 2)) == []


def test_a_row_is_kept_under_its_own_day_or_its_deliverys_whatever_else_is_wrong_with_it(shop: Shop) -> None:
    broken = [
        {**ROWS[0], "time": "2017-10-31 00:30:00", "pieces": "many"},
        {**ROWS[0], "time": "2031-01-01 00:00:00", "who": ""},
        {**ROWS[0], "time": "2017-01-01 00:00:00", "pieces": "many"},
        {**ROWS[0], "time": ""},
    ]
    shop.log("2017-11-01", csv(broken))
    source = shop.source(zone="Europe/Vienna", more=UTC_DAYS)
    assert [row["day"] for row in read(source)] == ["2017-11-01"] * 3
    # By the clock of Vienna the night's first half hour is still the day before.
    before = date(2017, 10, 30)
    assert [(row["day"], row["problem"]) for row in read(source, before, before)] == [
        ("2017-10-30", "the quantity many is no number")
    ]


def test_in_a_pile_of_files_a_broken_row_stays_with_its_own_day(shop: Shop) -> None:
    rows = [{**ROWS[0], "time": f"2017-11-{day} 09:00:00"} for day in ("17", "17", "17", "01")]
    shop.log("pile", csv([*rows[:3], {**rows[3], "pieces": "many"}, {**rows[3], "time": ""}]))
    (shop.folder / "source.toml").write_text(TOML.format(format="csv", zone="UTC", more="").replace("{day}", "*"))
    source = open_source(SourceSettings(name=str(shop.folder / "source.toml")))
    assert [row["day"] for row in read(source)] == ["2017-11-01"]
    late = date(2017, 11, 17)
    assert [row["day"] for row in read(source, late, late)] == ["2017-11-17"] * 4


def test_what_cannot_be_converted_is_a_problem_of_the_row(shop: Shop) -> None:
    broken = [
        {**ROWS[0], "time": "yesterday"},
        {**ROWS[0], "pieces": "many"},
        {**ROWS[0], "price": "cheap"},
        {**ROWS[0], "pieces": "inf"},
        {**ROWS[0], "price": "nan"},
        {**ROWS[0], "time": ""},
    ]
    shop.log("2017-11-01", csv(broken) + "2017-11-01 09:00:00,ann\n")
    problems = [row["problem"] for row in read(shop.source())]
    assert problems == [
        "the time yesterday cannot be read",
        "the quantity many is no number",
        "the amount cheap is no number",
        "the quantity inf is no number",
        "the amount nan is no number",
        None,
        "line 8 of 2017-11-01.csv has 2 fields instead of 7",
    ]


def test_a_line_that_is_no_json_is_a_problem_of_that_line(shop: Shop) -> None:
    shop.log("2017-11-01", json.dumps(ROWS[0]) + "\n{broken\n[1]\n", "jsonl")
    assert [row["problem"] for row in read(shop.source("jsonl"))] == [
        None,
        "line 2 of 2017-11-01.jsonl is no JSON object",
        "line 3 of 2017-11-01.jsonl is no JSON object",
    ]


def test_a_missing_column_is_named(shop: Shop) -> None:
    shop.log("2017-11-01", csv(ROWS, ("time", "what", "sku", "words", "pieces", "price")))
    with pytest.raises(DataError, match=r"2017-11-01\.csv lacks the column who of behaviors; it has: time, what"):
        read(shop.source())


def test_a_new_column_is_reported_and_dropped_carried_or_refused_as_set(shop: Shop) -> None:
    moods = ("good", "")
    rows = [{**row, "mood": mood, "till": 3} for row, mood in zip(ROWS, moods, strict=True)]
    shop.log("2017-11-01", csv(rows, (*FIELDS, "mood", "till")) + "2017-11-01 09:00:00,ann\n")
    dropped = read(shop.source())
    assert [row["new_columns"] for row in dropped] == ['["mood", "till"]', '["mood", "till"]', None]
    assert [row["extra"] for row in dropped] == [None, None, None]
    carried = read(shop.source(more='new_columns = "carry"'))
    assert [json.loads(row["extra"] or "null") for row in carried] == [
        {"mood": "good", "till": "3"},
        {"mood": None, "till": "3"},
        None,
    ]
    known = read(shop.source(more='new_columns = "refuse"\nknown_columns = ["mood", "till"]'))
    assert [row["new_columns"] for row in known] == [None, None, None]
    with pytest.raises(DataError, match=r"new columns mood, till: name them in behaviors\.known_columns"):
        read(shop.source(more='new_columns = "refuse"'))


def test_a_new_column_of_a_nested_type_is_carried_as_json(shop: Shop) -> None:
    buffer = io.BytesIO()
    pl.DataFrame([{**ROWS[0], "words": "", "seen": [1, 2]}]).write_parquet(buffer)
    shop.log("2017-11-01", buffer.getvalue(), "parquet")
    (row,) = read(shop.source("parquet", more='new_columns = "carry"'))
    assert json.loads(row["extra"]) == {"seen": [1, 2]}


def test_a_truncated_parquet_file_is_named(shop: Shop) -> None:
    content = CONTENTS["parquet"]
    assert isinstance(content, bytes)
    shop.log("2017-11-01", content[: len(content) // 2], "parquet")
    with pytest.raises(DataError, match=r"2017-11-01.parquet cannot be read as parquet .* damaged"):
        read(shop.source("parquet"))


def test_a_retyped_column_is_named(shop: Shop) -> None:
    buffer = io.BytesIO()
    pl.DataFrame([{**ROWS[0], "words": "", "who": ["ann"]}]).write_parquet(buffer)
    shop.log("2017-11-01", buffer.getvalue(), "parquet")
    with pytest.raises(DataError, match=r"the column who is List\(String\), a plain value is needed"):
        read(shop.source("parquet"))


def test_a_file_that_changes_while_it_is_read_is_an_error(shop: Shop) -> None:
    path = shop.log("2017-11-01", csv(ROWS))
    source = shop.source()
    parts = source.parts(DAY, DAY)
    path.write_text(csv(ROWS[:1]))
    with pytest.raises(DataError, match="changed while it was read"):
        source.read(parts[0])


def test_a_day_without_a_file_has_not_arrived(shop: Shop) -> None:
    assert shop.source().lacking(DAY) == "no file is there for 2017-11-01"
    shop.log("2017-11-01", csv([]))
    assert shop.source(last_day=DAY).lacking(DAY) is None
    assert read(shop.source()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = [", "is no TOML"),
        ("name = 'x'", "behaviors: Field required; items: Field required"),
        (TOML.format(format="csv", zone="Mars/Base", more=""), "'Mars/Base' is no time zone"),
        (TOML.format(format="csv", zone="UTC", more="colour = 1"), "behaviors.colour: Extra inputs"),
        (TOML.format(format="csv", zone="UTC", more="").replace('"purchase"', '"buy"'), "unknown actions buy"),
    ],
)
def test_a_wrong_source_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "source.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        open_source(SourceSettings(name=str(path)))


def test_a_missing_source_says_so(tmp_path: Path, shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="There is no source file"):
        open_source(SourceSettings(name=str(tmp_path / "none.toml")))
    (shop.folder / "items.csv").unlink()
    with pytest.raises(SourceMissing, match=r"No items file matches items\.csv"):
        shop.source().items()


def test_earlier_days_that_were_never_landed_are_gaps_once_they_have_arrived(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    for day in ("2017-11-01", "2017-11-03", "2017-11-04"):
        shop.log(day, csv(ROWS))
    caplog.set_level("INFO", "intentflow")
    begins, before = date(2017, 10, 31), date(2017, 11, 4)
    assert gaps_before(shop.source(), begins, before, {"2017-11-01"}) == [date(2017, 11, 3)]
    assert "1 earlier days were never landed and are landed now, from 2017-11-03 on." in caplog.text
    assert "2 earlier days have not arrived and are missing from histories, 2017-10-31 first" in caplog.text
    assert gaps_before(shop.source(), before, before, set()) == []


def test_days_that_late_rows_may_be_of_are_looked_at_again(shop: Shop) -> None:
    landed = {f"2017-11-0{day}" for day in range(1, 6)}

    def looked_at(late_days: int) -> list[int]:
        settings = SourceSettings(first_day=date(2017, 11, 1), late_days=late_days)
        return [day.day for day in earlier_days.of(shop.source(), settings, date(2017, 11, 6), landed)]

    # East of UTC a delivery's first hour is the UTC day before, even when nothing is late.
    assert looked_at(0) == [5]
    assert looked_at(2) == [3, 4, 5]

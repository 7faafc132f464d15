"""When a day has arrived: what is declared, what holds without, which deliveries a day needs by the shop's clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from lake.store.location import Lake
from runtime.errors import ConfigurationError, DataError, SourceMissing
from spark_jobs.landing.sources import SourcePart
from spark_jobs.landing.sources.files import Files
from tasks.source import seconds_after
from tests.spark_jobs.delivering_shop import DeliveringShop, landed, purchase

DAY = date(2017, 11, 1)
ROWS = [purchase("2017-11-01T09:00:00")]
# Long after all days of these tests.
LATER = datetime(2017, 11, 20, tzinfo=UTC)


def waits_for(shop: DeliveringShop, day: date = DAY, now: datetime = LATER) -> str | None:
    return shop.deliveries().lacking(day, now)


# -- what is declared ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "marker", "name"),
    [
        ("log/{day}/*.csv", "log/{day}/_SUCCESS", "2017-11-01/_SUCCESS"),
        ("log/{day}*", "log/{day}.done", "2017-11-01.done"),
        ("log/{day}/", "log/markers/*{day}*.ok", "markers/export-2017-11-01-17.ok"),
    ],
)
def test_a_marker_says_that_a_delivery_is_whole(lake: Lake, tmp_path: Path, files: str, marker: str, name: str) -> None:
    shop = DeliveringShop(tmp_path, {"files": files, "arrival": {"marker": marker}})
    shop.deliver("2017-11-01/part.csv" if "/" in files.removeprefix("log/") else "2017-11-01.csv", ROWS)
    assert waits_for(shop) == f"the marker {marker.replace('{day}', '2017-11-01')} is not there"
    with pytest.raises(SourceMissing, match=r"2017-11-01 cannot be landed from the source 'shop': the marker"):
        shop.land(lake, "2017-11-01")
    shop.put(name)
    assert waits_for(shop) is None
    assert shop.land(lake, "2017-11-01")["rows"] == 1


def test_a_count_of_files(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/{day}/*", "arrival": {"files": 3}})
    assert waits_for(shop) == "no file is there for 2017-11-01"
    for hour in range(3):
        assert waits_for(shop) is not None
        shop.deliver(f"2017-11-01/{hour}.csv", ROWS)
        if hour == 1:
            shop.put("2017-11-01/3.csv.tmp")
            assert waits_for(shop) == "2 of 3 files are there for 2017-11-01"
    assert waits_for(shop) is None


def test_an_age(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/{day}/*", "arrival": {"quiet_minutes": 30}})
    shop.deliver("2017-11-01/0.csv", ROWS, datetime(2017, 11, 2, 0, 10, tzinfo=UTC))
    shop.deliver("2017-11-01/1.csv", ROWS, datetime(2017, 11, 2, 0, 20, tzinfo=UTC))
    wanted = "a file for 2017-11-01 has changed within 30 minutes"
    assert waits_for(shop, now=datetime(2017, 11, 2, 0, 49, tzinfo=UTC)) == wanted
    assert waits_for(shop, now=datetime(2017, 11, 2, 0, 50, tzinfo=UTC)) is None


def test_the_next_days_first_row(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"arrival": {"next_day": True}})
    shop.deliver("2017-11-01.csv", ROWS)
    shop.put("2017-11-02.csv")
    assert waits_for(shop) == "the day after 2017-11-01 has not begun"
    shop.deliver("2017-11-02.csv", [])
    assert waits_for(shop) is None
    shop.last_day = "2017-11-02"
    assert waits_for(shop, date(2017, 11, 2)) is None


@pytest.mark.parametrize("piece_bytes", [50, 2**24])
def test_the_next_days_first_row_in_a_pile_of_files(tmp_path: Path, piece_bytes: int) -> None:
    said = {"files": "log/*.csv", "arrival": {"next_day": True}}
    shop = DeliveringShop(tmp_path, said, piece_bytes=piece_bytes)
    shop.deliver("a.csv", ROWS)
    # A time of the future, or none, is no next day.
    shop.deliver("b.csv", [*ROWS, purchase("2099-01-01T09:00:00"), purchase("")])
    assert waits_for(shop) == "the day after 2017-11-01 has not begun"
    shop.deliver("a.csv", [*ROWS, purchase("2017-11-02T00:00:00")])
    assert waits_for(shop) is None
    assert waits_for(shop, date(2017, 11, 2)) == "the day after 2017-11-02 has not begun"


@pytest.mark.parametrize("piece_bytes", [50, 2**24])
def test_a_pile_of_files_is_looked_at_while_one_is_written(tmp_path: Path, piece_bytes: int) -> None:
    said = {"files": "log/*.csv", "arrival": {"next_day": True}}
    shop = DeliveringShop(tmp_path, said, piece_bytes=piece_bytes)
    shop.deliver("a.csv", ROWS)
    shop.deliver("b.csv", ROWS)
    pieces = Files.pieces

    def written_meanwhile(source: Files, part: SourcePart) -> Iterator[pa.Table]:
        shop.deliver("b.csv", [purchase("2017-11-01T10:00:00", user="written anew")] * 3)
        return pieces(source, part)

    with mock.patch.object(Files, "pieces", written_meanwhile):
        assert waits_for(shop) == "the day after 2017-11-01 has not begun"
    # What does not change and cannot be read is an error.
    shop.put("b.csv", "user,item\nann,1\n" * 10)
    with pytest.raises(DataError, match=r"b\.csv lacks the column"):
        waits_for(shop)


def test_all_that_is_declared_must_hold(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/{day}/*", "arrival": {"marker": "log/{day}/_OK", "files": 1}})
    shop.put("2017-11-01/_OK")
    assert waits_for(shop) == "no file is there for 2017-11-01"
    shop.deliver("2017-11-01/0.csv", ROWS)
    assert waits_for(shop) is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"arrival": {"marker": "log/_SUCCESS"}}, "arrival.marker needs {day}"),
        ({"files": "log/*", "arrival": {"files": 2}}, "arrival.files counts the files of a day"),
        ({"arrival": {"files": 0}}, "arrival.files: Input should be greater than or equal to 1"),
        ({"arrival": {"maker": "x"}}, "arrival.maker: Extra inputs"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, said: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DeliveringShop(tmp_path, said).source()


# -- where nothing is declared -------------------------------------------------------------------------------------


def test_without_a_declaration_a_delivery_is_quiet_or_followed_by_the_next(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path)
    assert waits_for(shop) == "no file is there for 2017-11-01"
    shop.deliver("2017-11-01.csv", ROWS, datetime(2017, 11, 2, 0, 1, tzinfo=UTC))
    busy, quiet = datetime(2017, 11, 2, 0, 10, tzinfo=UTC), datetime(2017, 11, 2, 0, 11, tzinfo=UTC)
    assert waits_for(shop, now=busy) == "a file for 2017-11-01 has changed within 10 minutes"
    assert waits_for(shop, now=quiet) is None
    shop.deliver("2017-11-02.csv", ROWS, busy)
    assert waits_for(shop, now=busy) is None


def test_a_day_that_is_not_over_has_not_arrived(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"time_zone": "Pacific/Pitcairn", "days": "shop"})
    shop.deliver("2017-11-01.csv", ROWS, datetime(2017, 11, 1, tzinfo=UTC))
    assert waits_for(shop, now=datetime(2017, 11, 2, 7, 59, tzinfo=UTC)) == "it is not over before 2017-11-02 08:00 UTC"
    assert waits_for(shop, now=datetime(2017, 11, 2, 8, tzinfo=UTC)) is None


def test_a_pile_of_files_is_whole_when_it_is_quiet_or_has_ended(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/*.csv"})
    assert waits_for(shop) == "no file is there"
    shop.deliver("pile.csv", ROWS)
    assert waits_for(shop) == "a file for 2017-11-01 has changed within 10 minutes"
    shop.deliver("pile.csv", ROWS, datetime(2017, 11, 3, tzinfo=UTC))
    assert waits_for(shop) is None
    shop.deliver("pile.csv", ROWS)
    shop.last_day = "2017-11-01"
    assert waits_for(shop) is None


def test_days_without_a_delivery_are_not_landed_as_empty_ones(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = DeliveringShop(tmp_path)
    shop.deliver("2017-11-01.csv", ROWS)
    shop.deliver("2017-11-03.csv", [purchase("2017-11-03T09:00:00")])
    assert shop.land(lake, "2017-11-01", "2017-11-04")["days"] == 2
    assert "2 days are not landed: of 2017-11-02, the first of them, no file is there for 2017-11-02." in caplog.text
    with pytest.raises(SourceMissing, match="2017-11-02 cannot be landed from the source 'shop': no file is there"):
        shop.land(lake, "2017-11-02")


# -- what is to be done again --------------------------------------------------------------------------------------


def test_a_file_that_is_added_and_a_marker_that_arrives_make_days_due(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/{day}/*", "arrival": {"marker": "log/{day}/_SUCCESS"}})
    shop.deliver("2017-11-01/0.csv", ROWS)
    shop.put("2017-11-01/_SUCCESS")
    assert shop.land(lake, "2017-11-01")["days"] == 1
    assert shop.land(lake, "2017-11-01")["days"] == 0
    shop.deliver("2017-11-01/1.csv", [purchase("2017-11-01T10:00:00")])
    assert shop.land(lake, "2017-11-01")["rows"] == 2
    # A delivery that is half there brings no late rows yet.
    shop.deliver("2017-11-02/0.csv", [purchase("2017-11-01T11:00:00"), purchase("2017-11-02T11:00:00")])
    assert shop.land(lake, "2017-11-01")["days"] == 0
    shop.put("2017-11-02/_SUCCESS")
    assert shop.land(lake, "2017-11-02", with_earlier_days=True)["days"] == 2
    assert Counter(row["day"] for row in landed(lake)) == {"2017-11-01": 3, "2017-11-02": 1}


# -- by the shop's clock -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "days", "needed", "hours_after"),
    [
        ("Asia/Tokyo", "utc", (1, 2), 15),
        ("Asia/Tokyo", "shop", (1,), 0),
        ("Pacific/Pitcairn", "utc", (0, 1), 8),
        ("Pacific/Pitcairn", "shop", (1,), 8),
        ("UTC", "utc", (1,), 0),
        ("UTC", "shop", (1,), 0),
        ("Asia/Kolkata", "utc", (1, 2), 18.5),
        ("Pacific/Kiritimati", "utc", (1, 2), 10),
    ],
)
def test_which_deliveries_a_day_needs(
    tmp_path: Path, zone: str, days: str, needed: tuple[int, ...], hours_after: float
) -> None:
    deliveries = DeliveringShop(tmp_path, {"time_zone": zone, "days": days}).deliveries()
    assert deliveries.needed(DAY) == [date(2017, 10, 31) + timedelta(days=one) for one in needed]
    # A run waits as long after its due time, and its deadline counts from there.
    assert seconds_after("2017-11-01", deliveries.complete_from(DAY)) == hours_after * 3600


def test_where_days_have_files_they_are_the_shops(tmp_path: Path) -> None:
    tokyo = {"time_zone": "Asia/Tokyo"}
    assert DeliveringShop(tmp_path, tokyo).source().zone_of_days == "Asia/Tokyo"
    assert DeliveringShop(tmp_path, {**tokyo, "days": "utc"}).source().zone_of_days == "UTC"
    assert DeliveringShop(tmp_path, {**tokyo, "files": "log/*"}).source().zone_of_days == "UTC"
    assert DeliveringShop(tmp_path, {**tokyo, "files": "log/*", "days": "shop"}).source().zone_of_days == "Asia/Tokyo"


def test_nothing_is_needed_from_before_or_after_the_log(tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"time_zone": "Asia/Tokyo", "days": "utc"}, last_day="2017-11-01")
    assert shop.deliveries().needed(DAY) == [DAY]
    shop = DeliveringShop(tmp_path, {"time_zone": "Pacific/Pitcairn", "days": "utc"}, first_day="2017-11-01")
    assert shop.deliveries().needed(DAY) == [DAY]


def test_a_lake_keeps_its_clock(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"time_zone": "Asia/Tokyo", "days": "utc"})
    for day in ("2017-11-01", "2017-11-02", "2017-11-03"):
        shop.deliver(f"{day}.csv", [purchase(f"{day}T03:00:00")])
    shop.land(lake, "2017-11-01", "2017-11-02")
    shop.behaviors["days"] = "shop"
    for asked in ("2017-11-02", "2017-11-03"):
        with pytest.raises(
            ConfigurationError, match=r"begin by the clock of UTC, those of the log by that of Asia/Tok"
        ):
            shop.land(lake, asked)
    assert shop.land(lake, "2017-11-01", "2017-11-03")["days"] == 3
    assert {row["at"].day - int(row["day"][-2:]) for row in landed(lake)} == {-1, 30}
    assert shop.land(lake, "2017-11-03", force=True)["days"] == 1


HOUR = timedelta(hours=1)
FIRST, DAYS = date(2017, 11, 1), 3
MARKED = {"arrival": {"marker": "log/{day}/_SUCCESS"}}
# Deliveries are written half an hour after midnight by the shop's clock.
WRITING = timedelta(minutes=30)


class Schedule:
    """Hour by hour: what is due is delivered, and the run of each midnight UTC looks whether its day has arrived."""

    def __init__(self, lake: Lake, shop: DeliveringShop, zone: str) -> None:
        self.lake, self.shop, self.zone = lake, shop, ZoneInfo(zone)
        self.landed_at: dict[date, datetime] = {}
        self.manifests: dict[date, dict[str, Any]] = {}
        self.days = [FIRST + timedelta(days=number) for number in range(DAYS)]

    def run(self, hours: int) -> None:
        clock = datetime.combine(FIRST, datetime.min.time(), UTC)
        for _ in range(hours):
            for day in self.days:
                written = datetime.combine(day + timedelta(days=1), datetime.min.time(), self.zone) + WRITING
                if clock - HOUR < written <= clock:
                    self.deliver(day, written)
            self.look(clock)
            clock += HOUR

    def deliver(self, day: date, written: datetime) -> None:
        begin = datetime.combine(day, datetime.min.time())
        rows = [purchase((begin + hour * HOUR).isoformat(), f"user {hour}") for hour in range(24)]
        self.shop.deliver(f"{day}/part-0.csv", rows, written)
        self.shop.put(f"{day}/_SUCCESS", at=written)

    def look(self, clock: datetime) -> None:
        for day in self.days:
            due = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            if due <= clock and day not in self.landed_at and self.shop.deliveries().lacking(day, clock) is None:
                self.manifests[day] = self.shop.land(self.lake, day.isoformat(), with_earlier_days=True)
                self.landed_at[day] = clock

    def waited(self) -> set[float]:
        """Hours from the midnight UTC that a run is due at until it landed its day."""
        return {seconds_after(day.isoformat(), at) / 3600 for day, at in self.landed_at.items()}


@pytest.mark.parametrize(
    ("zone", "days", "waited", "declared"),
    [
        ("Asia/Tokyo", "shop", 0, {}),
        ("Asia/Tokyo", "utc", 16, MARKED),
        ("Pacific/Pitcairn", "shop", 9, MARKED),
        ("Pacific/Pitcairn", "utc", 9, {}),
    ],
)
def test_a_schedule_east_and_west_of_utc(
    lake: Lake, tmp_path: Path, zone: str, days: str, waited: int, declared: dict[str, Any]
) -> None:
    said = {"files": "log/{day}/*", "time_zone": zone, "days": days, **declared}
    shop = DeliveringShop(tmp_path, said, first_day=FIRST.isoformat(), last_day="2017-11-03", late_days=0)
    schedule = Schedule(lake, shop, zone)
    schedule.run(24 * (DAYS + 2))
    # The log's last day waits for nothing after it.
    assert schedule.waited() == {float(waited)} | ({0.0} if (zone, days) == ("Asia/Tokyo", "utc") else set())
    zone_of_days = ZoneInfo(zone) if days == "shop" else UTC
    rows = landed(lake)
    assert len(rows) == len({(row["user_id"], row["at"]) for row in rows})
    assert all(row["at"].astimezone(zone_of_days).date().isoformat() == row["day"] for row in rows)
    counted = Counter(row["day"] for row in rows)
    # Each day came whole, and no later one changed it. The log's own edges have the hours that it has.
    whole = schedule.days if days == "shop" else schedule.days[1:-1]
    assert {day: counted[day.isoformat()] for day in whole} == dict.fromkeys(whole, 24)
    assert {schedule.manifests[day]["days"] for day in schedule.days} == {1}
    assert {schedule.manifests[day]["rows"] for day in whole} == {24}
    # Any order gives the same.
    again = Lake.open(tmp_path / "again")
    for day in reversed(schedule.days):
        shop.land(again, day.isoformat())
    assert landed(again) == rows

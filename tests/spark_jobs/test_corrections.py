"""A delivery that replaces a day's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lake.store.location import Lake
from runtime.errors import ConfigurationError
from spark_jobs.landing.pseudonyms import load_key, pseudonym
from tests.spark_jobs.delivering_shop import DeliveringShop, landed, purchase

DAY, LATER = "2017-11-01", "2017-11-20"


def users(lake: Lake, day: str = DAY) -> list[str]:
    key = load_key(Path(lake.root).parent / "key")
    names = ("first", "wrong", "right", "forgotten", *(f"version {number}" for number in range(20)))
    named = {pseudonym(key, name): name for name in names}
    return sorted(named[row["session_id"]] for row in landed(lake, day))


def shop_with(folder: Path, corrections: str) -> DeliveringShop:
    columns = {"at": "at", "user": "user", "action": "action", "item": "item", "session": "user"}
    shop = DeliveringShop(folder, {"corrections": corrections}, columns=columns)
    for day in (DAY, "2017-11-02", LATER):
        shop.deliver(f"{day}.csv", [purchase(f"{day}T09:00:00", "first"), purchase(f"{day}T10:00:00", "wrong")])
    return shop


def test_a_correction_replaces_a_day_and_the_next_refresh_lands_it(lake: Lake, tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "log/corrected/{day}*.csv")
    shop.land(lake, DAY, "2017-11-02")
    assert users(lake) == ["first", "wrong"]
    shop.deliver(f"corrected/{DAY}-a.csv", [purchase(f"{DAY}T09:00:00", "right")])
    shop.deliver(f"corrected/{DAY}-b.csv", [purchase(f"{DAY}T11:00:00", "forgotten")])
    manifest = shop.land(lake, LATER, with_earlier_days=True)
    assert manifest["deliveries"][DAY] == {DAY: {"in": 2, "rows": 2}}
    assert users(lake) == ["forgotten", "right"]
    assert users(lake, "2017-11-02") == ["first", "wrong"]
    assert shop.land(lake, LATER, with_earlier_days=True)["days"] == 0
    # Landed for the first time with the correction, the day is the same.
    again = Lake.open(tmp_path / "again")
    shop.land(again, LATER)
    shop.land(again, DAY)
    assert landed(again, DAY) == landed(lake, DAY)


def test_the_highest_version_counts(lake: Lake, tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "log/corrected/{day}.v{version}.csv")
    for version in (2, 10, 9):
        shop.deliver(f"corrected/{DAY}.v{version}.csv", [purchase(f"{DAY}T09:00:00", f"version {version}")])
    shop.land(lake, DAY)
    assert users(lake) == ["version 10"]
    shop.deliver(f"corrected/{DAY}.v11.csv", [])
    assert shop.land(lake, DAY)["days"] == 1
    assert users(lake) == []


def test_which_days_were_corrected(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "log/corrected/{day}.csv")
    assert shop.deliveries().corrected() == []
    shop.deliver(f"corrected/{LATER}.csv", [])
    shop.put("corrected/2017-11-19.csv.tmp")
    # Late rows of two days before, and hours of the days beside it by another clock.
    assert shop.deliveries().corrected() == [date(2017, 11, day) for day in range(17, 22)]


@pytest.mark.parametrize(("files", "corrections"), [("log/*.csv", "c/{day}.csv"), ("log/{day}.csv", "c/*.csv")])
def test_only_days_can_be_corrected(tmp_path: Path, files: str, corrections: str) -> None:
    with pytest.raises(ConfigurationError, match=r"files and corrections need \{day\}"):
        DeliveringShop(tmp_path, {"files": files, "corrections": corrections}).source()

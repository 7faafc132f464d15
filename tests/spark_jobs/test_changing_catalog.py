"""The catalog changes while days stay: items leave it, rows of it break, and some were never in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.delta import tables
from lake.store.location import Lake
from schemas import entities, items
from tests.spark_jobs.delivering_shop import CATALOG, DeliveringShop, landed, purchase, rejected

DAY, NEXT = "2017-11-01", "2017-11-02"


def shop_of(folder: Path, catalog: str = CATALOG, **said: str) -> DeliveringShop:
    shop = DeliveringShop(folder, items=dict(said), catalog=catalog)
    for day in (DAY, NEXT):
        shop.deliver(f"{day}.csv", [purchase(f"{day}T{hour:02}:00:00", item=item) for hour, item in enumerate("1239")])
    return shop


def known(lake: Lake) -> dict[str, tuple[str, str]]:
    return {row["item_id"]: (row["text"], row["category"]) for row in tables.read(lake, items.TABLE).to_pylist()}


# -- items that left -----------------------------------------------------------------------------------------------


def test_a_landed_day_loses_no_row_because_of_todays_catalog(lake: Lake, tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    shop.land(lake, DAY)
    before = landed(lake)
    assert [row["item_id"] for row in before] == ["1", "2"]
    shop.catalog = "sku,title,type\n1,lined gloves,gloves\n3,rain coat,coats\n"
    manifest = shop.land(lake, DAY)
    assert manifest["catalog"] == {"rows": 2, "repeated": 0, "contradictory": 0, "left": 1}
    assert landed(lake)[:2] == before
    assert known(lake) == {"1": ("lined gloves", "gloves"), "2": ("wool hat", "hats"), "3": ("rain coat", "coats")}
    # What left counts in days that are landed for the first time, too, and comes back as the catalog then says.
    assert shop.land(lake, NEXT)["rows"] == 3
    shop.catalog = "sku,title,type\n1,lined gloves,gloves\n2,felt hat,felt\n"
    assert shop.land(lake, NEXT)["catalog"]["left"] == 1
    assert known(lake)["2"] == ("felt hat", "felt")
    assert {row["entity_id"] for row in landed(lake)} <= set(tables.read(lake, entities.TABLE)["entity_id"].to_pylist())


def test_items_that_leave_season_by_season_are_no_new_names(lake: Lake, tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    shop.land(lake, DAY)
    for season in range(3):
        shop.catalog = f"sku,title,type\nw{season},thing {season},kind {season}\n"
        assert shop.land(lake, DAY)["catalog"]["left"] == 2 + season
    assert len(known(lake)) == 5


# -- broken rows ---------------------------------------------------------------------------------------------------


def test_broken_rows_are_counted_and_named(lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = "4\n,nameless,hats\n5,,hats\n6,no place,\n7,  ,hats\n1,lined gloves,gloves\n1.5E+09,x,hats\n"
    manifest = shop_of(tmp_path, CATALOG + broken).land(lake, DAY)
    assert manifest["catalog"] == {
        "rows": 9,
        "unreadable": 2,
        "missing_item": 1,
        "missing_text": 2,
        "missing_category": 1,
        "repeated": 1,
        "contradictory": 0,
        "left": 0,
    }
    assert "2 rows of the catalog are unreadable: line 4 of items.csv has 1 fields instead of 3, the " in caplog.text
    assert "2 rows of the catalog are missing_text: 5, 7." in caplog.text
    assert "1 rows of the catalog are missing_category: 6." in caplog.text
    assert set(known(lake)) == {"1", "2"}


def test_a_broken_row_hides_no_good_one_of_the_same_item(lake: Lake, tmp_path: Path) -> None:
    shop_of(tmp_path, "sku,title,type\n1,,gloves\n1,lined gloves,gloves\n2,wool hat,hats\n").land(lake, DAY)
    assert known(lake)["1"] == ("lined gloves", "gloves")


def test_rows_that_contradict_each_other_are_for_the_audit(lake: Lake, tmp_path: Path) -> None:
    manifest = shop_of(tmp_path, CATALOG + "1,other gloves,gloves\n").land(lake, DAY)
    assert (manifest["catalog"]["contradictory"], manifest["catalog"]["repeated"]) == (1, 0)


# -- items that never were in it -----------------------------------------------------------------------------------


def test_unlisted_items_are_rejected_where_nothing_is_said(lake: Lake, tmp_path: Path) -> None:
    manifest = shop_of(tmp_path).land(lake, DAY)
    assert (rejected(lake), manifest["unlisted_items"]) == ({"unknown_item": 2}, 0)


def test_unlisted_items_are_carried_in_the_stated_category(lake: Lake, tmp_path: Path) -> None:
    shop = shop_of(tmp_path, unlisted_category="Other Goods")
    shop.deliver(f"{DAY}.csv", [purchase(f"{DAY}T09:00:00", item=item) for item in ("1", "3", "9", "")])
    manifest = shop.land(lake, DAY)
    assert (rejected(lake), manifest["unlisted_items"]) == ({"empty": 1}, 2)
    assert {"3", "9"} <= set(known(lake))
    assert known(lake)["3"] == known(lake)["9"] == ("other goods", "other goods")
    of_entities = {row["entity_id"]: row["category"] for row in tables.read(lake, entities.TABLE).to_pylist()}
    assert [of_entities[row["entity_id"]] for row in landed(lake)] == ["gloves", "other goods", "other goods"]
    # Nothing is due, and another day adds its own.
    assert shop.land(lake, DAY)["batches"] == []
    shop.deliver(f"{NEXT}.csv", [purchase(f"{NEXT}T09:00:00", item=item) for item in ("3", "12")])
    assert shop.land(lake, NEXT)["unlisted_items"] == 1
    assert known(lake)["12"] == ("other goods", "other goods")
    # Once the catalog lists one, it is what the catalog says.
    shop.catalog = CATALOG + "3,rain coat,coats\n"
    shop.land(lake, DAY)
    assert known(lake)["3"] == ("rain coat", "coats")
    assert known(lake)["9"] == ("other goods", "other goods")

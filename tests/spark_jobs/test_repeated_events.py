"""Deliveries that bring events again: within one, across several, and exports that overlap."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest

from lake.auditing import expectations
from lake.delta.staging import Batch
from lake.store.location import Lake
from spark_jobs.landing.sources.files import Files
from tests.spark_jobs.delivering_shop import COLUMNS, DeliveringShop, landed, purchase, rejected

DAY, NEXT, THIRD = "2017-11-01", "2017-11-02", "2017-11-03"
WITH_EVENT = {name: name for name in COLUMNS}


def morning(day: str, hour: int, event: str, **more: Any) -> dict[str, Any]:
    return purchase(f"{day}T{hour:02}:00:00", event=event, **more)


def balanced(manifest: Mapping[str, Any]) -> bool:
    """In = out + rejected + anonymous + dropped duplicates: of all, and of each delivery and day."""
    whole = manifest["rows"] + manifest["rows_rejected"] + manifest["rows_anonymous"] + manifest["rows_duplicate"]
    counted = [of_day for of_days in manifest["deliveries"].values() for of_day in of_days.values()]
    return bool(
        manifest["rows_in"] == whole == sum(of_day["in"] for of_day in counted)
        and all(of_day["in"] == sum(n for name, n in of_day.items() if name != "in") for of_day in counted)
    )


def test_an_event_that_comes_again_lands_once_and_is_not_held_against_the_day(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    events = [morning(DAY, hour, f"e{hour}") for hour in range(5)]
    shop.deliver(f"{DAY}.csv", [*events, *events, *events])
    manifest = shop.land(lake, DAY)
    assert balanced(manifest)
    assert (manifest["rows_in"], manifest["rows"], manifest["rows_duplicate"]) == (15, 5, 10)
    assert rejected(lake) == {}
    batches = [Batch.load(lake, path) for path in manifest["batches"]]
    (found,) = (one for one in expectations.collect(lake, batches) if one.table.name == "behaviors")
    assert (found.partitions[0].metrics["rejected_share"], found.partitions[0].metrics["unaccounted_rows"]) == (0, 0)


def test_without_an_id_a_copy_is_rejected_as_before(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path)
    shop.deliver(f"{DAY}.csv", [morning(DAY, 9, ""), morning(DAY, 9, ""), morning(DAY, 10, "")])
    shop.deliver(f"{NEXT}.csv", [morning(DAY, 9, ""), morning(NEXT, 10, "")])
    manifest = shop.land(lake, DAY)
    assert balanced(manifest)
    assert rejected(lake) == {"duplicate": 2}
    # A copy counts under the delivery that repeats it.
    assert manifest["deliveries"] == {
        DAY: {DAY: {"in": 3, "rows": 2, "rejected": 1}},
        NEXT: {DAY: {"in": 1, "rejected": 1}},
    }


def test_overlapping_exports_land_the_same_rows_once(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    days = ["2017-10-31", DAY, NEXT, THIRD, "2017-11-04"]
    exports = {
        day: [morning(one, hour, f"{one} {hour}") for one in days[max(0, number - 2) : number + 1] for hour in range(3)]
        for number, day in enumerate(days)
    }
    for number, (day, rows) in enumerate(exports.items()):
        shop.deliver(f"{day}.csv", rows)
        # Each export comes before its day's run, which also lands the days before that it has rows of.
        manifest = shop.land(lake, day, with_earlier_days=True)
        assert balanced(manifest)
        assert manifest["rows_rejected"] == 0
        assert len(landed(lake)) == 3 * (number + 1)
    rows = landed(lake)
    counted = manifest["deliveries"]
    assert counted[THIRD][NEXT] == {"in": 3, "duplicate": 3}
    assert counted[NEXT][NEXT] == {"in": 3, "rows": 3}
    # In another order, and all at once, the same.
    for name, order in (("reversed", reversed(days)), ("once", [f"{days[0]}:{days[-1]}"])):
        other = Lake.open(tmp_path / name)
        for asked in order:
            shop.land(other, *asked.split(":"))
        assert landed(other) == rows


def test_equal_rows_of_two_events_are_two_behaviors(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    shop.deliver(f"{DAY}.csv", [morning(DAY, 9, "a"), morning(DAY, 9, "b")])
    assert shop.land(lake, DAY)["rows"] == 2


def test_what_is_no_id_tells_nothing_apart(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    tokens = 2 * ("", "null", "undefined", "NaN", " ")
    nameless = [morning(DAY, hour, token) for hour, token in enumerate(tokens)]
    shop.deliver(f"{DAY}.csv", [*nameless, nameless[0]])
    manifest = shop.land(lake, DAY)
    assert (manifest["rows"], manifest["rows_duplicate"], rejected(lake)) == (10, 0, {"duplicate": 1})


def test_of_a_repeated_event_a_usable_row_stays(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    broken, good = morning(DAY, 9, "a", item="unheard of"), morning(DAY, 9, "a")
    nobody = morning(DAY, 9, "b", user="null")
    shop.deliver(f"{DAY}.csv", [broken, broken, nobody, nobody])
    shop.deliver(f"{NEXT}.csv", [good, good, broken, nobody])
    manifest = shop.land(lake, DAY)
    assert balanced(manifest)
    assert manifest["deliveries"] == {
        DAY: {DAY: {"in": 4, "rejected": 1, "anonymous": 1, "duplicate": 2}},
        NEXT: {DAY: {"in": 4, "rows": 1, "duplicate": 3}},
    }


def test_of_two_versions_of_an_event_the_first_delivered_stays(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    shop.deliver(f"{DAY}.csv", [morning(DAY, 9, "a", quantity=3)])
    shop.deliver(f"{NEXT}.csv", [morning(DAY, 8, "a", quantity=1)])
    assert shop.land(lake, DAY)["rows_duplicate"] == 1
    assert [row["quantity"] for row in landed(lake)] == [3]


def test_an_id_that_several_users_have_is_an_event_of_each(lake: Lake, tmp_path: Path) -> None:
    # Of six users some share a file and some do not.
    shop = DeliveringShop(tmp_path, columns=WITH_EVENT)
    rows = [morning(DAY, 9, "a", user=f"user {number}") for number in range(6)]
    shop.deliver(f"{DAY}.csv", [*rows, *rows])
    manifest = shop.land(lake, DAY)
    assert balanced(manifest)
    assert (manifest["rows"], manifest["rows_duplicate"], len(landed(lake))) == (6, 6, 6)


def test_several_columns_tell_an_event(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, columns={**WITH_EVENT, "event": ["user", "event"]})
    rows = [morning(DAY, 9, "1", user="ann"), morning(DAY, 9, "2", user="ann"), morning(DAY, 9, "1", user="ben")]
    shop.deliver(f"{DAY}.csv", [*rows, rows[0]])
    assert (shop.land(lake, DAY)["rows"], len(landed(lake))) == (3, 3)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_id_has_one_form_in_every_format(lake: Lake, tmp_path: Path, form: str) -> None:
    ids: dict[str, list[Any]] = {"csv": ["7", "7.0", " 7"], "jsonl": [7, 7.0, "7"], "parquet": [7.0, 7.0, 7.0]}
    rows = [morning(DAY, 9, event) for event in ids[form]]
    shop = DeliveringShop(tmp_path, {"files": f"log/{{day}}.{form}", "format": form}, columns=WITH_EVENT)
    shop.deliver(f"{DAY}.csv", rows)
    shop.put(f"{DAY}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    if form == "parquet":
        pl.DataFrame(rows).write_parquet(tmp_path / "log" / f"{DAY}.parquet")
    manifest = shop.land(lake, DAY)
    assert (manifest["rows"], manifest["rows_duplicate"]) == (1, 2)


def test_elements_of_a_repeated_event_land_once_each(lake: Lake, tmp_path: Path) -> None:
    columns = {"event": "id", "at": "at", "user": "user", "item": "things[].sku", "quantity": "things[].n"}
    said = {"files": "log/{day}.jsonl", "format": "jsonl", "fixed_action": "purchase"}
    shop = DeliveringShop(tmp_path, said, columns=columns)
    things = [{"sku": "1", "n": 1}, {"sku": "2", "n": 1}]
    event = {"id": "e", "at": f"{DAY}T09:00:00", "user": "ann", "things": things}
    shop.put(f"{DAY}.jsonl", 3 * (json.dumps(event) + "\n"))
    manifest = shop.land(lake, DAY)
    assert balanced(manifest)
    assert (manifest["rows_in"], manifest["rows"], manifest["rows_duplicate"]) == (6, 2, 4)


def test_in_a_pile_of_files_a_file_is_a_delivery(lake: Lake, tmp_path: Path) -> None:
    shop = DeliveringShop(tmp_path, {"files": "log/*.csv"}, columns=WITH_EVENT)
    shop.deliver("a.csv", [morning(DAY, 9, "a"), morning(DAY, 10, "b")])
    shop.deliver("b.csv", [morning(DAY, 9, "a"), morning(DAY, 11, "c")])
    assert shop.land(lake, DAY)["deliveries"] == {
        "a.csv": {DAY: {"in": 2, "rows": 2}},
        "b.csv": {DAY: {"in": 2, "rows": 1, "duplicate": 1}},
    }


@pytest.mark.parametrize("form", ["csv", "csv.gz", "jsonl", "parquet"])
def test_the_first_delivered_stays_however_files_are_cut(tmp_path: Path, form: str) -> None:
    # Each row has a quantity of its own. The second delivery brings twenty events, of which the first brings fifteen.
    deliveries = {
        day: [_numbered(position, position % events, before) for position in range(80)]
        for day, events, before in ((DAY, 15, 0), (NEXT, 20, 100))
    }
    kept = [*range(1, 16), *range(116, 121)]
    in_order = Files.parts
    for size in (1, 300, 2**24):
        shop = DeliveringShop(tmp_path, {"files": f"log/{{day}}.{form}", "format": form.removesuffix(".gz")})
        shop.columns, shop.piece_bytes = WITH_EVENT, size
        for day, rows in deliveries.items():
            _deliver(shop, day, form, rows)
        lake = Lake.open(tmp_path / f"lake of {size}")
        parts: list[int] = []

        def from_the_end(source: Files, *days: Any, seen: list[int] = parts) -> list[Any]:
            found = in_order(source, *days)
            seen.append(len(found))
            return list(reversed(found))

        with mock.patch.object(Files, "parts", from_the_end):
            manifest = shop.land(lake, DAY)
        assert balanced(manifest)
        assert (manifest["rows_in"], manifest["rows"], manifest["rows_duplicate"]) == (160, 20, 140)
        assert sorted(row["quantity"] for row in landed(lake)) == kept
        assert (max(parts) > 2) == (form in ("csv", "jsonl") and size < 2**24)


def _numbered(position: int, event: int, before: int) -> dict[str, Any]:
    # Quotes within a field are no usual CSV, so such a line is not read together with its neighbors.
    user = ' "ben"' if event % 3 == 0 else "ann"
    return morning(DAY, 9, f"e{event}", user=user, quantity=before + position + 1)


def _deliver(shop: DeliveringShop, day: str, form: str, rows: list[dict[str, Any]]) -> None:
    written = shop.deliver(f"{day}.csv", rows)
    shop.put(f"{day}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    written.with_suffix(".csv.gz").write_bytes(gzip.compress(written.read_bytes()))
    pl.DataFrame(rows).write_parquet(written.with_suffix(".parquet"))

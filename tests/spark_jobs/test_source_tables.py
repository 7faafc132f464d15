"""A log that is a Delta table: read by version, and by the rules of a pile of files."""

from __future__ import annotations

import json
import struct
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lake.store.location import Lake
from runtime.errors import ConfigurationError, DataError, SourceMissing
from tests.spark_jobs.delivering_shop import DeliveringShop, landed, rejected

FIRST, SECOND = "2017-11-01", "2017-11-02"
LONG_AGO = {"quiet_minutes": 0.0001}


def rows(day: str, *users: str, **more: Any) -> pa.Table:
    start = datetime.fromisoformat(f"{day}T09:00:00+00:00")
    told = [
        {"at": start + timedelta(minutes=n), "user": user, "action": "purchase", "item": "1", "quantity": 1, **more}
        for n, user in enumerate(users)
    ]
    table = pa.Table.from_pylist(told)
    return table.set_column(0, "at", table["at"].cast(pa.timestamp("us", "UTC")))


def shop_of(folder: Path, table: str | Path = "orders", **fields: Any) -> DeliveringShop:
    return DeliveringShop(folder, {"files": str(table), "format": "delta", "arrival": LONG_AGO, **fields})


def fingerprint(shop: DeliveringShop, day: str) -> str:
    return shop.source().digest(date.fromisoformat(day))


def test_appends_and_overwrites_are_read_by_version(lake: Lake, tmp_path: Path) -> None:
    table, shop = tmp_path / "orders", shop_of(tmp_path)
    write_deltalake(table, rows(FIRST, "ann", "ben"))
    before = fingerprint(shop, FIRST)
    manifest = shop.land(lake, FIRST)
    assert manifest["table_versions"] == {"behaviors": 0}
    assert manifest["deliveries"] == {"orders version 0": {FIRST: {"in": 2, "rows": 2}}}
    assert shop.land(lake, FIRST)["reused_days"] == 1

    write_deltalake(table, rows(SECOND, "cem"), mode="append")
    write_deltalake(table, rows(FIRST, "dan"), mode="append")
    assert fingerprint(shop, FIRST) != before
    manifest = shop.land(lake, FIRST, SECOND)
    assert manifest["table_versions"] == {"behaviors": 2}
    assert [len(landed(lake, day)) for day in (FIRST, SECOND)] == [3, 1]

    write_deltalake(table, rows(FIRST, "eve"), mode="overwrite", predicate=f"at < '{SECOND}T00:00:00Z'")
    shop.land(lake, FIRST, SECOND)
    assert [len(landed(lake, day)) for day in (FIRST, SECOND)] == [1, 1]

    # A version may be named, and then it is that one whatever comes.
    pinned = shop_of(tmp_path, version=0)
    assert fingerprint(pinned, FIRST) == before
    assert pinned.land(lake, FIRST)["table_versions"] == {"behaviors": 0}
    assert len(landed(lake, FIRST)) == 2


def test_another_table_at_the_same_place_is_another_log(tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        table = tmp_path / "orders"
        write_deltalake(table, rows(FIRST, "ann"))
        digests.add(fingerprint(shop_of(tmp_path), FIRST))
        table.rename(tmp_path / f"orders of before {number}")
    assert len(digests) == 2


def test_one_landing_reads_one_version(tmp_path: Path) -> None:
    table = tmp_path / "orders"
    write_deltalake(table, rows(FIRST, "ann"))
    source, day = shop_of(tmp_path).source(), date.fromisoformat(FIRST)
    before = source.digest(day)
    write_deltalake(table, rows(FIRST, "ben"), mode="append")
    assert source.digest(day) == before
    assert sum(source.read(part).num_rows for part in source.parts(day, day)) == 1
    assert source.versions() == {"behaviors": 0}


def test_partitions_and_columns_that_came_later(lake: Lake, tmp_path: Path) -> None:
    table = tmp_path / "orders"
    with_shop = rows(FIRST, "ann").append_column("visit", pa.array(["a b/c"]))
    write_deltalake(table, with_shop, partition_by=["action", "visit"])
    write_deltalake(
        table,
        rows(FIRST, "ben", amount=2.5).append_column("visit", pa.array([None], pa.string())),
        mode="append",
        schema_mode="merge",
    )
    shop = shop_of(tmp_path)
    shop.columns |= {"session": "visit", "amount": "amount"}
    shop.land(lake, FIRST)
    found = landed(lake, FIRST)
    assert {(row["amount"], row["session_id"] is None, row["action"]) for row in found} == {
        (None, False, "purchase"),
        (2.5, True, "purchase"),
    }


def test_files_of_other_days_are_not_read(tmp_path: Path) -> None:
    table = tmp_path / "orders"
    for n in range(6):
        day = (date.fromisoformat(FIRST) + timedelta(days=n)).isoformat()
        write_deltalake(table, rows(day, "ann"), mode="append")
    write_deltalake(table, rows("2099-01-01", "ann"), mode="append")
    source, third = shop_of(tmp_path).source(), date(2017, 11, 3)
    # The day itself, one to each side as clocks differ, and what has not happened, which is kept under some day.
    assert len(source.parts(third, third)) == 4
    assert sum(source.read(part).num_rows for part in source.parts(third, third)) == 2


def test_nothing_of_a_row_is_lost_by_that(lake: Lake, tmp_path: Path) -> None:
    table = tmp_path / "orders"
    mixed = pa.concat_tables([rows(FIRST, "ann", "ben", "cem"), rows("2099-01-01", "dan")])
    without_time = rows(FIRST, "eve").set_column(0, "at", pa.nulls(1, pa.timestamp("us", "UTC")))
    write_deltalake(table, pa.concat_tables([mixed, without_time]))
    write_deltalake(table, rows(SECOND, *[f"user {n}" for n in range(20)]), mode="append")
    manifest = shop_of(tmp_path).land(lake, FIRST, SECOND)
    assert (manifest["rows_in"], manifest["rows"]) == (25, 23)
    assert rejected(lake, FIRST) == {"future_time": 1, "missing_time": 1}


def test_a_table_arrives_by_its_commits(tmp_path: Path) -> None:
    table = tmp_path / "orders"
    write_deltalake(table, rows(FIRST, "ann"))
    day = date.fromisoformat(FIRST)
    busy = DeliveringShop(tmp_path, {"files": "orders", "format": "delta"})
    assert "has changed within 10 minutes" in str(busy.source().lacking(day))
    waiting = shop_of(tmp_path, arrival={"next_day": True})
    assert waiting.source().lacking(day) == f"the day after {FIRST} has not begun"
    write_deltalake(table, rows(SECOND, "ann"), mode="append")
    assert waiting.source().lacking(day) is None


def test_a_catalog_may_be_a_table(lake: Lake, tmp_path: Path) -> None:
    write_deltalake(tmp_path / "orders", rows(FIRST, "ann"))
    catalog = pl.DataFrame({"sku": ["1"], "title": ["silk gloves"], "type": ["gloves"]})
    write_deltalake(tmp_path / "products", catalog.to_arrow())
    shop = shop_of(tmp_path)
    path = shop.description()
    path.write_text(
        path.read_text().replace('files = "items.csv"\nformat = "csv"', 'files = "products"\nformat = "delta"')
    )
    shop.description = lambda: path  # type: ignore[method-assign]
    before = shop.source().catalog_digest()
    assert shop.land(lake, FIRST)["table_versions"] == {"behaviors": 0, "items": 0}
    assert len(landed(lake)) == 1
    write_deltalake(tmp_path / "products", catalog.with_columns(sku=pl.lit("2")).to_arrow(), mode="append")
    assert shop.source().catalog_digest() != before


# -- what cannot be read ends in a sentence


def test_no_table_and_no_version(tmp_path: Path) -> None:
    shop = shop_of(tmp_path)
    for make in (lambda: None, lambda: (tmp_path / "orders").mkdir()):
        make()
        with pytest.raises(SourceMissing, match=r"There is no Delta table at .*orders: files of its description names"):
            fingerprint(shop, FIRST)
    write_deltalake(tmp_path / "orders", rows(FIRST, "ann"))
    with pytest.raises(DataError, match=r"orders has no version 7, or no longer .*: name another"):
        fingerprint(shop_of(tmp_path, version=7), FIRST)


def test_a_vacuumed_version(tmp_path: Path, lake: Lake) -> None:
    table = tmp_path / "orders"
    write_deltalake(table, rows(FIRST, "ann"))
    write_deltalake(table, rows(FIRST, "ben"), mode="overwrite")
    DeltaTable(table).vacuum(0, dry_run=False, enforce_retention_duration=False)
    with pytest.raises(DataError, match=r"of the table orders version 0 is gone .*: a vacuum removed") as told:
        shop_of(tmp_path, version=0).land(lake, FIRST)
    assert "\n" not in str(told.value)
    assert shop_of(tmp_path).land(lake, FIRST)["rows"] == 1


def commit(table: Path, actions: list[dict[str, Any]]) -> None:
    number = len(list((table / "_delta_log").glob("*.json")))
    path = table / "_delta_log" / f"{number:020}.json"
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


def actions_of(table: Path, kind: str) -> dict[str, Any]:
    lines = (table / "_delta_log" / f"{0:020}.json").read_text().splitlines()
    found: dict[str, Any] = next(json.loads(line)[kind] for line in lines if kind in json.loads(line))
    return found


def deleted(*positions: int) -> str:
    """A deletion vector as the log may hold it: a roaring bitmap in Z85."""
    bitmap = struct.pack("<IIHHI", 12_346, 1, 0, len(positions) - 1, 16) + struct.pack(
        f"<{len(positions)}H", *positions
    )
    content = struct.pack("<IQI", 1_681_511_377, 1, 0) + bitmap
    content += b"\0" * (-len(content) % 4)
    signs = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    told = ""
    for (number,) in struct.iter_unpack(">I", content):
        told += "".join(signs[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return told


FEATURES = ["deletionVectors"]


def test_deletion_vectors(tmp_path: Path, lake: Lake) -> None:
    table = tmp_path / "orders"
    write_deltalake(table, rows(FIRST, "ann", "ben"))
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": FEATURES, "writerFeatures": FEATURES}
    commit(table, [{"protocol": protocol}])
    # That they are allowed is no harm, as long as there are none.
    assert shop_of(tmp_path).land(lake, FIRST)["rows"] == 2
    added = actions_of(table, "add")
    vector = {"storageType": "i", "pathOrInlineDv": deleted(0, 1), "sizeInBytes": 36, "cardinality": 2}
    removed = {"path": added["path"], "deletionTimestamp": 1, "dataChange": True}
    commit(table, [{"remove": removed}, {"add": {**added, "deletionVector": vector}}])
    with pytest.raises(DataError, match="orders has deletion vectors in version 2: rows that are deleted still stand"):
        shop_of(tmp_path).land(lake, FIRST)
    assert shop_of(tmp_path, version=1).land(lake, FIRST)["reused_days"] + 1 >= 1


def test_column_mapping(tmp_path: Path) -> None:
    table = tmp_path / "orders"
    write_deltalake(table, rows(FIRST, "ann"))
    metadata = actions_of(table, "metaData")
    mapped = {**metadata, "configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}}
    schema = json.loads(metadata["schemaString"])
    for number, field in enumerate(schema["fields"]):
        field["metadata"] = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}
    mapped["schemaString"] = json.dumps(schema)
    commit(table, [{"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, {"metaData": mapped}])
    with pytest.raises(DataError, match="names its columns otherwise than its files do"):
        fingerprint(shop_of(tmp_path), FIRST)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"files": "orders/{day}"}, "its folder, without wild cards"),
        ({"files": "orders/*.parquet"}, "its folder, without wild cards"),
        ({"arrival": {"files": 2}}, "has no files of a day"),
        ({"corrections": "orders-{day}"}, "has no files of a day"),
        ({"format": "parquet", "version": 2}, "version is of delta alone"),
        ({"version": -1}, "greater than or equal to 0"),
    ],
)
def test_fields_that_a_table_has_not(tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        DeliveringShop(tmp_path, {"files": "orders", "format": "delta", **fields}).source()

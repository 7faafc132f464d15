"""Paths into structs and lists, in JSON and in Parquet alike; columns that stand for one another; kinds not wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake.delta import tables
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import ConfigurationError, DataError
from schemas import behaviors, items
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.rejected_rows import hidden
from spark_jobs.landing.sources.paths import Choice, Place, steps_of
from tests.spark_jobs.delivering_shop import DeliveringShop, landed, rejected
from tests.spark_jobs.shop import DAY, KEY, Landed, Shop

COLUMNS = {
    "user": "device.user.id",
    "at": "time",
    "action": "name",
    "item": "ecommerce.items[].id",
    "quantity": "ecommerce.items[].count",
    "query": "params[key=term].value.text",
}
ITEMS = pl.List(pl.Struct({"id": pl.String, "count": pl.Float64}))
PARAMETERS = pl.List(pl.Struct({"key": pl.String, "value": pl.Struct({"text": pl.String, "number": pl.Int64})}))
SCHEMA = {
    "device": pl.Struct({"user": pl.Struct({"id": pl.Int64})}),
    "time": pl.Int64,
    "name": pl.String,
    "ecommerce": pl.Struct({"items": ITEMS}),
    "params": PARAMETERS,
}


def event(*elements: tuple[str, float | None], user: int | None = 7, **changes: Any) -> dict[str, Any]:
    rest = {"device": {"user": {"id": user}}, "time": 1_509_526_800, "name": "purchase", "params": None}
    return {**rest, "ecommerce": {"items": [{"id": i, "count": c} for i, c in elements]}, **changes}


def parameter(key: str, text: str | None = None, number: int | None = None) -> dict[str, Any]:
    return {"key": key, "value": {"text": text, "number": number}}


EVENTS = [
    event(("1", 2), ("007", 1.5), ("99", None)),
    event(name="search", params=[parameter("page", "home"), parameter("term", "Gloves"), parameter("term", "hats")]),
    event(name="search", params=[parameter("page", "home")]),
    event(name="search", params=[]),
    event(),
    event(ecommerce={"items": None}, time=1_509_526_801),
    event(ecommerce=None, time=1_509_526_802),
    event(("1", None), user=None),
    event(("1", None), device=None),
    event(("1", 1), time=None),
    event(("1", 0), ("007", 3), user=8),
]


def shop_of(folder: Path, kind: str, events: Sequence[dict[str, Any]], schema: Any = SCHEMA, **fields: Any) -> Shop:
    shop = Shop(folder / kind, kind, {"new_columns": "refuse", **fields}, dict(COLUMNS))
    (folder / kind).mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        path = shop.write(b"")
        pl.DataFrame(list(events), schema=schema, strict=False).write_parquet(path)
    else:
        shop.write("".join(json.dumps(one) + "\n" for one in events).encode())
    return shop


def write(frame: pl.DataFrame, kind: str, path: Path) -> None:
    if kind == "csv":
        frame.write_csv(path)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)


def outcome(found: Landed) -> tuple[int, list[Any], dict[str, int], int]:
    rows = [
        (row["user_id"], str(row["at"]), row["action"], row["item_id"] or "", row["quantity"], str(row["measure"]))
        for row in found.behaviors
    ]
    return found.rows_in, sorted(rows, key=str), found.rules, found.anonymous


def test_parquet_has_the_rows_that_json_has(tmp_path: Path) -> None:
    as_json, as_parquet = (outcome(shop_of(tmp_path, kind, EVENTS).land()) for kind in ("jsonl", "parquet"))
    assert as_parquet == as_json
    rows_in, rows, rules, _ = as_parquet
    assert rows_in == 14
    assert rules == {
        "unknown_item": 1,
        "empty_query": 2,
        "empty": 3,
        "missing_user": 2,
        "missing_time": 1,
        "nonpositive_quantity": 1,
    }
    assert [row[1:] for row in rows if row[0] == pseudonym(KEY, "8")] == [
        ("2017-11-01 09:00:00+00:00", "purchase", "007", 3, "None")
    ]


@pytest.mark.parametrize("size", [1, 3_000])
def test_parquet_is_read_in_pieces_of_whole_events(tmp_path: Path, size: int) -> None:
    from spark_jobs.landing.sources import formats
    from spark_jobs.landing.sources.file_form import FileForm
    from spark_jobs.landing.sources.file_rows import Wanted

    shop_of(tmp_path, "parquet", EVENTS)
    path, form = tmp_path / "parquet" / "log" / DAY, FileForm(files="*", format="parquet")
    wanted = Wanted(COLUMNS, "behaviors", unnamed=True)
    whole = pl.concat(piece.named for piece in formats.pieces_of_file(path, form, wanted, 2**24))
    pieces = [piece.named for piece in formats.pieces_of_file(path, form, wanted, size)]
    assert len(pieces) > 1
    assert pl.concat(pieces).equals(whole)
    assert whole.height == 14


def test_a_struct_in_place_of_a_list_is_one_element(tmp_path: Path) -> None:
    schema = {**SCHEMA, "ecommerce": pl.Struct({"items": pl.Struct({"id": pl.String, "count": pl.Float64})})}
    events = [event(ecommerce={"items": {"id": "1", "count": 2.0}}), event(ecommerce={"items": None})]
    for kind in ("jsonl", "parquet"):
        found = shop_of(tmp_path, kind, events, schema).land()
        assert [(row["item_id"], row["quantity"]) for row in found.behaviors] == [("1", 2)]
        assert found.rules == {"empty": 1}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"item": "ecommerce.items[].sku"}, "lacks the column ecommerce.items...sku of behaviors"),
        ({"user": "device.person.id"}, "lacks the column device.person.id"),
        ({"query": "params[name=term].value.text"}, "lacks the column params.name=term..value.text"),
        ({"query": "params[key=term].value"}, "is Struct.*, a plain value is needed"),
        ({"user": "device"}, "is Struct.*, a plain value is needed"),
    ],
)
def test_a_path_that_parquet_has_not_is_told(tmp_path: Path, columns: dict[str, str], sentence: str) -> None:
    shop = shop_of(tmp_path, "parquet", EVENTS)
    shop.columns |= columns
    with pytest.raises(DataError, match=sentence):
        shop.raw()


def test_an_optional_path_may_lack(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, "parquet", EVENTS[:1], optional_columns=["quantity"])
    shop.columns["quantity"] = "ecommerce.items[].pieces"
    assert [row["quantity"] for row in shop.land().behaviors] == [1, 1]


def test_carried_columns_are_in_every_element(tmp_path: Path) -> None:
    hidden_four = json.dumps({"shelf": hidden(KEY, "4")}, separators=(",", ":"))
    events = [{**event(("1", 1), ("007", 1)), "shelf": 4}]
    for kind in ("jsonl", "parquet"):
        shop = shop_of(tmp_path, kind, events, {**SCHEMA, "shelf": pl.Int64}, new_columns="carry")
        assert [row["extra"] for row in shop.land().behaviors] == [hidden_four] * 2


def test_steps() -> None:
    assert steps_of("a.b[k=x.y].c") == ("a", "b", Choice("k", "x.y"), "c")
    assert Place.parse("a.items[].p[key=size].v") == Place(
        "a.items[].p[key=size].v", ("p", Choice("key", "size"), "v"), True
    )
    found = Choice("key", "2").of([{"key": 1}, "2", {"other": "2"}, {"key": 2, "v": "int"}, {"key": "2"}])
    assert found == {"key": 2, "v": "int"}
    assert Choice("key", "x").of({"key": "x"}) is None


# -- columns that stand for one another


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_first_column_that_has_something_counts(tmp_path: Path, kind: str) -> None:
    names = ("login", "cookie", "time", "sku", "article")
    rows = [
        ("ann", "c1", "09:00", "1", None),
        (None, "c2", "09:01", None, "007"),
        (" ", "c3", "09:02", " ", "1"),
        ("undefined", "c4", "09:03", "1", "007"),
        ("null", None, "09:04", "1", None),
        (None, None, "09:05", "1", None),
    ]
    frame = pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")
    frame = frame.with_columns(pl.format("2017-11-01T{}:00", "time").alias("time"))
    shop = Shop(tmp_path, kind, {"fixed_action": "purchase"})
    shop.columns = {"user": ["login", "cookie"], "at": "time", "item": ["sku", "article"]}  # type: ignore[dict-item]
    path = shop.write(b"")
    write(frame, kind, path)
    found = shop.land()
    assert [(row["user_id"], row["item_id"]) for row in found.behaviors] == [
        (pseudonym(KEY, user), item) for user, item in (("ann", "1"), ("c2", "007"), ("c3", "1"), ("c4", "1"))
    ]
    assert (found.rules, found.anonymous) == ({"missing_user": 1}, 1)


def test_one_of_them_is_enough_and_none_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "csv", {"fixed_action": "purchase"})
    shop.columns = {"user": ["login", "cookie"], "at": "time", "item": "sku"}  # type: ignore[dict-item]
    shop.write(b"time,cookie,sku\n2017-11-01,c1,1\n")
    assert len(shop.land().behaviors) == 1
    shop.write(b"time,visitor,sku\n2017-11-01,c1,1\n")
    with pytest.raises(DataError, match="lacks the column login of behaviors"):
        shop.raw()


# -- kinds that are not wanted


def counts(manifest: dict[str, Any]) -> dict[str, int]:
    names = ("in", "anonymous", "ignored", "duplicate", "rejected")
    return {name: manifest[f"rows_{name}"] for name in names if manifest[f"rows_{name}"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ignored_kinds_are_counted_and_kept_nowhere(lake: Lake, tmp_path: Path, kind: str) -> None:
    rows = [("ann", "order", "1", f"e{n}") for n in range(20)]
    rows += [("ann", "session_start", "", f"s{n}") for n in range(30)]
    # Whatever else is wrong with it: nobody's, of no item we know, of an unreadable quantity; and one comes again.
    rows += [("undefined", "scroll", "", "s30"), ("", "scroll", "99", "s31"), ("ann", "session_start", "", "s0")]
    rows += [("ann", "Scroll", "1", "e20"), ("undefined", "order", "1", "e21"), ("ann", "order", "1", "e0")]
    frame = pl.DataFrame(rows, ["user", "action", "item", "event"], orient="row")
    frame = frame.with_columns(pl.lit("2017-11-01T09:00:00").alias("at"), pl.lit("1").alias("quantity"))
    said = {
        "files": "log/{day}",
        "format": kind,
        "actions": {"order": "purchase"},
        "ignored": ["session_start", "scroll"],
    }
    shop = DeliveringShop(tmp_path, said)
    shop.columns["event"] = "event"
    path = shop.put("2017-11-01")
    write(frame, kind, path)
    manifest = shop.land(lake, "2017-11-01")
    expected = {"in": 56, "ignored": 32, "anonymous": 1, "duplicate": 2, "rejected": 1}
    assert counts(manifest) == expected
    assert manifest["rows"] == len(landed(lake)) == 20
    assert rejected(lake) == {"unknown_action": 1}
    assert manifest["deliveries"] == {
        "2017-11-01": {
            "2017-11-01": {"in": 56, "rows": 20, "ignored": 32, "anonymous": 1, "duplicate": 2, "rejected": 1}
        }
    }
    (batch,) = [b for b in (Batch.load(lake, p) for p in manifest["batches"]) if b.table == behaviors.TABLE.name]
    allowed = sum(part.metrics["rows_anonymous_allowed"] for part in batch.partitions)
    # Half of the rows that are neither ignored nor repeated.
    assert allowed == 11


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ignored": ["view"], "actions": {"view": "view"}}, "view: either an action or ignored"),
        ({"ignored": ["view"], "fixed_action": "view"}, "ignored names actions"),
        ({"ignored": [""]}, "at least 1 character"),
    ],
)
def test_ignored_kinds_that_say_nothing_are_refused(tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    shop = DeliveringShop(tmp_path, fields)
    if "fixed_action" in fields:
        del shop.columns["action"]
    with pytest.raises(ConfigurationError, match=sentence):
        shop.source()


# -- a catalog from events


def test_what_events_said_last_of_an_item_is_its_catalog(lake: Lake, tmp_path: Path) -> None:
    def said(sku: str | None, title: str | None, type_: str | None) -> dict[str, Any]:
        return {"user": "ann", "at": "2017-11-01T09:00:00", "action": "view", "sku": sku, "title": title, "type": type_}

    first = [said("1", "old gloves", "gloves"), said("1", "wool gloves", "gloves"), said("2", "hat", "hats")]
    later = [said("1", None, "gloves"), said(None, None, None), said("2", "wool hat", "hats"), said("3", None, None)]
    shop = DeliveringShop(tmp_path, {"files": "log/{day}.jsonl", "format": "jsonl"}, last_day="2017-11-02")
    shop.columns = {"user": "user", "at": "at", "action": "action", "item": "sku"}
    for day, rows in (("2017-11-01", first), ("2017-11-02", later)):
        shop.put(f"{day}.jsonl", "".join(json.dumps({**row, "at": f"{day}T09:00:00"}) + "\n" for row in rows))
    path = shop.description()
    text = path.read_text().replace(
        'files = "items.csv"\nformat = "csv"', 'files = "log/*"\nformat = "jsonl"\nfrom_events = true'
    )
    path.write_text(text)
    shop.description = lambda: path  # type: ignore[method-assign]
    manifest = shop.land(lake, "2017-11-01", "2017-11-02")
    assert {row["item_id"]: row["text"] for row in tables.read(lake, items.TABLE).to_pylist()} == {
        "1": "wool gloves",
        "2": "wool hat",
    }
    assert manifest["catalog"]["contradictory"] == 0
    assert rejected(lake) == {"empty": 1, "unknown_item": 1, "duplicate": 1}

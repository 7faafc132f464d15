"""A day is published with the captions of its own intents, and with no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.publish_day import DAY_TABLES, pin_verdicts, publish_day
from lake.registry.days import read_day
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import days, explanations
from schemas.table import Table

DAY = "2017-11-01"
Put = Callable[..., None]


@pytest.fixture
def put(lake: Lake, make_batch: Callable[..., Batch], approve: Callable[..., list[Batch]]) -> Put:
    """Publish rows of a table's day as some work made them."""

    def add(table: Table, rows: list[dict[str, Any]], work: str) -> None:
        values = " ".join("infer" if name == "step" else DAY for name in table.partition_by)
        data = pa.Table.from_pylist(rows, table.file_schema)
        publish(lake, approve(make_batch({values: data}, table=table, fingerprint=work)))

    return add


@pytest.fixture
def day(lake: Lake, put: Put) -> Lake:
    """A day with all that is needed to publish it, done without captions."""
    for table in DAY_TABLES:
        put(table, [], "first")
    return lake


def caption(user: str, item: str) -> dict[str, Any]:
    asked = {"way": "v1", "form": "closed", "segment": "fond of soup", "attempts": 1, "style": None}
    told = {"rank": 1, "tag": "soup", "similarity": 0.5, "caption": "Time for soup again?", "release": "experts-1"}
    return {"user_id": user, "item_id": item, **told, **asked}


def pins(lake: Lake) -> set[str]:
    (row,) = tables.read(lake, days.TABLE, DAY).to_pylist()
    return {entry["table"] for entry in row["versions"]}


def test_captions_of_the_same_work_are_pinned_counted_and_looked_up(day: Lake, put: Put) -> None:
    put(explanations.TABLE, [caption("anna", "soup-1"), caption("anna", "soup-2"), caption("bert", "soup-1")], "first")
    assert publish_day(day, DAY, "experts-1", {})["figures"]["explanations"] == 3
    assert pins(day) == {table.name for table in (*DAY_TABLES, explanations.TABLE)}
    pair = [("user_id", "=", "anna"), ("item_id", "=", "soup-2")]
    assert read_day(day, explanations.TABLE, DAY, filters=pair)["item_id"].to_pylist() == ["soup-2"]
    assert publish_day(day, DAY, "experts-1", {})["reused"]
    # A day pins what it was published with, whoever replaces it.
    put(explanations.TABLE, [caption("bert", "soup-9")], "second")
    assert read_day(day, explanations.TABLE, DAY, filters=pair).num_rows == 1


def test_none_of_another_work_are_pinned(day: Lake, put: Put, caplog: pytest.LogCaptureFixture) -> None:
    put(explanations.TABLE, [caption("anna", "soup-1")], "another")
    assert "explanations" not in publish_day(day, DAY, "experts-1", {})["figures"]
    assert pins(day) == {table.name for table in DAY_TABLES}
    assert "those that are there are of other intents" in caplog.text
    with pytest.raises(DataError, match="published without explanations: it is from before they were written, or"):
        read_day(day, explanations.TABLE, DAY)


def test_a_day_without_them_is_named_as_before_they_were_kept(day: Lake, put: Put) -> None:
    without = publish_day(day, DAY, "experts-1", {})["fingerprint"]
    put(explanations.TABLE, [], "first")
    with_none = publish_day(day, DAY, "experts-1", {})
    assert with_none["figures"]["explanations"] == 0
    assert with_none["fingerprint"] != without
    with pytest.raises(DataError, match="No verdicts can be pinned"):
        pin_verdicts(day, DAY)

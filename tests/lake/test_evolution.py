"""Contracts that change while tables stay: new columns cost no rewrite, anything else is refused by name."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.command_line.tables import list_tables
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, read_staged, rows_of, stage
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import entities, rollups
from schemas.registry import TABLES
from schemas.table import Column, Table

FIRST, SECOND = "2017-11-01", "2017-11-02"
CHANNEL = Column("channel", pa.string(), "Where it happened.", nullable=True)
TAGS = Column("tags", pa.list_(pa.struct([pa.field("name", pa.string(), False)])), "Marks.", nullable=True)

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]


def changed(table: Table, **columns: Column | None) -> Table:
    """The contract with columns replaced, or left out when None."""
    return replace(table, columns=tuple(new for c in table.columns if (new := columns.get(c.name, c))))


def gained(table: Table, *new: Column) -> Table:
    """The contract with new columns in the middle: their place must not matter."""
    return replace(table, columns=(*table.columns[:2], *new, *table.columns[2:]))


WIDER = gained(rollups.TABLE, CHANNEL, TAGS)


@pytest.fixture
def published(lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows) -> Lake:
    """A day of rollups, published before the contract changed."""
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna", "bert")})))
    return lake


@pytest.fixture
def wider(monkeypatch: pytest.MonkeyPatch) -> Table:
    """From here on rollups have two columns more."""
    monkeypatch.setitem(TABLES, "rollups", WIDER)
    return WIDER


def wide_row(user: str) -> pa.Table:
    row = {"user_id": user, "action": "purchase", "entity_id": "milk", "count": 1, "channel": "app"}
    return pa.Table.from_pylist([{**row, "tags": [{"name": "new"}]}], WIDER.file_schema)


def test_old_files_have_nulls_in_a_new_column(published: Lake) -> None:
    rows = tables.read(published, WIDER, FIRST)
    assert rows.schema == WIDER.schema
    assert rows["user_id"].to_pylist() == ["anna", "bert"]
    assert rows["channel"].to_pylist() == rows["tags"].to_pylist() == [None, None]
    assert tables.read(published, WIDER, columns=["channel"])["channel"].to_pylist() == [None, None]
    assert tables.read(published, WIDER, filters=[("channel", "=", "app")]).num_rows == 0
    assert tables.read(published, WIDER, filters=[("channel", "in", ["app"])]).num_rows == 0
    # Reading changes nothing.
    assert tables.version(published, rollups.TABLE) == 1


def test_publishing_adds_the_columns_and_rewrites_nothing(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table
) -> None:
    before = tables.live_files(tables.open_table(published, wider), wider)
    digest = tables.partition_digest(published, wider, FIRST)
    publish(published, approve(make_batch({SECOND: wide_row("carl")}, table=wider)))

    rows = tables.read(published, wider)
    assert rows["channel"].to_pylist() == [None, None, "app"]
    assert rows["tags"].to_pylist() == [None, None, [{"name": "new"}]]
    after = tables.live_files(tables.open_table(published, wider), wider)
    assert [file for file in after if file.partition["day"] == FIRST] == before
    assert tables.partition_digest(published, wider, FIRST) == digest
    # One commit for the columns, one for the rows; any engine sees both days.
    assert tables.version(published, wider) == 3
    assert DeltaTable(published.uri("rollups")).to_pyarrow_table()["channel"].to_pylist().count(None) == 2


def test_a_second_publication_finds_the_columns_there(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table
) -> None:
    for day in (SECOND, "2017-11-03"):
        publish(published, approve(make_batch({day: wide_row("carl")}, table=wider)))
    assert tables.version(published, wider) == 4


def test_old_versions_stay_readable(published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table) -> None:
    publish(published, approve(make_batch({FIRST: wide_row("carl")}, table=wider)))
    assert tables.read(published, wider, FIRST)["channel"].to_pylist() == ["app"]
    old = tables.read(published, wider, FIRST, version=1)
    assert (old["user_id"].to_pylist(), old["channel"].to_pylist()) == (["anna", "bert"], [None, None])


def test_a_table_restored_to_before_evolves_again(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table
) -> None:
    publish(published, approve(make_batch({FIRST: wide_row("carl")}, table=wider)))
    assert writing.restore(published, wider, 1) == 4
    assert tables.read(published, wider)["user_id"].to_pylist() == ["anna", "bert"]
    publish(published, approve(make_batch({SECOND: wide_row("dora")}, table=wider)))
    assert tables.read(published, wider)["channel"].to_pylist() == [None, None, "app"]


def test_writers_that_add_the_column_at_once_both_publish(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [make_batch({f"2017-11-1{n}": wide_row(f"u{n}")}, table=wider) for n in range(3)]
    for batch in batches:
        approve(batch)
    barrier, evolve = threading.Barrier(len(batches), timeout=30), writing._evolve
    came: set[int] = set()

    def together(delta: DeltaTable, table: Table) -> None:
        if threading.get_ident() not in came:
            came.add(threading.get_ident())
            barrier.wait()
        evolve(delta, table)

    monkeypatch.setattr(writing, "_evolve", together)
    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(lambda batch: publish(published, [batch]), batches))
    assert sorted(tables.read(published, wider, filters=[("channel", "=", "app")])["user_id"].to_pylist()) == [
        "u0",
        "u1",
        "u2",
    ]


def test_rows_with_a_new_key_are_inserted_into_an_older_table(lake: Lake) -> None:
    row = {"entity_id": "a", "text": "a", "kind": "query"}
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist([row], schema=entities.TABLE.schema))
    newer = gained(entities.TABLE, Column("language", pa.string(), "Of the text.", nullable=True))
    rows = [{**row, "entity_id": name, "language": "en"} for name in ("a", "b")]
    assert writing.insert_new(lake, newer, pa.Table.from_pylist(rows, schema=newer.schema)) == 1
    assert tables.read(lake, newer)["language"].to_pylist() == [None, "en"]


def test_what_was_staged_before_is_read_and_published_after(
    lake: Lake, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"entity_id": "a", "text": "a", "kind": "query"}
    old = pa.Table.from_pylist([row], schema=entities.TABLE.schema)
    part = StagedPartition({}, "work", (stage(lake, entities.TABLE, old, fingerprint="work"),))
    newer = gained(entities.TABLE, Column("language", pa.string(), "Of the text.", nullable=True))
    monkeypatch.setitem(TABLES, "entities", newer)
    assert read_staged(lake, newer, part)["language"].to_pylist() == [None]
    publish(lake, approve(Batch("entities", "test", (part,))))
    assert tables.read(lake, newer)["language"].to_pylist() == [None]


def test_workers_read_old_files_too(published: Lake) -> None:
    (file,) = tables.live_files(tables.open_table(published, WIDER), WIDER)
    rows = rows_of(published.read(f"rollups/{file.path}") or b"", WIDER, ["user_id", "channel"])
    assert rows.schema.names == ["user_id", "channel"]
    assert rows.to_pylist() == [{"user_id": "anna", "channel": None}, {"user_id": "bert", "channel": None}]


def test_a_column_that_may_be_missing_now_is_relaxed(
    published: Lake, make_batch: MakeBatch, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = next(column for column in rollups.TABLE.columns if column.name == "entity_id")
    relaxed = changed(rollups.TABLE, entity_id=replace(column, nullable=True))
    monkeypatch.setitem(TABLES, "rollups", relaxed)
    rows = pa.Table.from_pylist([{"user_id": "carl", "action": "view", "count": 1}], relaxed.file_schema)
    publish(published, approve(make_batch({SECOND: rows}, table=relaxed)))
    assert tables.read(published, relaxed)["entity_id"].to_pylist() == ["milk", "milk", None]
    assert {field.name: field.nullable for field in DeltaTable(published.uri("rollups")).schema().fields}["entity_id"]


COUNT = next(column for column in rollups.TABLE.columns if column.name == "count")
CONFLICTS = {
    "removed": (
        changed(rollups.TABLE, count=None),
        "The table rollups has the column count, which its contract left out: keep it in the contract, filled or not;",
    ),
    "renamed": (
        changed(rollups.TABLE, count=replace(COUNT, name="times", nullable=True)),
        "The table rollups has the column count, which its contract left out:",
    ),
    "retyped": (
        changed(rollups.TABLE, count=replace(COUNT, type=pa.float64())),
        "The table rollups has the column count as int32, its contract says double: "
        "give the new kind of values a column of its own;",
    ),
    "required": (
        gained(rollups.TABLE, replace(CHANNEL, nullable=False)),
        "The table rollups lacks the column channel, which its contract requires: declare it with nullable=True;",
    ),
    "repartitioned": (
        replace(rollups.TABLE, partition_by=("day", "action")),
        "The table rollups is partitioned by day, its contract says day, action: partition it as before;",
    ),
}


@pytest.mark.parametrize(("contract", "sentence"), CONFLICTS.values(), ids=list(CONFLICTS))
def test_a_contract_that_cannot_fit_is_refused(published: Lake, contract: Table, sentence: str) -> None:
    touches: list[Callable[[], object]] = [
        lambda: tables.read(published, contract),
        lambda: writing.create(published, contract),
        lambda: tables.published_days(published, contract),
    ]
    for touch in touches:
        with pytest.raises(DataError) as caught:
            touch()
        said = str(caught.value)
        assert said.startswith(sentence)
        assert (
            f"otherwise remove file://{published.root}/rollups with all its versions and make its days again." in said
        )
        assert said.endswith("Its contract is schemas/rollups.py.")
    assert tables.version(published, rollups.TABLE) == 1


def test_a_column_in_a_nested_type_is_a_new_type(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table
) -> None:
    publish(published, approve(make_batch({SECOND: wide_row("carl")}, table=wider)))
    deeper = pa.list_(pa.struct([pa.field("name", pa.string(), False), pa.field("weight", pa.float32())]))
    with pytest.raises(DataError, match=r"has the column tags as list<.*>, its contract says list<.*weight"):
        tables.read(published, changed(wider, tags=replace(TAGS, type=deeper)))


def test_a_column_that_became_required_is_refused(
    published: Lake, make_batch: MakeBatch, approve: Approve, wider: Table
) -> None:
    publish(published, approve(make_batch({SECOND: wide_row("carl")}, table=wider)))
    with pytest.raises(DataError, match="may have no value in the column channel, its contract requires one"):
        tables.read(published, changed(wider, channel=replace(CHANNEL, nullable=False)))


def test_publishing_against_a_conflict_changes_nothing(
    published: Lake, approve: Approve, make_batch: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = changed(rollups.TABLE, count=replace(COUNT, type=pa.float64()))
    monkeypatch.setitem(TABLES, "rollups", contract)
    row = {"user_id": "carl", "action": "view", "entity_id": "milk", "count": 0.5}
    rows = pa.Table.from_pylist([row], contract.file_schema)
    batches = approve(make_batch({SECOND: rows}, table=contract))
    with pytest.raises(DataError, match="has the column count as int32"):
        publish(published, batches)
    assert tables.read(published, rollups.TABLE)["user_id"].to_pylist() == ["anna", "bert"]


def test_the_listing_says_which_table_does_not_fit(
    published: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TABLES, "rollups", changed(rollups.TABLE, count=None))
    list_tables(published, Namespace())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(TABLES)
    assert next(line for line in lines if "which its contract left out" in line).startswith("rollups  ")


def test_every_contract_fits_the_table_that_it_makes(lake: Lake) -> None:
    for table in TABLES.values():
        writing.create(lake, table)
        assert tables.open_table(lake, table) is not None
        assert tables.version(lake, table) == 0

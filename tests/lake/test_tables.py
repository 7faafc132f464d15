"""Reading published rows, and inserting rows whose key is new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import answers, behaviors, contexts, entities, entity_vectors, rollups
from schemas.registry import TABLES
from schemas.table import Table

DAYS = ("2017-11-01", "2017-11-02")

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]


def sample(kind: pa.DataType, name: str) -> Any:
    """A value of a type, nested ones included."""
    if pa.types.is_list(kind):
        return [sample(kind.value_type, name)]
    if pa.types.is_struct(kind):
        return {field.name: sample(field.type, field.name) for field in kind}
    if pa.types.is_timestamp(kind):
        return datetime(2017, 11, 1, 23, 59, 59, 999_999, tzinfo=UTC)
    if pa.types.is_boolean(kind):
        return True
    if pa.types.is_decimal(kind):
        return Decimal("0.375").quantize(Decimal(1).scaleb(-kind.scale))
    if pa.types.is_floating(kind):
        return 0.25
    return 7 if pa.types.is_integer(kind) else f"{name}: 日本 'quoted'"


def one_row(table: Table, *, blank: bool = False) -> pa.Table:
    """A full row of a table; ``blank`` leaves out what may be missing."""
    row = {
        field.name: None if blank and field.nullable else sample(field.type, field.name) for field in table.file_schema
    }
    return pa.Table.from_pylist([row], schema=table.file_schema)


@pytest.fixture
def published(lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows) -> Lake:
    """Two published days of rollups."""
    publish(
        lake,
        approve(make_batch({DAYS[0]: rollup_rows("bert", "anna"), DAYS[1]: rollup_rows("anna", "carl", count=3)})),
    )
    return lake


def test_an_absent_table_reads_as_an_empty_one(lake: Lake) -> None:
    assert tables.read(lake, contexts.TABLE) == contexts.TABLE.schema.empty_table()
    assert tables.read(lake, rollups.TABLE, columns=["count"]).column_names == ["count"]
    assert tables.partition_digest(lake, rollups.TABLE) is None
    assert tables.published_days(lake, rollups.TABLE) == {}
    assert tables.version(lake, rollups.TABLE) is None


def test_a_day_that_is_not_there_reads_as_empty(published: Lake) -> None:
    assert tables.read(published, rollups.TABLE, "2017-12-24").num_rows == 0
    assert tables.partition_digest(published, rollups.TABLE, "2017-12-24") is None


def test_rows_come_in_the_order_of_the_key(published: Lake) -> None:
    assert tables.read(published, rollups.TABLE, DAYS[0])["user_id"].to_pylist() == ["anna", "bert"]


def test_columns_are_the_wanted_ones_in_the_wanted_order(published: Lake) -> None:
    found = tables.read(published, rollups.TABLE, DAYS[1], columns=["count", "day", "user_id"])
    assert found.to_pylist() == [
        {"count": 3, "day": DAYS[1], "user_id": "anna"},
        {"count": 3, "day": DAYS[1], "user_id": "carl"},
    ]
    assert tables.read(published, rollups.TABLE, columns=["count"]).column_names == ["count"]


@pytest.mark.parametrize(
    ("filters", "users"),
    [
        ([("user_id", "=", "anna")], ["anna", "anna"]),
        ([("user_id", "!=", "anna")], ["bert", "carl"]),
        ([("user_id", "in", ["anna", "carl", "nobody"])], ["anna", "anna", "carl"]),
        ([("user_id", "in", [])], []),
        ([("count", ">", 1), ("user_id", "=", "carl")], ["carl"]),
        ([("count", "<=", 1)], ["anna", "bert"]),
        ([("day", "<", DAYS[1])], ["anna", "bert"]),
        ([("day", ">=", DAYS[1]), ("day", "<=", DAYS[1])], ["anna", "carl"]),
        ([("day", "in", list(DAYS))], ["anna", "anna", "bert", "carl"]),
    ],
)
def test_filters_all_hold(published: Lake, filters: list[tuple[str, str, Any]], users: list[str]) -> None:
    found = tables.read(published, rollups.TABLE, columns=["user_id"], filters=filters)
    assert found["user_id"].to_pylist() == users


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["anna", "carl", None]),
        pa.array(["anna", "carl"]).dictionary_encode(),
        pa.array(["anna", "carl"], pa.large_string()),
        pa.chunked_array([["anna"], ["carl"]]),
        ("anna", "carl"),
        [f"user {number}" for number in range(100_000)] + ["anna", "carl"],
    ],
    ids=["with a null", "dictionary", "large strings", "chunks", "tuple", "many"],
)
def test_a_column_is_looked_up_in_values_of_any_kind(published: Lake, values: Any) -> None:
    within = tables.read(published, rollups.TABLE, columns=["user_id"], filters=[("user_id", "in", values)])
    assert within["user_id"].to_pylist() == ["anna", "anna", "carl"]
    without = tables.read(published, rollups.TABLE, columns=["user_id"], filters=[("user_id", "not in", values)])
    assert without["user_id"].to_pylist() == ["bert"]


def test_a_row_without_a_value_meets_no_comparison(lake: Lake) -> None:
    rows = [
        {"entity_id": "q", "text": "q", "kind": "query"},
        {"entity_id": "i", "text": "i", "kind": "item", "category": "c"},
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, schema=entities.TABLE.schema))
    for operator, value, ids in (("=", "c", ["i"]), ("!=", "c", []), ("!=", "d", ["i"]), ("in", ["c"], ["i"])):
        found = tables.read(lake, entities.TABLE, columns=["entity_id"], filters=[("category", operator, value)])
        assert found["entity_id"].to_pylist() == ids, (operator, value)


def test_an_old_version_can_be_read(published: Lake, make_batch: MakeBatch, approve: Approve) -> None:
    pinned = tables.version(published, rollups.TABLE)
    publish(published, approve(make_batch({DAYS[0]: rollups.TABLE.file_schema.empty_table()}, fingerprint="later")))
    assert tables.read(published, rollups.TABLE, DAYS[0]).num_rows == 0
    assert tables.read(published, rollups.TABLE, DAYS[0], version=pinned).num_rows == 2


@pytest.mark.parametrize("blank", [False, True], ids=["full", "blank"])
@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_gives_back_what_was_published(
    lake: Lake, make_batch: MakeBatch, approve: Approve, name: str, blank: bool
) -> None:
    table = TABLES[name]
    row = one_row(table, blank=blank)
    values = {column: "2017-11-01" if column == "day" else "step" for column in table.partition_by}
    publish(lake, approve(make_batch({" ".join(values.values()): row}, table=table)))
    found = tables.read(lake, table)
    assert found.schema == table.schema
    assert found.to_pylist() == [{**row.to_pylist()[0], **values}]


def test_another_engine_reads_the_same_table(published: Lake) -> None:
    """DuckDB on the live files: what a consumer without this code does."""
    files = DeltaTable(published.uri("rollups")).file_uris()
    query = f"select day, user_id, count from read_parquet({files!r}, hive_partitioning=true) order by all"
    assert [(str(day), user, count) for day, user, count in duckdb.execute(query).fetchall()] == [
        (DAYS[0], "anna", 1),
        (DAYS[0], "bert", 1),
        (DAYS[1], "anna", 3),
        (DAYS[1], "carl", 3),
    ]


def known(**texts: str) -> pa.Table:
    rows = [{"entity_id": key, "text": text, "kind": "item"} for key, text in texts.items()]
    return pa.Table.from_pylist(rows, schema=entities.TABLE.schema)


def test_inserting_twice_inserts_once(lake: Lake) -> None:
    assert writing.insert_new(lake, entities.TABLE, known(a="milk", b="cheese")) == 2
    version = tables.version(lake, entities.TABLE)
    assert writing.insert_new(lake, entities.TABLE, known(a="milk", b="cheese")) == 0
    assert tables.version(lake, entities.TABLE) == version
    assert writing.insert_new(lake, entities.TABLE, known(b="CHANGED", c="butter")) == 1
    assert tables.read(lake, entities.TABLE)["text"].to_pylist() == ["milk", "cheese", "butter"]


def test_inserting_nothing_makes_no_table(lake: Lake) -> None:
    assert writing.insert_new(lake, entities.TABLE, known()) == 0
    assert tables.version(lake, entities.TABLE) is None


def test_a_key_that_comes_twice_in_one_insert_goes_in_once(lake: Lake) -> None:
    twice = pa.concat_tables([known(a="milk"), known(b="cheese"), known(a="MILK")])
    assert writing.insert_new(lake, entities.TABLE, twice) == 2
    assert tables.read(lake, entities.TABLE)["text"].to_pylist() == ["milk", "cheese"]


def test_who_refuses_sees_the_version_that_is_written_to_and_nothing_goes_in(lake: Lake) -> None:
    writing.insert_new(lake, entities.TABLE, known(a="milk"))
    seen = []

    def refuse(current: DeltaTable) -> None:
        seen.append(tables.scan(lake, current, entities.TABLE, ["text"], [])["text"].to_pylist())
        if "cheese" in seen[-1]:
            raise DataError("Enough.")

    assert writing.insert_new(lake, entities.TABLE, known(b="cheese"), refuse=refuse) == 1
    version = tables.version(lake, entities.TABLE)
    with pytest.raises(DataError, match="Enough"):
        writing.insert_new(lake, entities.TABLE, known(c="butter"), refuse=refuse)
    assert [sorted(texts) for texts in seen] == [["milk"], ["cheese", "milk"]]
    assert tables.version(lake, entities.TABLE) == version


def test_a_key_of_several_columns_is_one_key(lake: Lake) -> None:
    def vector(entity: str, embedder: str) -> pa.Table:
        row = {"entity_id": entity, "embedder": embedder, "vector": [0.5, -0.5]}
        return pa.Table.from_pylist([row], schema=entity_vectors.TABLE.schema)

    assert writing.insert_new(lake, entity_vectors.TABLE, vector("milk", "one")) == 1
    assert writing.insert_new(lake, entity_vectors.TABLE, vector("milk", "two")) == 1
    assert writing.insert_new(lake, entity_vectors.TABLE, vector("milk", "one")) == 0
    found = tables.read(lake, entity_vectors.TABLE, filters=[("embedder", "=", "two")])
    assert found["vector"].to_pylist() == [[0.5, -0.5]]


def test_the_digest_of_an_insert_only_table_moves_with_its_content(lake: Lake) -> None:
    writing.insert_new(lake, answers.TABLE, one_row(answers.TABLE), {"note": "first"})
    first = tables.partition_digest(lake, answers.TABLE)
    writing.insert_new(lake, answers.TABLE, one_row(answers.TABLE))
    assert tables.partition_digest(lake, answers.TABLE) == first
    assert DeltaTable(lake.uri("answers")).history(1)[0]["note"] == "first"


def test_behaviors_without_sessions_are_published(lake: Lake, make_batch: MakeBatch, approve: Approve) -> None:
    """File statistics of a column that is null throughout must not upset a reader."""
    row = one_row(behaviors.TABLE, blank=True)
    publish(lake, approve(make_batch({DAYS[0]: row}, table=behaviors.TABLE)))
    assert tables.read(lake, behaviors.TABLE, filters=[("session_id", "=", "none")]).num_rows == 0
    assert tables.read(lake, behaviors.TABLE, DAYS[0])["session_id"].to_pylist() == [None]


def test_a_filter_finds_rows_in_files_with_and_without_bounds(lake: Lake) -> None:
    """One insert knows no category at all, one has texts longer than any bound that a log keeps of them."""
    long = "zz " * 200
    rows = [{"entity_id": "q", "text": long, "kind": "query"}]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, schema=entities.TABLE.schema))
    rows = [{"entity_id": "m", "text": "milk", "kind": "item", "category": "Dairy", "category_path": "Food > Dairy"}]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(rows, schema=entities.TABLE.schema))

    def found(*one_filter: Any) -> list[str]:
        rows = tables.read(lake, entities.TABLE, filters=[one_filter])
        return [str(key) for key in rows["entity_id"].to_pylist()]

    assert found("category", "=", "Dairy") == ["m"]
    assert found("category", "in", ["Dairy", "Bakery"]) == ["m"]
    assert found("text", "=", long) == ["q"]
    assert found("text", ">", "zz") == ["q"]
    assert found("kind", "!=", "item") == ["q"]

"""Every table's contract holds together: meanings, keys, partitions, rules."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest

import schemas
from schemas.registry import TABLES
from schemas.table import Table

PARTS_OF_THE_FRAME = {"registry", "table"}
# What the audit takes from the staged files; a step must not state these.
COUNTED_BY_THE_AUDIT = {"rows", "files", "files_missing"}

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_every_file_of_the_room_is_a_registered_table() -> None:
    folder = Path(str(schemas.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - PARTS_OF_THE_FRAME - {"__init__"}
    assert files == set(TABLES)
    for name, table in TABLES.items():
        assert table is import_module(f"schemas.{name}").TABLE
        assert table.name == name


@every_table
def test_everything_has_a_meaning_in_a_sentence(table: Table) -> None:
    assert table.meaning.endswith(".")
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.meaning.endswith("."), column.name
        assert len(column.meaning) > 5, column.name


@every_table
def test_names_are_unique_and_keys_are_columns(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert table.key
    assert set(table.key) <= set(names)
    assert set(table.partition_by) <= set(names)
    assert len(set(table.key)) == len(table.key)


@every_table
def test_partitions_and_insert_keys_are_never_null(table: Table) -> None:
    for name in table.partition_by:
        field = table.schema.field(name)
        assert field.type == pa.string(), name
        assert not field.nullable, name
    if table.publication == "insert":
        assert not table.partition_by
        assert not [name for name in table.key if table.schema.field(name).nullable]


@every_table
def test_rows_can_be_put_in_order(table: Table) -> None:
    """Equal content must give an equal file: the key orders the rows, so it has to be sortable."""
    assert not [name for name in table.key if pa.types.is_nested(table.schema.field(name).type)]


@every_table
def test_a_data_file_holds_all_but_the_partition(table: Table) -> None:
    assert set(table.schema.names) - set(table.file_schema.names) == set(table.partition_by)
    for field in table.file_schema:
        assert field == table.schema.field(field.name)


@every_table
def test_times_are_utc_and_days_are_text(table: Table) -> None:
    for field in table.schema:
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", tz="UTC")
        assert not pa.types.is_date(field.type)


@every_table
def test_batch_rules_say_why_and_bound_something(table: Table) -> None:
    metrics = [rule.metric for rule in table.batch_rules]
    assert len(set(metrics)) == len(metrics)
    for rule in table.batch_rules:
        assert rule.why.endswith("."), rule.metric
        assert (rule.minimum, rule.maximum) != (None, None), rule.metric
        if rule.minimum is not None and rule.maximum is not None:
            assert rule.minimum <= rule.maximum
        if rule.over or rule.minus:
            assert rule.plus, f"{rule.metric} is computed: name its counts"
            assert rule.metric not in rule.counts


@every_table
def test_what_a_step_must_count_is_documented(table: Table) -> None:
    stated = {count for rule in table.batch_rules for count in rule.counts} - COUNTED_BY_THE_AUDIT
    computed = [rule for rule in table.batch_rules if rule.plus]
    documentation = import_module(f"schemas.{table.name}").__doc__ or ""
    if computed:
        assert not [name for name in stated if f"``{name}``" not in documentation]

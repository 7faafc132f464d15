"""Rows of an insert-only table that other code made give way to those of this code, key by key."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from lake.delta import tables, writing
from lake.delta.staging import StagedFile, stage
from lake.delta.tables import LiveFile
from lake.store import store_errors
from lake.store.location import Lake
from runtime.fingerprint import LENGTH, asked_of
from schemas.table import Table


def keys_of(lake: Lake, table: Table, name: str) -> pa.Table:
    """The keys of the rows that work of this fingerprint has inserted."""
    delta = tables.open_table(lake, table)
    with store_errors.of_tables(lake.root, f"Reading the table {table.name}"):
        found = [
            _read(lake, table, file, table.key) for file in tables.live_files(delta, table) if file.fingerprint == name
        ]
    schema = pa.schema([table.schema.field(column) for column in table.key])
    return pa.concat_tables([schema.empty_table(), *found])


def renew(lake: Lake, table: Table, data: pa.Table, name: str) -> int:
    """Insert rows in one commit, as ``writing.insert_new`` does, in place of those that other code made of the same.

    Args:
        data: rows of ``table``. name: fingerprint of the work that made them.

    Raises:
        InfrastructureError: other writers kept winning, or the store refused.
    """
    if not _others(tables.open_table(lake, table), table, name):
        return writing.insert_new(lake, table, data, fingerprint=name)
    rows = data.cast(table.schema)

    def replace(current: DeltaTable) -> int:
        mine = [file for file in tables.live_files(current, table) if file.fingerprint == name]
        there = [_read(lake, table, file, table.key) for file in mine]
        keys = rows.select(list(table.key))
        new = rows.take(writing.new_keys(table.key, rows, pa.concat_tables([keys.slice(0, 0), *there])))
        if not new.num_rows:
            return 0
        removed, kept = _without(lake, table, _others(current, table, name), new)
        now = int(time.time() * 1000)
        added = [*kept, stage(lake, table, new, fingerprint=name)]
        current.create_write_transaction(
            [
                *(RemoveAction(file.path, True, now, partition_values={}) for file in removed),
                *(AddAction(file.path, file.size, {}, now, True, file.statistics) for file in added),
            ],
            mode="append",
            schema=Schema.from_arrow(table.schema),
            commit_properties=writing.one_attempt({"intentflow.fingerprint": name}),
        )
        current.update_incremental()
        return int(new.num_rows)

    return writing.commit(writing.create(lake, table), table, replace)


def _others(delta: DeltaTable | None, table: Table, name: str) -> list[LiveFile]:
    """The files of the same work by other code, or by code that nobody noted."""
    return [
        file
        for file in tables.live_files(delta, table)
        if file.fingerprint != name
        and (len(file.fingerprint) <= LENGTH or asked_of(file.fingerprint) == asked_of(name))
    ]


def _without(
    lake: Lake, table: Table, files: Sequence[LiveFile], new: pa.Table
) -> tuple[list[LiveFile], list[StagedFile]]:
    """The files that hold keys of the new rows, and what is left of them, staged as the work it was."""
    removed, kept = [], []
    for file in files:
        old = _read(lake, table, file, table.schema.names)
        staying = old.take(writing.new_keys(table.key, old, new))
        if staying.num_rows < old.num_rows:
            removed.append(file)
            if staying.num_rows:
                kept.append(stage(lake, table, staying, fingerprint=file.fingerprint, part=file.part))
    return removed, kept


def _read(lake: Lake, table: Table, file: LiveFile, columns: Sequence[str]) -> pa.Table:
    place = lake.filesystem(table.name)
    with place.open_input_file(file.path) as content:
        rows = pq.ParquetFile(content).read(columns=list(columns))
    return rows.cast(pa.schema([table.schema.field(name) for name in columns]))

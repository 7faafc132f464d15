"""Rows of an insert-only table that other code made give way to those of this code, key by key."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from lake.delta import contents, tables, writing
from lake.delta.contents import Held
from lake.delta.live import LiveFile
from lake.delta.staging import StagedFile
from lake.store import store_errors
from lake.store.location import Lake
from runtime.fingerprint import LENGTH, asked_of
from schemas.table import Table


def keys_of(lake: Lake, table: Table, name: str) -> pa.Table:
    """The keys of the rows that work of this fingerprint has inserted."""
    with store_errors.of_tables(lake.root, f"Reading the table {table.name}"):
        return _keys_of(lake, table, tables.live_files(tables.open_table(lake, table), table), name)


def renew(lake: Lake, table: Table, data: pa.Table, name: str) -> int:
    """Insert rows in one commit, as ``writing.insert_new`` does, in place of those that other code made of the same.

    Args:
        data: rows of ``table``. name: fingerprint of the work that made them.

    Raises:
        InfrastructureError: other writers kept winning, or the store refused.
    """
    if not _others(tables.live_files(tables.open_table(lake, table), table), name):
        return writing.insert_new(lake, table, data, fingerprint=name, keep_keys=True)
    rows = data.cast(table.schema)

    def replace(current: DeltaTable) -> int:
        files = tables.live_files(current, table)
        new = rows.take(writing.new_keys(table.key, rows, _keys_of(lake, table, files, name)))
        if not new.num_rows:
            return 0
        removed, kept = _without(lake, table, _others(files, name), new, name)
        now = int(time.time() * 1000)
        added = [*kept, writing.stage_with_keys(lake, table, new, name)]
        current.create_write_transaction(
            [
                *(RemoveAction(file.path, True, now, partition_values={}) for file in removed),
                *(AddAction(file.path, file.size, {}, now, True, file.statistics) for file in added),
            ],
            mode="append",
            schema=Schema.from_arrow(table.schema),
            commit_properties=writing.one_attempt(
                {"intentflow.fingerprint": name},
                contents.note(lake, table, _state([file for file in files if file not in removed], added)),
            ),
        )
        current.update_incremental()
        return int(new.num_rows)

    return writing.commit(writing.create(lake, table), table, replace)


def _state(staying: Sequence[LiveFile], added: Sequence[StagedFile]) -> contents.State:
    names = {*(name for file in staying for name in file.names), *(file.path for file in added)}
    rows = sum(file.rows for file in staying) + sum(file.rows for file in added)
    return {(): Held(tuple(sorted(names)), rows)}


def _keys_of(lake: Lake, table: Table, files: Sequence[LiveFile], name: str) -> pa.Table:
    schema = pa.schema([table.schema.field(column) for column in table.key])
    found = [_by_work(lake, table, file, table.key, name)[name] for file in files if name in file.works]
    return pa.concat_tables([schema.empty_table(), *found])


def _others(files: Sequence[LiveFile], name: str) -> list[LiveFile]:
    """The files that hold rows of the same work by other code, or by code that nobody noted."""
    return [file for file in files if any(_is_other(work, name) for work in file.works)]


def _is_other(work: str, name: str) -> bool:
    return work != name and (len(work) <= LENGTH or asked_of(work) == asked_of(name))


def _without(
    lake: Lake, table: Table, files: Sequence[LiveFile], new: pa.Table, name: str
) -> tuple[list[LiveFile], list[StagedFile]]:
    """The files that hold keys of the new rows, and what is left of them, staged as the work it was."""
    removed, kept = [], []
    for file in files:
        old = _by_work(lake, table, file, table.schema.names, name)
        staying = {work: rows.take(writing.new_keys(table.key, rows, new)) for work, rows in old.items()}
        if any(staying[work].num_rows < rows.num_rows for work, rows in old.items()):
            removed.append(file)
            kept += [
                writing.stage_with_keys(lake, table, rows, work) for work, rows in staying.items() if rows.num_rows
            ]
    return removed, kept


def _by_work(lake: Lake, table: Table, file: LiveFile, columns: Sequence[str], name: str) -> dict[str, pa.Table]:
    """A file's rows by the work that made them. Where others laid files together, kept keys tell whose a row is; one
    that nobody kept is taken for one of other code than this, so that it is made again rather than believed."""
    left = _read(lake, table, file, columns)
    if len(file.works) == 1:
        return dict.fromkeys(file.works, left)
    found = {work: [left.slice(0, 0)] for work in file.works}
    for staged in file.names:
        keys = writing.kept_keys(lake, table, staged)
        if keys is not None:
            others = writing.new_keys(table.key, left, keys)
            mine = pc.invert(pc.is_in(pa.array(range(left.num_rows)), others))
            (work,) = LiveFile(staged, 0, {}).works
            found[work].append(left.filter(mine))
            left = left.take(others)
    unknown = min((work for work in file.works if _is_other(work, name)), default=min(file.works - {name}))
    found[unknown].append(left)
    return {work: pa.concat_tables(rows) for work, rows in found.items()}


def _read(lake: Lake, table: Table, file: LiveFile, columns: Sequence[str]) -> pa.Table:
    place = lake.filesystem(table.name)
    with place.open_input_file(file.path) as content:
        rows = pq.ParquetFile(content).read(columns=list(columns))
    return rows.cast(pa.schema([table.schema.field(name) for name in columns]))

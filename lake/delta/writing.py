"""Writing Delta tables: created and widened, new rows of insert-only tables, an older version restored.

What replaces partitions is ``publishing.py``. Every write is a commit of one attempt on the newest version.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from lake.delta import contents, tables
from lake.delta.contents import Held
from lake.delta.contract import compare
from lake.delta.live import LiveFile
from lake.delta.staging import StagedFile, stage
from lake.store import store_errors
from lake.store.location import Lake
from runtime.errors import DataError, InfrastructureError, RaceLost
from schemas.table import Table

COMMIT_ATTEMPTS = 20
KEYS = "_keys"
# For so long, after its rows were replaced, a version can be read whoever cleans the table's folder by its own rules.
REPLACED_DAYS = 30
LOG_DAYS = 3650
Result = TypeVar("Result")


def create(lake: Lake, table: Table) -> DeltaTable:
    """Open the table for writing: created empty when it is not there, with the columns that its contract gained.

    Of several creators at once the first one counts.

    Raises:
        DataError: the contract does not fit the table.
    """
    for _attempt in range(2):
        if (found := tables.open_table(lake, table)) is not None:
            if compare(found, table) or _lacking(found, table):
                commit(found, table, lambda current: _evolve(current, table))
            return found
        try:
            with store_errors.of_tables(lake.root, f"Creating the table {table.name}"):
                return DeltaTable.create(
                    lake.uri(table.name),
                    schema=table.schema,
                    partition_by=list(table.partition_by) or None,
                    mode="ignore",
                    name=table.name,
                    description=table.meaning,
                    configuration=_configuration(table) or None,
                    commit_properties=one_attempt(None),
                    storage_options=lake.storage_options,
                )
        except CommitFailedError:
            continue
    raise InfrastructureError(f"The table {table.name} could neither be created nor opened: run again.")


def _configuration(table: Table) -> dict[str, str]:
    """Published days pin versions of tables that are replaced: their logs, a few commits a day, forget nothing, and
    whoever cleans their folders, with whichever engine, leaves for a while what was replaced."""
    if table.publication != "replace":
        return {}
    return {
        "delta.enableExpiredLogCleanup": "false",
        "delta.logRetentionDuration": f"interval {LOG_DAYS} days",
        "delta.deletedFileRetentionDuration": f"interval {REPLACED_DAYS} days",
    }


def _lacking(delta: DeltaTable, table: Table) -> dict[str, str]:
    """What a table of before is not configured with; what somebody has set stays."""
    there = delta.metadata().configuration
    return {name: value for name, value in _configuration(table).items() if name not in there}


def _evolve(current: DeltaTable, table: Table) -> None:
    evolution = compare(current, table)
    if evolution.added:
        current.alter.add_columns(list(evolution.added), commit_properties=one_attempt(None))
    for name in evolution.relaxed:
        current.alter.drop_column_not_null(name, commit_properties=one_attempt(None))
    if lacking := _lacking(current, table):
        current.alter.set_table_properties(lacking, commit_properties=one_attempt(None))


def note_contents(lake: Lake, table: Table) -> bool:
    """Note what a table holds where no commit of ours has done so yet; whether it was needed."""
    delta = create(lake, table)

    def write(current: DeltaTable) -> bool:
        if contents.noted(current) is not None:
            return False
        state = contents.state_of(table, tables.live_files(current, table))
        current.create_write_transaction(
            [],
            mode="append",
            schema=Schema.from_arrow(table.schema),
            partition_by=list(table.partition_by) or None,
            commit_properties=one_attempt(None, contents.note(lake, table, state)),
        )
        current.update_incremental()
        return True

    return commit(delta, table, write)


def insert_new(
    lake: Lake,
    table: Table,
    data: pa.Table,
    metadata: Mapping[str, str] | None = None,
    fingerprint: str = "insert",
    refuse: Callable[[DeltaTable], None] | None = None,
    keep_keys: bool = False,
) -> int:
    """Insert the rows whose key is not there yet, in one commit; returns how many went in.

    Of several rows with one key the first goes in. Not delta-rs' merge: that compares the new rows only with what is
    there, and writes text as Arrow's string views, by which PyArrow cannot filter.

    Args:
        refuse: looks at the very version that the rows would be added to; when it raises, nothing is written.
        keep_keys: as ``stage_with_keys``.

    Raises:
        InfrastructureError: other writers kept winning, or the store refused.
    """
    if data.num_rows == 0:
        return 0
    delta = create(lake, table)
    rows = data.cast(table.schema)

    def insert(current: DeltaTable) -> int:
        if refuse:
            refuse(current)
        wanted = (table.key[0], "in", rows[table.key[0]].unique())
        there = tables.scan(lake, current, table, table.key, [wanted])
        new = rows.take(new_keys(table.key, rows, there))
        if new.num_rows:
            staging = stage_with_keys if keep_keys else stage
            file = staging(lake, table, new, fingerprint=fingerprint)
            added = AddAction(file.path, file.size, {}, int(time.time() * 1000), True, file.statistics)
            state = _with_more(table, tables.live_files(current, table), file)
            current.create_write_transaction(
                [added],
                mode="append",
                schema=Schema.from_arrow(table.schema),
                commit_properties=one_attempt(metadata, contents.note(lake, table, state)),
            )
            current.update_incremental()
        return int(new.num_rows)

    return commit(delta, table, insert)


def stage_with_keys(lake: Lake, table: Table, data: pa.Table, fingerprint: str) -> StagedFile:
    """Stage rows of a table without partitions, and keep their keys: they tell whose the rows are when others lay
    files together."""
    file = stage(lake, table, data, fingerprint=fingerprint)
    keys = io.BytesIO()
    pq.write_table(data.select(list(table.key)), keys, compression="zstd")
    lake.write(_path_of_keys(table, file.path), keys.getvalue())
    return file


def kept_keys(lake: Lake, table: Table, path: str) -> pa.Table | None:
    """The keys of a staged file's rows; None where they were not kept."""
    content = lake.read(_path_of_keys(table, path))
    return None if content is None else pq.read_table(pa.BufferReader(content))


def _path_of_keys(table: Table, path: str) -> str:
    return f"{KEYS}/{table.name}/{path}"


def _with_more(table: Table, files: Sequence[LiveFile], more: StagedFile) -> contents.State:
    """What a table without partitions holds once a file is added."""
    held = contents.state_of(table, files).get((), Held((), 0))
    return {(): Held(tuple(sorted({*held.names, more.path})), held.rows + more.rows)}


def new_keys(key: Sequence[str], rows: pa.Table, there: pa.Table) -> pa.Array:
    """Numbers of the first row of each key that is not there, sorted."""
    names = list(key)
    numbered = rows.select(names).append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.group_by(names, use_threads=False).aggregate([("_number", "min")])
    new = first.join(there.select(names), keys=names, join_type="left anti")
    return new["_number_min"].combine_chunks().sort()


def commit(delta: DeltaTable, table: Table, attempt: Callable[[DeltaTable], Result]) -> Result:
    """Run one write, again on the newest version when another writer committed first.

    delta-rs by itself lets two writers fill the same empty partition, so each attempt must commit without its
    retries (``one_attempt``) and look at the newest version before it writes.
    """
    for number in range(COMMIT_ATTEMPTS):
        with store_errors.of_tables(delta.table_uri.rstrip("/"), f"Writing the table {table.name}"):
            try:
                return attempt(delta)
            except CommitFailedError:
                time.sleep(random.uniform(0.01, 0.05) * (number + 1))
                delta.update_incremental()
    raise InfrastructureError(
        f"The table {table.name} could not be written: other writers won {COMMIT_ATTEMPTS} times; run again."
    )


def one_attempt(metadata: Mapping[str, str] | None, noted: Transaction | None = None) -> CommitProperties:
    """How a commit is made: once, with what is to be said of it, and with the note on what the table then holds."""
    return CommitProperties(
        custom_metadata=dict(metadata or {}),
        max_commit_retries=0,
        app_transactions=[noted] if noted else None,
    )


def restore(lake: Lake, table: Table, version: int) -> int:
    """Make an older version the newest again; returns its new number. What lay between stays in the history.

    Raises:
        DataError: there is no such version, or its files are gone.
        RaceLost: another writer committed meanwhile.
    """
    delta = tables.open_table(lake, table, checked=False)
    newest = -1 if delta is None else delta.version()
    if delta is None or not 0 <= version < newest:
        held = f"its newest version is {newest}" if delta else "it was never written"
        raise DataError(f"The table {table.name} has no older version {version}: {held}.")
    older = tables.open_table(lake, table, version, checked=False)
    noted = contents.note(lake, table, contents.state_of(table, tables.live_files(older, table)))
    with store_errors.of_tables(lake.root, f"Restoring the table {table.name}"):
        try:
            delta.restore(version, commit_properties=one_attempt(None, noted))
        except CommitFailedError as error:
            raise RaceLost(
                f"Another run wrote the table {table.name} meanwhile: look at it and restore again."
            ) from error
        except DeltaError as error:
            if "missing file" not in str(error):
                raise
            raise DataError(
                f"Version {version} of the table {table.name} cannot be restored: its files were cleaned away."
            ) from error
        delta.update_incremental()
    return int(delta.version())

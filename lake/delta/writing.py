"""Writing Delta tables: created and widened, new rows of insert-only tables, an older version restored.

What replaces partitions is ``publishing.py``. Every write is a commit of one attempt on the newest version.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from lake.delta import tables
from lake.delta.contract import compare
from lake.delta.staging import stage
from lake.store import store_errors
from lake.store.location import Lake
from runtime.errors import DataError, InfrastructureError, RaceLost
from schemas.table import Table

COMMIT_ATTEMPTS = 20
Result = TypeVar("Result")


def create(lake: Lake, table: Table) -> DeltaTable:
    """Open the table for writing: created empty when it is not there, with the columns that its contract gained.

    Of several creators at once the first one counts.

    Raises:
        DataError: the contract does not fit the table.
    """
    for _attempt in range(2):
        if (found := tables.open_table(lake, table)) is not None:
            if compare(found, table):
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
                    configuration=_configuration(table),
                    commit_properties=one_attempt(None),
                    storage_options=lake.storage_options,
                )
        except CommitFailedError:
            continue
    raise InfrastructureError(f"The table {table.name} could neither be created nor opened: run again.")


def _configuration(table: Table) -> dict[str, str] | None:
    """Published days pin versions of tables that are replaced, so their logs, a few commits a day, forget nothing."""
    return {"delta.enableExpiredLogCleanup": "false"} if table.publication == "replace" else None


def _evolve(current: DeltaTable, table: Table) -> None:
    evolution = compare(current, table)
    if evolution.added:
        current.alter.add_columns(list(evolution.added), commit_properties=one_attempt(None))
    for name in evolution.relaxed:
        current.alter.drop_column_not_null(name, commit_properties=one_attempt(None))


def insert_new(
    lake: Lake,
    table: Table,
    data: pa.Table,
    metadata: Mapping[str, str] | None = None,
    fingerprint: str = "insert",
    refuse: Callable[[DeltaTable], None] | None = None,
) -> int:
    """Insert the rows whose key is not there yet, in one commit; returns how many went in.

    Of several rows with one key the first goes in. Not delta-rs' merge: that compares the new rows only with what is
    there, and writes text as Arrow's string views, by which PyArrow cannot filter.

    Args:
        refuse: looks at the very version that the rows would be added to; when it raises, nothing is written.

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
            file = stage(lake, table, new, fingerprint=fingerprint)
            added = AddAction(file.path, file.size, {}, int(time.time() * 1000), True, file.statistics)
            current.create_write_transaction(
                [added],
                mode="append",
                schema=Schema.from_arrow(table.schema),
                commit_properties=one_attempt(metadata),
            )
            current.update_incremental()
        return int(new.num_rows)

    return commit(delta, table, insert)


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


def one_attempt(metadata: Mapping[str, str] | None) -> CommitProperties:
    return CommitProperties(custom_metadata=dict(metadata or {}), max_commit_retries=0)


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
    with store_errors.of_tables(lake.root, f"Restoring the table {table.name}"):
        try:
            delta.restore(version, commit_properties=one_attempt(None))
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

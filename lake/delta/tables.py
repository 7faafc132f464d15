"""Delta tables: what is live, how it is read, how new rows of insert-only tables get in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from lake.delta.contract import compare
from lake.delta.staging import stage
from lake.store import store_errors
from lake.store.location import Lake
from runtime.errors import DataError, InfrastructureError, RaceLost
from runtime.fingerprint import digest
from schemas.table import Table

if TYPE_CHECKING:
    import pyarrow.dataset as pds

Partition = Mapping[str, str]
COMMIT_ATTEMPTS = 20
Result = TypeVar("Result")


@dataclass(frozen=True)
class LiveFile:
    """A data file that readers see. Staged files carry fingerprint, part and content digest in their name."""

    path: str
    rows: int
    partition: Partition

    @property
    def fingerprint(self) -> str:
        return self.path.rsplit("/", 1)[-1].split("-", 1)[0]

    @property
    def part(self) -> int:
        """Number of the writer among those of the partition."""
        return int(self.path.rsplit("-", 2)[1])

    @property
    def content(self) -> str:
        return self.path.rsplit("-", 1)[-1].removesuffix(".parquet")


def open_table(lake: Lake, table: Table, version: int | None = None, *, checked: bool = True) -> DeltaTable | None:
    """The Delta table, or None while nothing was ever written to it.

    Args:
        version: an older one, as the ``days`` row names it.
        checked: refuse a table that its contract does not fit; looking at the log alone does without.

    Raises:
        DataError: the contract does not fit, or there is no such version any more.
        ConfigurationError, InfrastructureError: the lake cannot be reached.
    """
    with store_errors.of_tables(lake.root, f"Opening the table {table.name}"):
        try:
            delta = DeltaTable(lake.uri(table.name), version=version, storage_options=lake.storage_options)
        except DeltaError as error:
            # A version whose log is gone looks like a table that never was.
            if version is None:
                if isinstance(error, TableNotFoundError):
                    return None
                raise
            raise DataError(
                f"The table {table.name} has no version {version}, or no longer: `python -m lake history "
                f"{table.name}` lists those it has."
            ) from error
    if checked:
        compare(delta, table)
    return delta


def create(lake: Lake, table: Table) -> DeltaTable:
    """Open the table for writing: created empty when it is not there, with the columns that its contract gained.

    Of several creators at once the first one counts.

    Raises:
        DataError: the contract does not fit the table.
    """
    for _attempt in range(2):
        if (found := open_table(lake, table)) is not None:
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


def version(lake: Lake, table: Table) -> int | None:
    """The table's newest version, or None when there is no table."""
    delta = open_table(lake, table)
    return None if delta is None else delta.version()


def live_files(delta: DeltaTable | None, table: Table, partition: Partition | None = None) -> list[LiveFile]:
    """The files readers see, of one partition or of all, sorted by path."""
    if delta is None:
        return []
    actions = pa.table(delta.get_add_actions(flatten=True))
    columns = ["path", "num_records", *(f"partition.{name}" for name in table.partition_by)]
    files = [
        LiveFile(row["path"], row["num_records"], {name: row[f"partition.{name}"] for name in table.partition_by})
        for row in actions.select(columns).to_pylist()
    ]
    wanted = partition or {}
    return sorted(
        (file for file in files if all(file.partition.get(k) == v for k, v in wanted.items())),
        key=lambda file: file.path,
    )


def published_days(lake: Lake, table: Table) -> dict[str, list[LiveFile]]:
    """The live files of a table by day."""
    days: dict[str, list[LiveFile]] = {}
    for file in live_files(open_table(lake, table), table):
        days.setdefault(file.partition["day"], []).append(file)
    return days


def content_digest(files: Sequence[LiveFile]) -> str | None:
    """Digest of what the files hold, whoever wrote them; None when there is no file."""
    return digest(sorted(file.content for file in files)) if files else None


def partition_digest(lake: Lake, table: Table, day: str | None = None, **partition: str) -> str | None:
    """Content digest of a published partition (of the whole table without one); None when it is not published."""
    wanted = {**({"day": day} if day else {}), **partition}
    return content_digest(live_files(open_table(lake, table), table, wanted))


def read(
    lake: Lake,
    table: Table,
    day: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    filters: Sequence[tuple[str, str, Any]] = (),
    version: int | None = None,
) -> pa.Table:
    """Read published rows, in the order of the table's key; nothing published gives an empty table.

    Args:
        filters: ``(column, operator, value)`` triples, all of which must hold.
        version: a pinned version, as the ``days`` row names it.

    Raises:
        DataError: the table's contract does not fit it, or the version is gone.
        ConfigurationError, InfrastructureError: the lake cannot be reached, or lost a file.
    """
    names = list(columns) if columns else table.schema.names
    fields = [table.schema.field(name) for name in names]
    delta = open_table(lake, table, version)
    if delta is None:
        return pa.schema(fields).empty_table()
    wanted = [*filters, *([("day", "=", day)] if day else [])]
    with store_errors.of_tables(lake.root, f"Reading the table {table.name}"):
        found = _dataset(lake, delta, table).to_table(columns=names, filter=_expression(table, wanted))
    keys = [(name, "ascending") for name in table.key if name in names]
    return found.cast(pa.schema(fields)).sort_by(keys) if keys else found.cast(pa.schema(fields))


def sample(
    lake: Lake, table: Table, rows: int, day: str | None = None, *, version: int | None = None
) -> tuple[pa.Table, int]:
    """Some published rows, in the order of the table's key, and how many there are; reads no more than it must.

    Raises:
        As ``read``.
    """
    delta = open_table(lake, table, version)
    files = live_files(delta, table, {"day": day} if day else None)
    if delta is None or not files:
        return table.schema.empty_table(), 0
    with store_errors.of_tables(lake.root, f"Reading the table {table.name}"):
        wanted = _expression(table, [("day", "=", day)] if day else [])
        found = _dataset(lake, delta, table).head(rows, columns=table.schema.names, filter=wanted)
    ordered = found.cast(table.schema).sort_by([(name, "ascending") for name in table.key])
    return ordered, sum(file.rows for file in files)


def restore(lake: Lake, table: Table, version: int) -> int:
    """Make an older version the newest again; returns its new number. What lay between stays in the history.

    Raises:
        DataError: there is no such version, or its files are gone.
        RaceLost: another writer committed meanwhile.
    """
    delta = open_table(lake, table, checked=False)
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


def _dataset(lake: Lake, delta: DeltaTable, table: Table) -> pds.Dataset:
    """The live files, told apart by their partition alone.

    deltalake's own dataset also promises what the files' statistics say, and promises too much: a bound that is
    missing becomes ``column >= null``, and rows that are there are not found.
    """
    import pyarrow.dataset as pds  # Brings pandas along, which whoever only asks what is published can spare.

    place, form = lake.filesystem(table.name), pds.ParquetFileFormat()
    fragments = [
        form.make_fragment(
            file.path,
            filesystem=place,
            partition_expression=_expression(table, [(name, "=", value) for name, value in file.partition.items()]),
        )
        for file in live_files(delta, table)
    ]
    return pds.FileSystemDataset(fragments, table.schema, form, place)


def _expression(table: Table, filters: Sequence[tuple[str, str, Any]]) -> pc.Expression | None:
    expression: pc.Expression | None = None
    for column, operator, value in filters:
        if operator == "in":
            value = _values(value).cast(table.schema.field(column).type)
        one = _COMPARISONS[operator](pc.field(column), value)
        expression = one if expression is None else expression & one
    return expression


def _values(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(list(values))


_COMPARISONS: dict[str, Callable[[pc.Expression, Any], pc.Expression]] = {
    "=": lambda field, value: field == value,
    "!=": lambda field, value: field != value,
    "<": lambda field, value: field < value,
    "<=": lambda field, value: field <= value,
    ">": lambda field, value: field > value,
    ">=": lambda field, value: field >= value,
    "in": lambda field, value: field.isin(value),
}


def insert_new(lake: Lake, table: Table, data: pa.Table, metadata: Mapping[str, str] | None = None) -> int:
    """Insert the rows whose key is not there yet, in one commit; returns how many went in.

    Of several rows with one key the first goes in. Not delta-rs' merge: that compares the new rows only with what is
    there, and writes text as Arrow's string views, by which PyArrow cannot filter.

    Raises:
        InfrastructureError: other writers kept winning, or the store refused.
    """
    if data.num_rows == 0:
        return 0
    delta = create(lake, table)
    rows = data.cast(table.schema)

    def insert(current: DeltaTable) -> int:
        wanted = (table.key[0], "in", rows[table.key[0]].unique())
        there = _dataset(lake, current, table).to_table(columns=list(table.key), filter=_expression(table, [wanted]))
        new = rows.take(_new_keys(table.key, rows, there))
        if new.num_rows:
            file = stage(lake, table, new, fingerprint="insert")
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


def _new_keys(key: Sequence[str], rows: pa.Table, there: pa.Table) -> pa.Array:
    """Numbers of the first row of each key that is not there."""
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

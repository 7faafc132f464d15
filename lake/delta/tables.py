"""Reading Delta tables: which files are live, what they hold, and their rows. Writing them is ``writing.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from lake.delta import contents
from lake.delta.contract import compare
from lake.delta.live import LiveFile, Partition, content_of, file_order
from lake.store import store_errors
from lake.store.location import Lake
from runtime.errors import DataError
from runtime.fingerprint import digest
from schemas.table import Table

if TYPE_CHECKING:
    import pyarrow.compute as pc
    import pyarrow.dataset as pds

# Column, operator, value: the operators are those of ``pyarrow.parquet.filters_to_expression``.
Filter = tuple[str, str, Any]


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


def version(lake: Lake, table: Table) -> int | None:
    """The table's newest version, or None when there is no table."""
    delta = open_table(lake, table)
    return None if delta is None else delta.version()


def live_files(delta: DeltaTable | None, table: Table, partition: Partition | None = None) -> list[LiveFile]:
    """The files readers see, of one partition or of all, sorted by path."""
    if delta is None:
        return []
    wanted = partition or {}
    return sorted(
        (
            file
            for file in contents.with_origins(delta, table, _files_of_log(delta, table))
            if all(file.partition.get(k) == v for k, v in wanted.items())
        ),
        key=lambda file: (file.path, file.names),
    )


def _files_of_log(delta: DeltaTable, table: Table) -> list[LiveFile]:
    # Not pa.table(...): it imports pandas, to see that this is no data frame.
    actions = pa.RecordBatchReader.from_stream(delta.get_add_actions(flatten=True)).read_all()
    columns = ["path", "num_records", *(f"partition.{name}" for name in table.partition_by)]
    return [
        LiveFile(row["path"], row["num_records"], {name: row[f"partition.{name}"] for name in table.partition_by})
        for row in actions.select(columns).to_pylist()
    ]


def published_days(lake: Lake, table: Table) -> dict[str, list[LiveFile]]:
    """The live files of a table by day."""
    days: dict[str, list[LiveFile]] = {}
    for file in live_files(open_table(lake, table), table):
        days.setdefault(file.partition["day"], []).append(file)
    return days


def content_digest(files: Sequence[LiveFile]) -> str | None:
    """Digest of what the files hold, whoever wrote them and however they lie; None when there is no file."""
    names = {name for file in files for name in file.names}
    return digest(sorted(content_of(name) for name in names)) if files else None


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
    filters: Sequence[Filter] = (),
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
    keys = [name for name in table.key if name in names]
    if any(not file.is_staged for file in live_files(delta, table)):
        # Files that others wrote keep no order, and rows equal in the key must come as they were staged.
        keys = list(dict.fromkeys([*keys, *table.partition_by, *file_order(table, table.schema)]))
    read_too = [name for name in keys if name not in names]
    with store_errors.of_tables(lake.root, f"Reading the table {table.name}"):
        found = _dataset(lake, delta, table).to_table(columns=[*names, *read_too], filter=_expression(table, wanted))
    ordered = found.sort_by([(name, "ascending") for name in keys]) if keys else found
    return ordered.select(names).cast(pa.schema(fields))


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


def scan(lake: Lake, delta: DeltaTable, table: Table, columns: Sequence[str], filters: Sequence[Filter]) -> pa.Table:
    """Rows of a version that is open, in no order and with the types of its files."""
    return _dataset(lake, delta, table).to_table(columns=list(columns), filter=_expression(table, filters))


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
        if file.path
    ]
    return pds.FileSystemDataset(fragments, table.schema, form, place)


def _expression(table: Table, filters: Sequence[Filter]) -> pc.Expression | None:
    """All filters as one expression, or None without any; values of a set get their column's type."""
    typed = [
        (column, operator, _value_set(table, column, value) if operator in ("in", "not in") else value)
        for column, operator, value in filters
    ]
    return pq.filters_to_expression(typed) if typed else None


def _value_set(table: Table, column: str, values: Any) -> pa.Array:
    """The values that a column is looked up in: none, or those of a dictionary, have no type that fits by itself."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array = values if isinstance(values, pa.Array) else pa.array(list(values))
    return array.cast(table.schema.field(column).type)

"""What a worker does besides computing: read data files of the lake, report the files it staged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import pyarrow as pa

from lake.delta.staging import Batch, StagedFile, StagedPartition, rows_of, stage
from lake.store.location import Lake
from runtime.errors import InfrastructureError
from schemas.table import Table

# What a worker reports of each file it staged.
STAGED = pa.schema([("table", pa.string()), ("day", pa.string()), ("file", pa.string()), ("counts", pa.string())])


def read_files(
    lake: Lake, table: Table, files: Iterable[tuple[str, str]], columns: Sequence[str] | None = None
) -> pa.Table:
    """Rows of data files given as (day, path), with the day as a column.

    Raises:
        InfrastructureError: a file is not there any more.
    """
    nothing = rows_of(b"", table, columns)
    schema = nothing.schema.insert(0, table.schema.field("day"))
    parts = [schema.empty_table()]
    for day, path in files:
        content = lake.read(f"{table.name}/{path}")
        if content is None:
            raise InfrastructureError(
                f"The data file {table.name}/{path} is gone: it was replaced meanwhile; run again."
            )
        rows = rows_of(content, table, columns)
        parts.append(rows.add_column(0, schema.field("day"), pa.array([day] * rows.num_rows, pa.string())).cast(schema))
    return pa.concat_tables(parts)


class Staged:
    """Collects what one call of a worker staged."""

    def __init__(self) -> None:
        self._rows: list[dict[str, str]] = []

    def add(self, table: Table, day: str, file: StagedFile, counts: Mapping[str, int]) -> None:
        """Note a staged file with the counts that the audit looks at."""
        row = {"table": table.name, "day": day, "file": json.dumps(asdict(file)), "counts": json.dumps(counts)}
        self._rows.append(row)

    def report(self) -> pa.Table:
        """The notes as a table of schema ``STAGED``."""
        return pa.Table.from_pylist(self._rows, STAGED)


def batch(
    lake: Lake,
    table: Table,
    step: str,
    staged: pa.Table,
    fingerprints: Mapping[str, str],
    nothing: Mapping[str, int],
) -> Batch:
    """The batch of one table from all workers' reports; a day that nobody staged is staged empty.

    Args:
        fingerprints: by day, of all days that the batch must hold. nothing: the counts of an empty day.
    """
    found: dict[str, list[dict[str, str]]] = {}
    for row in staged.to_pylist():
        if row["table"] == table.name:
            found.setdefault(row["day"], []).append(row)
    partitions = []
    for day, name in fingerprints.items():
        files = tuple(
            sorted((StagedFile(**json.loads(row["file"])) for row in found.get(day, [])), key=lambda f: f.path)
        )
        counts: Counter[str] = Counter(nothing)
        for row in found.get(day, []):
            counts.update(json.loads(row["counts"]))
        if not files:
            empty = table.file_schema.empty_table()
            files = (stage(lake, table, empty, fingerprint=name, partition={"day": day}),)
        partitions.append(StagedPartition({"day": day}, name, files, dict(counts)))
    return Batch(table.name, step, tuple(partitions))

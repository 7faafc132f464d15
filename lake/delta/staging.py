"""Staged files: written at their final place under the table's folder, seen by no reader until published.

A file is named ``<fingerprint>-<part>-<content digest>.parquet``: the same work writes the same name again, and
the live files of a partition tell by themselves whose work they are and what they hold.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from lake.delta.live import file_order
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import SourceMissing
from runtime.fingerprint import bytes_digest, digest
from schemas.table import Table

FOLDER = "_batches"


@dataclass(frozen=True)
class StagedFile:
    """One data file waiting to be published: path below the table's folder, bytes, rows, Delta statistics."""

    path: str
    size: int
    rows: int
    statistics: str


@dataclass(frozen=True)
class StagedPartition:
    """All of one partition's new content, with the work's fingerprint and what the audit looks at."""

    partition: Mapping[str, str]
    fingerprint: str
    files: tuple[StagedFile, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Batch:
    """What a step staged for one table. Its digest names it, so an audit's verdict belongs to exactly this batch."""

    table: str
    step: str
    partitions: tuple[StagedPartition, ...]

    @cached_property
    def digest(self) -> str:
        """Asked for once a partition, and costs a fifth of a second for a year of days: so computed once."""
        return digest(asdict(self))

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.table}/{self.digest}.json"

    def save(self, lake: Lake) -> str:
        """Keep the batch's description in the lake; returns its path, which is all that tasks pass around."""
        objects.put(lake, self.path, asdict(self))
        return self.path

    @classmethod
    def load(cls, lake: Lake, path: str) -> Batch:
        """Read a batch's description.

        Raises:
            SourceMissing: there is none at the path.
        """
        document = objects.get(lake, path)
        if document is None:
            raise SourceMissing(f"There is no batch {path} in {lake.root}: stage it again.")
        partitions = tuple(
            StagedPartition(
                partition=entry["partition"],
                fingerprint=entry["fingerprint"],
                files=tuple(StagedFile(**file) for file in entry["files"]),
                metrics=entry["metrics"],
            )
            for entry in document["partitions"]
        )
        return cls(document["table"], document["step"], partitions)


def stage(
    lake: Lake,
    table: Table,
    data: pa.Table,
    *,
    fingerprint: str,
    partition: Mapping[str, str] | None = None,
    part: int = 0,
) -> StagedFile:
    """Write rows, sorted by the table's key, as one file that no reader sees yet.

    Equal rows give an equal file, whatever order they came in. An empty table is staged too: an empty day is a
    fact, not an absence.

    Args:
        data: rows with the table's columns; partition columns may be missing.
        fingerprint: of the work that made the rows. part: number of the writer among several of one partition.

    Raises:
        InfrastructureError: the store refused.
        pyarrow.ArrowInvalid: the rows do not fit the table's schema.
    """
    values = dict(partition or {})
    if set(values) != set(table.partition_by):
        raise ValueError(f"{table.name} is partitioned by {table.partition_by}, got {sorted(values)}.")
    rows = data.select(table.file_schema.names).cast(table.file_schema)
    rows = rows.sort_by([(name, "ascending") for name in file_order(table, rows.schema)]).combine_chunks()
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd", row_group_size=256_000)
    content = buffer.getvalue()
    folder = "".join(f"{name}={values[name]}/" for name in table.partition_by)
    path = f"{folder}{fingerprint}-{part:05d}-{bytes_digest(content)}.parquet"
    lake.write(f"{table.name}/{path}", content)
    # The row count alone: where some columns have bounds and others none, deltalake's PyArrow reader takes a missing
    # bound for a null one and drops rows. Parquet's own bounds let a reader skip just as well.
    return StagedFile(path, len(content), rows.num_rows, json.dumps({"numRecords": rows.num_rows}))


def read_staged(lake: Lake, table: Table, staged: StagedPartition, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a staged partition, without its partition columns.

    Raises:
        SourceMissing: a staged file is gone.
    """
    parts = [rows_of(b"", table, columns)]
    for file in staged.files:
        content = lake.read(f"{table.name}/{file.path}")
        if content is None:
            raise SourceMissing(f"The staged file {table.name}/{file.path} is gone from {lake.root}: stage it again.")
        parts.append(rows_of(content, table, columns))
    return pa.concat_tables(parts)


def rows_of(content: bytes, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a data file, without its partition columns; no content has no rows.

    A file from before its table had a column has nulls there.

    Args:
        columns: the wanted ones; all when None.
    """
    schema = pa.schema([field for field in table.file_schema if columns is None or field.name in columns])
    if not content:
        return schema.empty_table()
    file = pq.ParquetFile(pa.BufferReader(content))
    rows = file.read(columns=[name for name in schema.names if name in file.schema_arrow.names])
    for name in schema.names:
        if name not in rows.column_names:
            rows = rows.append_column(schema.field(name), pa.nulls(rows.num_rows, schema.field(name).type))
    return rows.select(schema.names).cast(schema)

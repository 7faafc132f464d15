"""Delta tables: what is live, how it is read, how new rows of insert-only tables get in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from commands.errors import InfrastructureError
from lake.fingerprint import digest
from lake.location import Lake
from schemas.table import Table

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


def open_table(lake: Lake, table: Table, version: int | None = None) -> DeltaTable | None:
    """The Delta table, or None while nothing was ever written to it."""
    try:
        return DeltaTable(lake.uri(table.name), version=version, storage_options=lake.storage_options)
    except TableNotFoundError:
        return None


def create(lake: Lake, table: Table) -> DeltaTable:
    """Open the table, creating it empty when it is not there."""
    return open_table(lake, table) or DeltaTable.create(
        lake.uri(table.name),
        schema=table.schema,
        partition_by=list(table.partition_by) or None,
        mode="ignore",
        name=table.name,
        description=table.meaning,
        storage_options=lake.storage_options,
    )


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
    """
    names = list(columns) if columns else table.schema.names
    fields = [table.schema.field(name) for name in names]
    delta = open_table(lake, table, version)
    if delta is None:
        return pa.schema(fields).empty_table()
    wanted = [*filters, *([("day", "=", day)] if day else [])]
    dataset = delta.to_pyarrow_dataset(filesystem=lake.filesystem(table.name))
    found = dataset.to_table(columns=names, filter=_expression(wanted))
    keys = [(name, "ascending") for name in table.key if name in names]
    return found.cast(pa.schema(fields)).sort_by(keys) if keys else found.cast(pa.schema(fields))


def _expression(filters: Sequence[tuple[str, str, Any]]) -> pc.Expression | None:
    expression: pc.Expression | None = None
    for column, operator, value in filters:
        one = _COMPARISONS[operator](pc.field(column), value)
        expression = one if expression is None else expression & one
    return expression


_COMPARISONS: dict[str, Callable[[pc.Expression, Any], pc.Expression]] = {
    "=": lambda field, value: field == value,
    "!=": lambda field, value: field != value,
    "<": lambda field, value: field < value,
    "<=": lambda field, value: field <= value,
    ">": lambda field, value: field > value,
    ">=": lambda field, value: field >= value,
    "in": lambda field, value: field.isin(list(value)),
}


def insert_new(
    lake: Lake, table: Table, data: pa.Table, metadata: Mapping[str, str] | None = None
) -> int:
    """Insert the rows whose key is not there yet, in one commit; returns how many went in.

    Raises:
        InfrastructureError: other writers kept winning, or the store refused.
    """
    if data.num_rows == 0:
        return 0
    delta = create(lake, table)
    predicate = " AND ".join(f"target.{name} = source.{name}" for name in table.key)

    def insert(current: DeltaTable) -> int:
        result = (
            current.merge(
                data.cast(table.schema),
                predicate,
                source_alias="source",
                target_alias="target",
                commit_properties=one_attempt(metadata),
            )
            .when_not_matched_insert_all()
            .execute()
        )
        return int(result["num_target_rows_inserted"])

    return commit(delta, table, insert)


def commit(delta: DeltaTable, table: Table, attempt: Callable[[DeltaTable], Result]) -> Result:
    """Run one write, again on the newest version when another writer committed first.

    delta-rs by itself lets two writers fill the same empty partition, so each attempt must commit without its
    retries (``one_attempt``) and look at the newest version before it writes.
    """
    for number in range(COMMIT_ATTEMPTS):
        try:
            return attempt(delta)
        except CommitFailedError:
            time.sleep(random.uniform(0.01, 0.05) * (number + 1))
            delta.update_incremental()
        except (DeltaError, OSError) as error:
            raise InfrastructureError(f"Writing the table {table.name} failed: {error}.") from error
    raise InfrastructureError(
        f"The table {table.name} could not be written: other writers won {COMMIT_ATTEMPTS} times; run again."
    )


def one_attempt(metadata: Mapping[str, str] | None) -> CommitProperties:
    return CommitProperties(custom_metadata=dict(metadata or {}), max_commit_retries=0)

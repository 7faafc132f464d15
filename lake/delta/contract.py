"""A table's contract against what is there: what the table still lacks, and what it can never become.

A column that may be missing is added to a table without touching a file: old files simply do not have it, and reading
gives nulls. Every other change would belie rows that are published already, so it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.schema import Field

from runtime.errors import DataError
from schemas.table import Table


@dataclass(frozen=True)
class Evolution:
    """What a table needs before it can hold the contract's rows: new columns, columns that now may be missing."""

    added: tuple[Field, ...]
    relaxed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.relaxed)


def compare(delta: DeltaTable, table: Table) -> Evolution:
    """What the Delta table lacks.

    Raises:
        DataError: the contract does not fit the table, and no addition makes it fit.
    """
    there = {field.name: field for field in delta.schema().fields}
    wanted = {field.name: field for field in Schema.from_arrow(table.schema).fields}
    partitions = tuple(delta.metadata().partition_columns)
    if conflict := _partition_conflict(partitions, table) or _column_conflict(there, wanted):
        raise DataError(
            f"The table {table.name} {conflict}; otherwise remove {delta.table_uri.rstrip('/')} with all its versions "
            f"and make its days again. Its contract is schemas/{table.name}.py."
        )
    return Evolution(
        tuple(field for name, field in wanted.items() if name not in there),
        tuple(name for name, field in wanted.items() if name in there and field.nullable > there[name].nullable),
    )


def _partition_conflict(partitions: tuple[str, ...], table: Table) -> str:
    if partitions == table.partition_by:
        return ""
    is_, wanted = (", ".join(names) or "nothing" for names in (partitions, table.partition_by))
    return f"is partitioned by {is_}, its contract says {wanted}: partition it as before"


def _column_conflict(there: Mapping[str, Field], wanted: Mapping[str, Field]) -> str:
    for name in sorted(there.keys() - wanted.keys()):
        return f"has the column {name}, which its contract left out: keep it in the contract, filled or not"
    for name, field in wanted.items():
        if name not in there:
            if not field.nullable:
                return f"lacks the column {name}, which its contract requires: declare it with nullable=True"
        elif there[name].type != field.type:
            return (
                f"has the column {name} as {_arrow_type(there[name])}, its contract says {_arrow_type(field)}: "
                "give the new kind of values a column of its own"
            )
        elif there[name].nullable and not field.nullable:
            return f"may have no value in the column {name}, its contract requires one: leave it nullable=True"
    return ""


def _arrow_type(field: Field) -> str:
    return str(pa.schema(Schema([field]).to_arrow()).field(0).type)

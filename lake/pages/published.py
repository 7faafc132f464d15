"""A published day's rows as its row in ``days`` pins them, some of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lake.delta import tables
from lake.delta.tables import Filter
from lake.registry.days import read_pinned
from lake.store.location import Lake
from schemas import behaviors, days
from schemas.table import Table

Row = Mapping[str, Any]


def row_of(lake: Lake, day: str) -> Row | None:
    """A day's row in ``days``; None where the day is not published."""
    return next(iter(tables.read(lake, days.TABLE, day).to_pylist()), None)


def rows_from(lake: Lake, first: str, last: str) -> list[Row]:
    """The rows in ``days`` from a day to another, both included, oldest first."""
    found: list[Row] = tables.read(lake, days.TABLE, filters=[("day", ">=", first), ("day", "<=", last)]).to_pylist()
    return found


def newest_days(lake: Lake) -> list[str]:
    """The published days, newest first."""
    return sorted(tables.published_days(lake, days.TABLE), reverse=True)


def is_landed(lake: Lake, day: str) -> bool:
    """Whether a day has landed behaviors, published as a whole or not."""
    return day in tables.published_days(lake, behaviors.TABLE)


def figures_of(row: Row) -> dict[str, float]:
    """A day's figures by name."""
    return {figure["name"]: figure["value"] for figure in row["figures"]}


def pinned(
    lake: Lake, row: Row, table: Table, columns: Sequence[str], filters: Sequence[Filter] = ()
) -> pa.Table | None:
    """A table's rows of a published day as it was published with them; None where it was published without.

    Args:
        row: the day's row in ``days``.
        columns: to read. filters: ``(column, operator, value)`` triples, all of which must hold.

    Raises:
        DataError: the table's contract does not fit, or the pinned version is gone.
    """
    pin = next((entry for entry in row["versions"] if entry["table"] == table.name), None)
    if pin is None:
        return None
    return read_pinned(lake, table, row["day"], pin, columns, filters)

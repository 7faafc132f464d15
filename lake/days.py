"""Published days: which there are, which are due again, and how a day is read consistently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from commands.errors import DataError
from lake import tables
from lake.location import Lake
from schemas import behaviors, days
from schemas.table import Table


@dataclass(frozen=True)
class DayState:
    """A day that was landed: its row in ``days`` if it is published, and whether it must be done again."""

    day: str
    published: dict[str, Any] | None
    due: bool

    @property
    def state(self) -> str:
        if self.published is None:
            return "landed"
        return "due" if self.due else "published"


def states(lake: Lake) -> list[DayState]:
    """Every landed day. A published day is due when its behaviors are no longer those it was published with."""
    rows = {row["day"]: row for row in tables.read(lake, days.TABLE).to_pylist()}
    landed = {day: tables.content_digest(f) for day, f in tables.published_days(lake, behaviors.TABLE).items()}
    found = []
    for day in sorted(landed.keys() | rows.keys()):
        row = rows.get(day)
        pinned = {entry["table"]: entry["digest"] for entry in row["versions"]} if row else {}
        found.append(DayState(day, row, row is not None and pinned[behaviors.TABLE.name] != landed.get(day)))
    return found


def read_day(lake: Lake, table: Table, day: str) -> pa.Table:
    """A table's rows of a day at the version that the day was published with.

    Raises:
        DataError: the day is not published.
    """
    rows = tables.read(lake, days.TABLE, day).to_pylist()
    if not rows:
        raise DataError(f"The day {day} is not published in {lake.root}.")
    versions = {entry["table"]: entry["version"] for entry in rows[0]["versions"]}
    return tables.read(lake, table, day, version=versions[table.name])

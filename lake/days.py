"""Published days: which there are, which are due again, and how a day is read consistently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from commands.errors import DataError
from lake import tables
from lake.location import Lake
from schemas import behaviors, days
from schemas.registry import TABLES
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
        due = row is not None and _pins(row)[behaviors.TABLE.name]["digest"] != landed.get(day)
        found.append(DayState(day, row, due))
    return found


def _pins(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a row of ``days`` pins, by table: version and digest."""
    return {entry["table"]: entry for entry in row["versions"]}


def read_day(lake: Lake, table: Table, day: str) -> pa.Table:
    """A table's rows of a day as the day was published with them.

    Raises:
        DataError: the day is not published, the table is none of a day's, or its version is gone.
    """
    rows = tables.read(lake, days.TABLE, day).to_pylist()
    if not rows:
        raise DataError(f"The day {day} is not published in {lake.root}.")
    pin = _pins(rows[0]).get(table.name)
    if pin is None:
        raise DataError(f"The table {table.name} is no part of a day: read it as it is now.")
    # Where nothing changed since, the newest version says the same, and a log may forget versions in time.
    unchanged = tables.partition_digest(lake, table, day) == pin["digest"]
    return tables.read(lake, table, day, version=None if unchanged else pin["version"])


def pinned_elsewhere(lake: Lake, table: Table) -> dict[str, int]:
    """The published days whose rows of a table are not those of its newest version, with the version they pin."""
    newest = tables.published_days(lake, table)
    found = {}
    for row in tables.read(lake, days.TABLE, columns=["day", "versions"]).to_pylist():
        pin = _pins(row).get(table.name)
        if pin and tables.content_digest(newest.get(row["day"], [])) != pin["digest"]:
            found[row["day"]] = int(pin["version"])
    return found


def pinned_files(lake: Lake) -> Iterator[str]:
    """Paths of the files that published days pin and that their tables' newest versions have replaced."""
    for table in TABLES.values():
        if "day" not in table.partition_by:
            continue
        for day, version in pinned_elsewhere(lake, table).items():
            try:
                delta = tables.open_table(lake, table, version, checked=False)
            except DataError:
                continue  # Its log is gone, so nobody can read it.
            yield from (f"{table.name}/{file.path}" for file in tables.live_files(delta, table, {"day": day}))

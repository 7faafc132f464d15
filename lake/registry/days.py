"""Published days: which there are, which are due again, and how a day is read consistently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lake.delta import tables
from lake.delta.tables import Filter
from lake.registry import older_code
from lake.registry.histories import histories
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import behaviors, caption_verdicts, days, explanations, personas, verdicts
from schemas.registry import TABLES
from schemas.table import Table


@dataclass(frozen=True)
class DayState:
    """A day that was landed: its row in ``days`` if it is published, and why it must be done again, if so."""

    day: str
    published: dict[str, Any] | None
    why_due: str = ""

    @property
    def state(self) -> str:
        if self.published is None:
            return "landed"
        return "due" if self.why_due else "published"


def states(lake: Lake) -> list[DayState]:
    """Every landed day.

    A published day is due when its behaviors, or those of an earlier day, have changed since; or when other code than
    this made it, or what it rests on.
    """
    rows = {row["day"]: row for row in tables.read(lake, days.TABLE).to_pylist()}
    landed = _landed(lake)
    now, code = histories(landed), older_code.reasons(lake, rows.keys())
    found = []
    for day in sorted(landed.keys() | rows.keys()):
        row, why = rows.get(day), ""
        if row is not None and _pins(row)[behaviors.TABLE.name]["digest"] != landed.get(day):
            why = "its behaviors changed"
        elif row is not None and row["history"] not in (None, now.get(day)):
            why = "its history changed"
        found.append(DayState(day, row, "; ".join(filter(None, (why, code.get(day, ""))))))
    return found


def _landed(lake: Lake) -> dict[str, str]:
    """Content of each landed day."""
    return {
        day: tables.content_digest(files) or "" for day, files in tables.published_days(lake, behaviors.TABLE).items()
    }


def history_of(lake: Lake, day: str) -> str:
    """The digest of all behaviors until the end of a landed day."""
    return histories(_landed(lake))[day]


def _pins(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a row of ``days`` pins, by table: version and digest."""
    return {entry["table"]: entry for entry in row["versions"]}


def read_day(
    lake: Lake, table: Table, day: str, columns: Sequence[str] | None = None, filters: Sequence[Filter] = ()
) -> pa.Table:
    """A table's rows of a day as the day was published with them.

    Args:
        lake: that has the day.
        table: one of those that a day pins.
        day: a published one.
        columns: to read (default: all).
        filters: ``(column, operator, value)`` triples, all of which must hold: the caption of a user and an item is
            ``("user_id", "=", USER), ("item_id", "=", ITEM)``.

    Raises:
        DataError: the day is not published, the table is none of a day's, or its version is gone; or it is
            ``verdicts``, ``personas``, ``explanations`` or ``caption_verdicts``, and the day is published without.
    """
    rows = tables.read(lake, days.TABLE, day).to_pylist()
    if not rows:
        raise DataError(f"The day {day} is not published in {lake.root}: run daily_refresh for it first.")
    pin = _pins(rows[0]).get(table.name)
    if pin is None and table.name == verdicts.TABLE.name:
        why = (rows[0]["judged"] or "").partition(": ")[2] or "nobody judged it then"
        raise DataError(
            f"The day {day} is published without {table.name} ({why}): docs/judge.md says how a day is judged later."
        )
    if pin is None and table.name == personas.TABLE.name:
        raise DataError(
            f"The day {day} was published before {table.name} were kept: run daily_refresh for it again, which has the "
            "model's answers already."
        )
    if pin is None and table.name == explanations.TABLE.name:
        raise DataError(
            f"The day {day} is published without {table.name}: it is from before they were written, or "
            "INTENTFLOW_EXPLANATIONS__TAGS was 0. Set it and run daily_refresh for the day again."
        )
    if pin is None and table.name == caption_verdicts.TABLE.name:
        raise DataError(
            f"The day {day} is published without {table.name}: it has no captions, or they were not judged. "
            "docs/caption_judge.md says how they are judged later."
        )
    if pin is None:
        raise DataError(f"The table {table.name} is no part of a day: read it as it is now.")
    return read_pinned(lake, table, day, pin, columns, filters)


def read_pinned(
    lake: Lake,
    table: Table,
    day: str,
    pin: Mapping[str, Any],
    columns: Sequence[str] | None = None,
    filters: Sequence[Filter] = (),
) -> pa.Table:
    """A table's rows of a published day, as the day pins them.

    Args:
        pin: version and content digest, as the row in ``days`` has them.

    Raises:
        DataError: they were replaced since, and the version, or a file of it, is gone.
    """
    # Where nothing changed since, the newest version says the same, whoever has laid its files together.
    if tables.partition_digest(lake, table, day) == pin["digest"]:
        return tables.read(lake, table, day, columns=columns, filters=filters)
    version = int(pin["version"])
    try:
        files = tables.live_files(tables.open_table(lake, table, version), table, {"day": day})
    except DataError as error:
        raise DataError(_lost(table, day, version, "its log was cleaned")) from error
    if any(file.path and lake.size(f"{table.name}/{file.path}") is None for file in files):
        raise DataError(_lost(table, day, version, "its files were cleaned away"))
    return tables.read(lake, table, day, columns=columns, filters=filters, version=version)


def _lost(table: Table, day: str, version: int, why: str) -> str:
    return (
        f"The day {day} was published with version {version} of the table {table.name}, whose rows were replaced "
        f"since, and that version cannot be read any more: {why}. `make backfill FROM={day} TO={day} "
        "REPROCESS=completed` publishes the day with the rows there are now."
    )


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
            files = tables.live_files(delta, table, {"day": day})
            yield from (f"{table.name}/{file.path}" for file in files if file.path)

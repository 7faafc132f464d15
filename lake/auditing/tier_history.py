"""What the page on a day's verdicts shows besides the audit: how tiers were shared on this day and those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from lake.auditing.expectations import TableEvidence
from lake.delta import tables
from lake.delta.live import LiveFile
from lake.registry import judged_days
from lake.registry.judged_days import TIER_NAMES, JudgedDay
from lake.store.location import Lake
from schemas import days, verdicts

# Days that a page shows, the audited one included.
SHOWN_DAYS = 14
WHY_NOT = "published without verdicts"


def tier_history(lake: Lake, found: TableEvidence) -> list[dict[str, Any]]:
    """A line for each of the last days, the newest first, as JSON; none for other tables than ``verdicts``.

    The audited day is shown as it was staged, earlier ones as they are published; those that are not have no line.
    """
    if found.table.name != verdicts.TABLE.name:
        return []
    staged = {part.partition["day"]: part.files for batch in found.batches for part in batch.partitions}
    last = max(staged)
    first = (date.fromisoformat(last) - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    known = {
        row["day"]: row
        for row in tables.read(
            lake, days.TABLE, columns=["day", "versions", "judged"], filters=[("day", ">=", first), ("day", "<=", last)]
        ).to_pylist()
    }
    live = tables.published_days(lake, verdicts.TABLE)
    lines = []
    for day in sorted({*staged, *known}, reverse=True):
        if day in staged:
            lines.append(_line(day, judged_days.of_file(lake, day, staged[day][0].path), "nobody noted what it shows"))
            continue
        lines.append(published_line(lake, known[day], live.get(day, [])))
    return lines


def published_line(lake: Lake, row: Mapping[str, Any], live: Sequence[LiveFile]) -> dict[str, Any]:
    """How tiers were shared on a published day, or why that is not known, as JSON.

    Args:
        row: of ``days``, with its day, versions and judged.
        live: the day's live files of ``verdicts``.
    """
    day = row["day"]
    pins = {entry["table"]: entry["digest"] for entry in row["versions"]}
    if verdicts.TABLE.name not in pins:
        return _line(day, None, (row["judged"] or "").removeprefix("no: ") or WHY_NOT)
    if tables.content_digest(live) != pins[verdicts.TABLE.name]:
        return _line(day, None, "its verdicts were replaced since")
    return _line(day, judged_days.of_files(lake, day, live), "nobody noted what its verdicts show")


def _line(day: str, note: JudgedDay | None, why: str) -> dict[str, Any]:
    if note is None:
        return {"day": day, "judged": False, "why": why}
    return {
        "day": day,
        "judged": True,
        "judge": note.judge,
        "standing": note.standing,
        "users": note.users,
        "outputs": note.outputs,
        "shares": {name: _share(note.shares[tier]) for tier, name in TIER_NAMES.items()},
        "corrected": _share(note.superior_corrected),
        "not_estimable": note.not_estimable or "",
        "alarms": list(note.alarms),
    }


def _share(share: Mapping[str, float | None]) -> dict[str, float | None]:
    return {end: share[end] for end in ("value", "low", "high")}

"""Which published work was made by other code than this: by day, the step, and what has changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lake.delta import tables, work
from lake.store.location import Lake
from runtime.fingerprint import LENGTH, MISSING, Code, code_digest_of, code_of, library_version
from schemas.registry import TABLES

# Tables whose earlier days a day's histories are made of.
HISTORY = ("behaviors", "rollups")


class Changes:
    """Tells of each published fingerprint what of its code has changed since, reading each record once."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._told: dict[tuple[str, str], str] = {}

    def since(self, name: str, what: str) -> str:
        """The step and what of its code has changed since; empty when nothing has.

        Args:
            name: a fingerprint. what: how to call the work when nobody noted which step did it.
        """
        # What is shorter was put there by no step: a copy.
        if len(name) < LENGTH:
            return ""
        key = (code_digest_of(name), what)
        if key not in self._told:
            record = work.code_record(self._lake, name)
            if record is None:
                self._told[key] = f"{what}: made by code that nobody noted"
            else:
                change = difference(record)
                self._told[key] = f"{record.entry.rpartition('.')[2]}: {change}" if change else ""
        return self._told[key]


def difference(then: Code) -> str:
    """How a step's code differs here from what it was; empty when it does not."""
    try:
        now = code_of(then.entry)
    except LookupError:
        return f"{then.entry} is gone"
    paths = sorted(path for path in {**then.files, **now.files} if then.files.get(path) != now.files.get(path))
    changes = [f"{path} changed" for path in paths]
    for name, version in then.libraries.items():
        # Where a step's libraries are not installed, nothing can be said of them.
        if (here := library_version(name)) not in (version, MISSING):
            changes.append(f"{name} was {version} and is {here}")
    if len(changes) > 1:
        return f"{changes[0]}, and {len(changes) - 1} more"
    return "".join(changes)


def reasons(lake: Lake, days: Collection[str]) -> dict[str, str]:
    """Why days would be made again for code alone: what other code made of them, and of the days they rest on.

    Args:
        days: those to look at; one that this code made has no entry.
    """
    changes = Changes(lake)
    of_day: dict[str, list[str]] = {day: [] for day in days}
    history: dict[str, set[str]] = {}
    for table, day, name in _works(lake, days):
        if change := changes.since(name, table):
            if day in of_day and change not in of_day[day]:
                of_day[day].append(change)
            if table in HISTORY:
                history.setdefault(change, set()).add(day)
    for day, found in of_day.items():
        for change, changed in history.items():
            if change not in found and (earlier := sum(other < day for other in changed)):
                found.append(f"{change} since {earlier} days of its history were made")
    return {day: "; ".join(found) for day, found in of_day.items() if found}


def _works(lake: Lake, days: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Table (or step), day and fingerprint of all that is published by day, and of what is marked for these days."""
    for table in TABLES.values():
        if "day" in table.partition_by:
            for day, files in tables.published_days(lake, table).items():
                yield from ((table.name, day, name) for name in sorted({work for file in files for work in file.works}))
    for step, day, name in work.marks(lake):
        if day in days:
            yield step, day, name

"""Which deliveries a day of the lake needs, and whether they are whole.

A delivery is what a shop writes for one of its days: the files whose names have that day. A day of the lake is the
shop's own and needs that one delivery, or (``days = "utc"``) the UTC day: then the deliveries of all shop's days that
share an hour with it, which are its own and the one before (west of UTC) or after it (east of UTC).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from spark_jobs.landing.sources.description import DAY_IN_NAME, VERSION_IN_NAME, Behaviors
from spark_jobs.landing.sources.places import files_of
from spark_jobs.landing.sources.source_tables import SourceTable
from spark_jobs.landing.sources.stored_files import SourceFile, changed_at, size_of

# Where nothing is declared: for so long no file of a delivery has changed.
QUIET = timedelta(minutes=10)
_DAY = timedelta(days=1)
_ANY_DAY = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"
_DAY_OF_NAME = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")


class Deliveries:
    """The deliveries of one log.

    Args:
        folder: of the description. behaviors: what it says. first_day, last_day: of the log; none: it goes on.
        late_days: how many days after its own a row may be delivered.
        has_rows_after: whether the log has a row of a later day than the one given; read only where the description
            asks for it and days have no files of their own.
        table: the version of the table that the log is, where it is one.
    """

    def __init__(
        self,
        folder: Path,
        behaviors: Behaviors,
        first_day: date,
        last_day: date | None,
        late_days: int,
        has_rows_after: Callable[[date], bool],
        table: Callable[[], SourceTable] | None = None,
    ) -> None:
        self._folder = folder
        self._behaviors = behaviors
        self._first_day = first_day
        self._last_day = last_day
        self._late_days = late_days
        self._has_rows_after = has_rows_after
        self._table = table

    # -- clocks --------------------------------------------------------------------------------------------------

    @cached_property
    def zone(self) -> ZoneInfo:
        """Of the shop's clock."""
        return ZoneInfo(self._behaviors.time_zone)

    @property
    def zone_of_days(self) -> str:
        """Name of the zone by whose clock the lake's days begin."""
        return self._behaviors.time_zone if self._behaviors.days_are_the_shops else "UTC"

    def ends(self, day: date) -> datetime:
        """The end of a shop's day, in UTC."""
        return _midnight(day + _DAY, self.zone)

    def _sharing(self, day: date) -> list[date]:
        """The shop's days that share an hour with a day of the lake."""
        if self._behaviors.days_are_the_shops:
            return [day]
        begins, until = _midnight(day, ZoneInfo("UTC")), _midnight(day + _DAY, ZoneInfo("UTC"))
        near = (day - _DAY, day, day + _DAY)
        return [one for one in near if self.ends(one - _DAY) < until and self.ends(one) > begins]

    def needed(self, day: date) -> list[date]:
        """The shop's days whose deliveries a day of the lake waits for; none of before or after the log."""
        if not self.by_day and DAY_IN_NAME not in (self._behaviors.arrival.marker or ""):
            return [day]
        sharing = self._sharing(day)
        return [one for one in sharing if one == day or self._first_day <= one <= (self._last_day or one)]

    def complete_from(self, day: date) -> datetime:
        """When the last delivery that a day needs is over by the shop's clock, in UTC: no earlier can it be whole."""
        if not self.by_day:
            return _midnight(day + _DAY, ZoneInfo(self.zone_of_days))
        return max(self.ends(one) for one in self.needed(day))

    # -- files ---------------------------------------------------------------------------------------------------

    @property
    def by_day(self) -> bool:
        """Whether every day has files of its own; else any file may hold it."""
        return DAY_IN_NAME in self._behaviors.files

    def files(self, day: date | None = None) -> list[SourceFile]:
        """The files of a shop's day, or all where days have none of their own. A correction replaces a day's."""
        if self._table:
            return list(self._table().files)
        found = (day and self._correction(day)) or self._matching(self._behaviors.files, day)
        marker = self._behaviors.arrival.marker
        markers = set(self._matching(marker, day)) if marker and (day or DAY_IN_NAME not in marker) else set()
        return [path for path in found if path not in markers]

    def _matching(self, pattern: str, day: date | None) -> list[SourceFile]:
        return files_of(self._folder, pattern.replace(DAY_IN_NAME, day.isoformat()) if day else pattern)

    def _correction(self, day: date) -> list[SourceFile]:
        """The files that replace those of a shop's day: of numbered ones the highest number's."""
        pattern = self._behaviors.corrections
        if pattern is None or VERSION_IN_NAME not in pattern:
            return self._matching(pattern, day) if pattern else []
        found = self._matching(pattern.replace(VERSION_IN_NAME, "*"), day)
        numbers = {number for path in found for number in re.findall("[0-9]+", str(path))}
        versions = (
            self._matching(pattern.replace(VERSION_IN_NAME, number), day)
            for number in sorted(numbers, key=lambda number: (int(number), number), reverse=True)
        )
        return next((files for files in versions if files), [])

    def corrected(self) -> list[date]:
        """The lake's days that a correction may have rows of."""
        pattern = (self._behaviors.corrections or "").replace(VERSION_IN_NAME, "*")
        found = files_of(self._folder, pattern.replace(DAY_IN_NAME, _ANY_DAY)) if pattern else []
        named = {date.fromisoformat(text) for path in found for text in _DAY_OF_NAME.findall(str(path))}
        corrected = [day for day in named if self._correction(day)]
        reach = range(-1 - self._late_days, 2)
        return sorted({day + timedelta(days=number) for day in corrected for number in reach})

    def of(self, first: date, last: date) -> list[tuple[SourceFile, str]]:
        """The files that may hold rows of the lake's days from first to last, and the day each was delivered for.

        A later delivery counts from when it is whole as declared: its late rows make the days due then.
        """
        if not self.by_day:
            return [(path, "") for path in self.files()]
        begin, until = min(self._sharing(first)), max(self._sharing(last))
        days = [begin + timedelta(days=number) for number in range((until - begin).days + self._late_days + 1)]
        read = [day for day in days if day <= until or self._unfinished(day, datetime.now(UTC)) is None]
        return [(path, day.isoformat()) for day in read for path in self.files(day)]

    # -- arrival -------------------------------------------------------------------------------------------------

    def lacking(self, day: date, now: datetime) -> str | None:
        """What a day still waits for, as the rest of a sentence; None where it has arrived."""
        if now < self.complete_from(day):
            return f"it is not over before {self.complete_from(day):%Y-%m-%d %H:%M} UTC"
        return self._first(day, lambda one: self._unfinished(one, now) or self._busy(one, now))

    def half(self, day: date, now: datetime) -> str | None:
        """Why a day must not be landed: its own delivery is not there, or one is not whole as declared."""
        if not self.files(day if self.by_day else None):
            return f"no file is there for {day}"
        return self._first(day, lambda one: self._unfinished(one, now)) if self._behaviors.arrival.is_declared else None

    def _first(self, day: date, reason: Callable[[date], str | None]) -> str | None:
        return next(filter(None, map(reason, self.needed(day))), None)

    def _unfinished(self, one: date, now: datetime) -> str | None:
        """What the delivery of a shop's day lacks of what the description declares; at least it is there."""
        arrival = self._behaviors.arrival
        files = self.files(one if self.by_day else None)
        if not files:
            return f"no file is there for {one}" if self.by_day else "no file is there"
        if arrival.marker and not self._matching(arrival.marker, one):
            return f"the marker {arrival.marker.replace(DAY_IN_NAME, one.isoformat())} is not there"
        if arrival.files and len(files) < arrival.files:
            return f"{len(files)} of {arrival.files} files are there for {one}"
        if arrival.quiet_minutes and not self._quiet(files, timedelta(minutes=arrival.quiet_minutes), now):
            return f"a file for {one} has changed within {arrival.quiet_minutes:g} minutes"
        if arrival.next_day and not self._next_has_begun(one):
            return f"the day after {one} has not begun"
        return None

    def _busy(self, one: date, now: datetime) -> str | None:
        """Where nothing is declared: whether a delivery may still be written."""
        if self._behaviors.arrival.is_declared or self._has_ended(one) or (self.by_day and self._next_has_begun(one)):
            return None
        quiet = self._quiet(self.files(one if self.by_day else None), QUIET, now)
        minutes = QUIET.total_seconds() / 60
        return None if quiet else f"a file for {one} has changed within {minutes:g} minutes"

    def _quiet(self, files: Sequence[SourceFile], minutes: timedelta, now: datetime) -> bool:
        """Whether no file has changed for so long; of a table, whether nothing was committed."""
        newest = self._table().changed if self._table else max(map(changed_at, files))
        return newest <= now - minutes

    def _has_ended(self, day: date) -> bool:
        return self._last_day is not None and day >= self._last_day

    def _next_has_begun(self, one: date) -> bool:
        if self._has_ended(one):
            return True
        if self.by_day:
            return any(size_of(path) for path in self.files(one + _DAY))
        return self._has_rows_after(one)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins by a zone's clock, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)

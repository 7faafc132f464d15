"""Calibration records: how a judge did in its exam, put if absent and never changed; and whether it may judge.

A record lies under ``_judges/<release>/<digest of its content>.json``, so a changed byte is noticed. The newest full
exam of a judge decides about its standing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from lake.store import objects
from lake.store.location import Lake
from runtime import atomic
from runtime.errors import DataError, UsageError
from runtime.fingerprint import digest

FOLDER = "_judges"
# Where records lie beside a release that is shipped.
SHIPPED = "calibration"
FULL, SMALL = "full", "small"
NAME_DIGITS = 16
# What a judge must be better than: the agreement of the tuned agent judge with labels of outputs really written.
DECIDING = ("real_outputs", "kappa", "agent_tuned", "low")

State = Literal["valid", "missing", "outdated", "small", "failing", "expired"]


@dataclass(frozen=True)
class CalibrationRecord:
    """What an exam found.

    Args:
        judge: name of the judge's release.
        decides: digest of the code and the prompts that decide a judgement.
        data: digests of what it was examined on, by name.
        preset: ``full``, or ``small``, which proves that the machinery works and nothing about the judge.
        day: last day of the log that the exam saw, as YYYY-MM-DD.
        minimum_kappa: what the lower bound of kappa on real outputs had to exceed.
        figures: with their intervals.
    """

    judge: str
    decides: str
    data: Mapping[str, str]
    preset: str
    day: str
    minimum_kappa: float
    figures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Digest of all that it says."""
        return digest(asdict(self))[:NAME_DIGITS]

    @property
    def kappa_low(self) -> float | None:
        """Lower bound of kappa on real outputs; None where it was not measured."""
        found: Any = self.figures
        for key in DECIDING:
            found = found.get(key) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) and math.isfinite(found) else None

    def expires(self, days: int) -> str:
        """The first day of the log on which the record no longer holds, as YYYY-MM-DD."""
        return (date.fromisoformat(self.day) + timedelta(days=days)).isoformat()


@dataclass(frozen=True)
class Standing:
    """Whether a judge may judge, for gates and for people.

    Args:
        state: ``valid``, or why not.
        reason: a sentence.
        record: name of the record that says so; none where there is none.
    """

    state: State
    reason: str
    record: str | None = None


def put(lake: Lake, record: CalibrationRecord) -> bool:
    """Keep a record; False where the same one was there."""
    return objects.put_if_absent(lake, f"{FOLDER}/{record.judge}/{record.name}.json", asdict(record))


def parse(content: bytes, place: str) -> CalibrationRecord:
    """The record that a file holds.

    Args:
        place: where it lies, for a sentence; its last part is the record's name.

    Raises:
        DataError: it is none, or was changed since it was written.
    """
    try:
        record = CalibrationRecord(**json.loads(content))
        named = record.name
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{place} is no calibration record ({error}): restore it.") from None
    if place.rpartition("/")[2] != f"{named}.json":
        raise DataError(f"{place} was changed since it was written, by its content it is {named}: restore it.")
    return record


def records_of(lake: Lake, judge: str) -> list[CalibrationRecord]:
    """All records of a judge, the one that saw the newest day last.

    Raises:
        DataError: one was changed.
    """
    found = [parse(lake.read(path) or b"", lake.uri(path)) for path in lake.list(f"{FOLDER}/{judge}")]
    return sorted(found, key=lambda record: (record.day, record.name))


def standing(lake: Lake, judge: str, decides: str, day: str, valid_days: int, minimum_kappa: float) -> Standing:
    """Whether a judge may judge as of a day.

    Args:
        decides: as of ``CalibrationRecord``, of what would judge now. day: of the log, as YYYY-MM-DD.
        valid_days: days of the log after the record's day on which it holds.
        minimum_kappa: that is demanded now.

    Raises:
        DataError: a record was changed.
    """
    known = records_of(lake, judge)
    if not known:
        return Standing("missing", f"The judge {judge} was never examined on this lake.")
    same = [record for record in known if record.decides == decides]
    if not same:
        return Standing(
            "outdated", f"The judge {judge} was examined with other code or prompts than these.", known[-1].name
        )
    full = [record for record in same if record.preset == FULL]
    if not full:
        return Standing("small", f"The judge {judge} passed the small exam alone, which proves nothing.", same[-1].name)
    record = full[-1]
    low = record.kappa_low
    if low is None or low <= minimum_kappa:
        said = "was not measured" if low is None else f"is {low}"
        return Standing(
            "failing",
            f"The lower bound of kappa of {judge} on real outputs {said}, and it must exceed {minimum_kappa}.",
            record.name,
        )
    # As of a day before the exam nothing is known to have changed since.
    if day >= record.expires(valid_days):
        return Standing(
            "expired", f"The exam of {judge} saw the log until {record.day}, and holds for {valid_days} days.",
            record.name,
        )  # fmt: skip
    return Standing("valid", f"The judge {judge} passed its exam as of {record.day}.", record.name)


def install_records(lake: Lake, folder: Path, judge: str) -> list[str]:
    """Put the records that are shipped beside a judge's release on a lake; those that are there stay as they are.

    Args:
        folder: of the release; its records lie in ``calibration/``, each under its name.
        judge: name of the release.

    Returns:
        names of all shipped records, sorted.

    Raises:
        DataError: one was changed, or is of another judge. UsageError: one cannot be read.
    """
    found = []
    for file in sorted((folder / SHIPPED).glob("*.json")):
        try:
            record = parse(file.read_bytes(), str(file))
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
        if record.judge != judge:
            raise DataError(f"{file} is a record of the judge {record.judge}, and lies beside {judge}: move it there.")
        put(lake, record)
        found.append(record.name)
    return found


def ship(folder: Path, record: CalibrationRecord) -> Path:
    """Write a record beside a release, as ``install_records`` reads it; returns the file.

    Raises:
        UsageError: the folder cannot be written.
    """
    file = folder / SHIPPED / f"{record.name}.json"
    try:
        atomic.write(file, json.dumps(asdict(record), sort_keys=True, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None
    return file

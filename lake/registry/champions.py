"""The champion log: numbered records, put if absent and never changed; the champion is the last one's release."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake.registry import releases
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost

FOLDER = "_champion"
DIGITS = 6
SHIPPED = "the release that is shipped with the code"


@dataclass(frozen=True)
class Record:
    """One entry of the log.

    Args:
        number: from 1 on.
        release: name of the release that is champion from here on.
        reason: why, in the words of who decided.
        by: who decided.
        at: when, as YYYY-MM-DDTHH:MM:SSZ.
    """

    number: int
    release: str
    reason: str
    by: str
    at: str


def log_of(lake: Lake) -> list[Record]:
    """All records, oldest first.

    Raises:
        DataError: one cannot be read.
    """
    records = []
    for path in lake.list(FOLDER):
        try:
            records.append(Record(**json.loads(lake.read(path) or b"")))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{lake.uri(path)} is no record of the champion log ({error}): restore it, or remove it if it is the "
                "last one."
            ) from None
    return sorted(records, key=lambda record: record.number)


def current(lake: Lake) -> Record | None:
    """The last record, or None where nobody was champion yet."""
    return next(reversed(log_of(lake)), None)


def promote(lake: Lake, folder: Path, reason: str, after: int | None = None) -> Record:
    """Install a release's folder and make it champion with one more record.

    Args:
        lake: where the release is to be champion.
        folder: the release, outside the lake.
        reason: why, for the log.
        after: number of the record that the decision was made upon (default: the last one).

    Raises:
        UsageError: the folder is no release.
        RaceLost: somebody else promoted first.
    """
    release, files = releases.load(folder)
    releases.install(lake, release, files)
    last = current(lake)
    number = (last.number if last else 0) if after is None else after
    record = Record(number + 1, release.name, reason, _who(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    if not objects.put_if_absent(lake, f"{FOLDER}/{record.number:0{DIGITS}}.json", vars(record)):
        raise RaceLost(
            f"Somebody else wrote the record {record.number} of the champion log: look at it and decide again."
        )
    return record


def _who() -> str:
    """The user who decides, by name, or by number where there is no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def take(lake: Lake, shipped: Path) -> tuple[Record, bool]:
    """The champion, and whether the lake got its first one by this call.

    Args:
        lake: whose champion.
        shipped: folder of the release that a lake without a champion gets.

    Raises:
        DataError: a record cannot be read.
        UsageError: the shipped folder is no release.
    """
    if (last := current(lake)) is not None:
        return last, False
    try:
        return promote(lake, shipped, SHIPPED, after=0), True
    except RaceLost:
        # Another run began on the same new lake; its record stands.
        return log_of(lake)[-1], False

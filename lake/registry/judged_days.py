"""What a judge's sample of a day came to: a note beside the verdicts, of which rows they are and how tiers are shared.

It lies under ``_judged/<day>/<the verdicts' file>.json``, so it speaks of exactly these verdicts. Whoever publishes a
day sees by it whether they are of the rows that the day has, and pages and figures show it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from lake.delta import tables
from lake.delta.live import LiveFile
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError
from runtime.fingerprint import digest
from schemas import contexts, intents, signals, verdicts

log = logging.getLogger("intentflow")

FOLDER = "_judged"
# What is judged, and what it is judged by: verdicts are of a day only where it has the very same rows of these.
JUDGED_FROM = (intents.TABLE, contexts.TABLE, signals.TABLE)
# Figures of a day's row that come from here begin with it.
PREFIX = f"{verdicts.TABLE.name}."
TIER_NAMES = {"S": "superior", "A": "average", "B": "bad"}

# A share with its 95 % interval: value, low, high; all None where it cannot be known.
Share = Mapping[str, float | None]


@dataclass(frozen=True)
class JudgedDay:
    """A day's verdicts, in numbers.

    Args:
        contents: digest of the rows that were judged, and of those they were judged by (``contents_digest``).
        judge: name of the judge. standing: its state when it judged.
        users: whose outputs were judged. outputs: how many. flagged: how many of these the guard flagged.
        shares: of each tier, as judged.
        superior_corrected: the share of S, corrected for the judge's known errors.
        not_estimable: why there is no corrected share; none where there is one.
        alarms: a sentence for each tier whose share left its usual band.
    """

    contents: str
    judge: str
    standing: str
    users: int
    outputs: int
    flagged: int
    shares: Mapping[str, Share]
    superior_corrected: Share
    not_estimable: str | None
    alarms: Sequence[str]

    def figures(self) -> dict[str, float]:
        """Numbers for the day's row; what is not known has none."""
        found: dict[str, float | None] = {
            "outputs": self.outputs,
            "flagged_outputs": self.flagged,
            "alarms": len(self.alarms),
            **{name: self.shares[tier]["value"] for tier, name in TIER_NAMES.items()},
            **{f"superior_{end}": self.shares["S"][end] for end in ("low", "high")},
            "superior_corrected": self.superior_corrected["value"],
            **{f"superior_corrected_{end}": self.superior_corrected[end] for end in ("low", "high")},
        }
        return {f"{PREFIX}{name}": float(value) for name, value in found.items() if value is not None}


def contents_digest(digests: Mapping[str, str | None]) -> str:
    """What of a day's contents verdicts are of.

    Args:
        digests: content digest of the day by table; of those that verdicts have to do with all must be there.
    """
    return digest([[table.name, digests[table.name]] for table in JUDGED_FROM])


def put(lake: Lake, day: str, file: str, note: JudgedDay) -> None:
    """Keep a note.

    Args:
        file: path of the verdicts' file, staged or live.
    """
    objects.put(lake, _path(day, file), asdict(note))


def of_file(lake: Lake, day: str, file: str) -> JudgedDay | None:
    """The note on a verdicts' file, or None where nobody left one that can be read: a judge holds no day back."""
    try:
        found = objects.get(lake, _path(day, file))
        return None if found is None else JudgedDay(**found)
    except (ValueError, TypeError) as error:
        log.warning("%s is no note on a day's verdicts (%s).", lake.uri(_path(day, file)), error)
        return None


def of_files(lake: Lake, day: str, files: Sequence[LiveFile]) -> JudgedDay | None:
    """The note on a day's live files of ``verdicts``, which were staged as one."""
    names = {name for file in files for name in file.names}
    return of_file(lake, day, *names) if len(names) == 1 else None


def verdicts_for(
    lake: Lake, day: str, digests: Mapping[str, str | None]
) -> tuple[JudgedDay | None, dict[str, Any], str]:
    """The published verdicts on a day, where they are of the rows that the day has.

    Args:
        digests: content digest by table of what the day is published with.

    Returns:
        The note and the pin (table, version, digest), or None, no pin, and why.
    """
    try:
        delta = tables.open_table(lake, verdicts.TABLE)
    except DataError as error:
        log.warning("%s", error)
        return None, {}, "the table of verdicts cannot be read"
    files = tables.live_files(delta, verdicts.TABLE, {"day": day})
    if delta is None or not files:
        return None, {}, "there are no verdicts on it"
    note = of_files(lake, day, files)
    if note is None:
        return None, {}, "nobody noted of which intents its verdicts are"
    if note.contents != contents_digest(digests):
        return None, {}, "its verdicts are of other intents, contexts or signals than it has now"
    pin = {"table": verdicts.TABLE.name, "version": delta.version(), "digest": tables.content_digest(files)}
    return note, pin, ""


def _path(day: str, file: str) -> str:
    return f"{FOLDER}/{day}/{PurePosixPath(file).stem}.json"

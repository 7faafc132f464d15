"""What a judge's sample of a day's captions came to: a note beside the verdicts, as ``judged_days`` has of tags.

It lies under ``_judged/<day>/captions/<the verdicts' file>.json``, so it speaks of exactly these verdicts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from lake.delta import tables
from lake.delta.live import LiveFile
from lake.registry.judged_days import FOLDER, TIER_NAMES, Share
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError
from runtime.fingerprint import digest
from schemas import caption_verdicts, contexts, explanations, intents, signals

log = logging.getLogger("intentflow")

# What is judged, and what it is judged by: verdicts are of a day only where it has the very same rows of these.
JUDGED_FROM = (explanations.TABLE, intents.TABLE, contexts.TABLE, signals.TABLE)
# Figures of a day's row that come from here begin with it; how many captions were judged is 0 where none was.
PREFIX = f"{caption_verdicts.TABLE.name}."
JUDGED = f"{PREFIX}captions"
NO_CAPTIONS = "the day has no captions"


@dataclass(frozen=True)
class JudgedCaptions:
    """A day's verdicts on captions, in numbers.

    Args:
        contents: digest of the rows that were judged, and of those they were judged by (``contents_digest``).
        judge: name of the judge. standing: its state when it judged.
        users: whose captions were judged. captions: how many.
        passing: the share in which no dimension is negative. shares: of each tier.
        not_calibrated: dimensions in which its exam did not show the judge to be better than the usual answer.
        alarms: a sentence where the passing share left its usual band.
    """

    contents: str
    judge: str
    standing: str
    users: int
    captions: int
    passing: Share
    shares: Mapping[str, Share]
    not_calibrated: Sequence[str]
    alarms: Sequence[str]

    def figures(self) -> dict[str, float]:
        """Numbers for the day's row; what is not known has none."""
        found: dict[str, float | None] = {
            "captions": self.captions,
            "users": self.users,
            "alarms": len(self.alarms),
            "passing": self.passing["value"],
            **{f"passing_{end}": self.passing[end] for end in ("low", "high")},
            **{name: self.shares[tier]["value"] for tier, name in TIER_NAMES.items()},
        }
        return {f"{PREFIX}{name}": float(value) for name, value in found.items() if value is not None}


def contents_digest(digests: Mapping[str, str | None]) -> str:
    """What of a day's contents verdicts are of.

    Args:
        digests: content digest of the day by table; of those that verdicts have to do with all must be there.
    """
    return digest([[table.name, digests[table.name]] for table in JUDGED_FROM])


def put(lake: Lake, day: str, file: str, note: JudgedCaptions) -> None:
    """Keep a note.

    Args:
        file: path of the verdicts' file, staged or live.
    """
    objects.put(lake, _path(day, file), asdict(note))


def of_files(lake: Lake, day: str, files: Sequence[LiveFile]) -> JudgedCaptions | None:
    """The note on a day's live files, or None where there is none that can be read: a judge holds no day back."""
    names = {name for file in files for name in file.names}
    if len(names) != 1:
        return None
    path = _path(day, *names)
    try:
        found = objects.get(lake, path)
        return None if found is None else JudgedCaptions(**found)
    except (ValueError, TypeError) as error:
        log.warning("%s is no note on a day's captions (%s).", lake.uri(path), error)
        return None


def verdicts_for(
    lake: Lake, day: str, digests: Mapping[str, str | None]
) -> tuple[JudgedCaptions | None, dict[str, Any], str]:
    """The published verdicts on a day's captions, where they are of the rows that the day has.

    Args:
        digests: content digest by table of what the day is published with.

    Returns:
        The note and the pin (table, version, digest), or None, no pin, and why.
    """
    if explanations.TABLE.name not in digests:
        return None, {}, NO_CAPTIONS
    table = caption_verdicts.TABLE
    try:
        delta = tables.open_table(lake, table)
    except DataError as error:
        log.warning("%s", error)
        return None, {}, "the table of verdicts on captions cannot be read"
    files = tables.live_files(delta, table, {"day": day})
    if delta is None or not files:
        return None, {}, "there are no verdicts on its captions"
    note = of_files(lake, day, files)
    if note is None:
        return None, {}, "nobody noted of which captions its verdicts are"
    if note.contents != contents_digest(digests):
        return None, {}, "its verdicts are of other captions, intents, contexts or signals than it has now"
    return note, {"table": table.name, "version": delta.version(), "digest": tables.content_digest(files)}, ""


def _path(day: str, file: str) -> str:
    return f"{FOLDER}/{day}/captions/{PurePosixPath(file).stem}.json"

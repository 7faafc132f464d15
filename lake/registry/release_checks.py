"""What was found when a release was loaded and asked: records, put if absent and never changed.

A record lies under ``_release_checks/<release>/<digest of its content>.json``, so a changed byte is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError
from runtime.fingerprint import digest

FOLDER = "_release_checks"


@dataclass(frozen=True)
class ReleaseCheck:
    """What was found of one release.

    Args:
        release: its name.
        at: when, as YYYY-MM-DDTHH:MM:SSZ.
        day: whose items were compared with what the release was trained on, YYYY-MM-DD.
        loaded: whether the engine started with it.
        problem: why not, in a sentence; empty where it did.
        made_for: digests that the release names, by part. here: those of this lake and this machine.
        catalog_near: share of the day's items near to what the release was trained on; None where it does not say.
        prompts: known prompts that were asked. answered: of these, how many got a whole answer.
        load_seconds: until the engine answered. answer_seconds: for all of the prompts.
        memory_gib: most that the process had in memory.
    """

    release: str
    at: str
    day: str
    loaded: bool
    problem: str
    made_for: Mapping[str, str]
    here: Mapping[str, str]
    catalog_near: float | None
    prompts: int
    answered: int
    load_seconds: float
    answer_seconds: float
    memory_gib: float

    @property
    def name(self) -> str:
        """Digest of all that it says."""
        return digest(asdict(self))


def put(lake: Lake, check: ReleaseCheck) -> str:
    """Keep a record; returns its path."""
    path = f"{FOLDER}/{check.release}/{check.name}.json"
    objects.put_if_absent(lake, path, asdict(check))
    return path


def newest(lake: Lake, release: str) -> ReleaseCheck | None:
    """The last record of a release; None where there is none.

    Raises:
        DataError: one is no record, or was changed since it was written.
    """
    found = [_read(lake, path) for path in lake.list(f"{FOLDER}/{release}")]
    return max(found, key=lambda check: (check.at, check.name), default=None)


def _read(lake: Lake, path: str) -> ReleaseCheck:
    try:
        check = ReleaseCheck(**json.loads(lake.read(path) or b""))
        named = check.name
    except (ValueError, TypeError) as error:
        raise DataError(f"{lake.uri(path)} is no record of a release's check ({error}): check it again.") from None
    if path.rpartition("/")[2] != f"{named}.json":
        raise DataError(f"{lake.uri(path)} was changed since it was written: remove it, and check the release again.")
    return check

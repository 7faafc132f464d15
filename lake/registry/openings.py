"""The ledger of openings: every look at an evaluation day's outcomes, numbered, put if absent and never changed.

Whoever looks often enough finds a release that does well by chance, so a gate's policy says how many looks a day is
good for. A lake's ledger of a day begins with the looks of before, which a file beside the log's evaluation file lists.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lake.registry.champions import now
from lake.registry.evaluation_file import evaluation_path
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import ConfigurationError, DataError
from runtime.fingerprint import digest
from settings import SourceSettings

FOLDER = "_openings"
DIGITS = 6
# Beside completejourney.toml lies completejourney.openings.toml.
BESIDE = ".openings.toml"


@dataclass(frozen=True)
class Look:
    """What was looked at, and by whom.

    Args:
        day: the evaluation day, YYYY-MM-DD.
        digest: of all that was computed; computing the same again is no new look.
        release: whose figures; empty where baselines alone were looked at.
        metrics: names of the figures.
        users: how many held-out users; 0 where nobody noted it.
        by: who. why: what for.
    """

    day: str
    digest: str
    release: str
    metrics: tuple[str, ...]
    users: int
    by: str
    why: str


@dataclass(frozen=True)
class Opening(Look):
    """A look with its place in the ledger.

    Args:
        number: from 1 on, by day.
        at: when, as YYYY-MM-DDTHH:MM:SSZ; of an earlier one the
            day, or empty where nobody noted it.
    """

    number: int
    at: str


class EarlierLook(BaseModel):
    """A look of before there was a ledger, as the file lists it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: str = Field(pattern=r"\d{4}-\d{2}-\d{2}")
    what: str = Field(min_length=1)
    release: str = ""
    metrics: tuple[str, ...] = Field(min_length=1)
    users: int = Field(default=0, ge=0)
    at: str = Field(default="", pattern=r"(\d{4}-\d{2}-\d{2})?")


class EarlierLooks(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    openings: tuple[EarlierLook, ...] = ()


def earlier_openings(source: SourceSettings) -> tuple[Opening, ...]:
    """The looks of before at the log that the settings name, in order; none where no file lists any.

    Raises:
        ConfigurationError: the file cannot be read, or a field is wrong.
    """
    path = openings_path(evaluation_path(source))
    if not path.is_file():
        return ()
    try:
        looks = EarlierLooks.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).openings
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigurationError(f"The list of earlier openings {path} is refused: {problems}.") from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The list of earlier openings {path} cannot be read: {error}.") from None
    numbered: dict[str, int] = {}
    found = []
    for look in looks:
        numbered[look.day] = numbered.get(look.day, 0) + 1
        named = digest(look.model_dump(mode="json"))
        found.append(
            Opening(look.day, named, look.release, look.metrics, look.users, "", look.what, numbered[look.day], look.at)
        )
    return tuple(found)


def openings_path(evaluation_file: Path) -> Path:
    """Where the looks of before stand, beside a log's evaluation file."""
    return evaluation_file.with_name(evaluation_file.stem + BESIDE)


def openings_of(lake: Lake, day: str) -> list[Opening]:
    """A day's ledger, oldest first.

    Raises:
        DataError: a record cannot be read, or one is missing between others.
    """
    found = []
    for path in lake.list(f"{FOLDER}/{day}"):
        try:
            document = json.loads(lake.read(path) or b"")
            found.append(Opening(**{**document, "metrics": tuple(document["metrics"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{lake.uri(path)} is no record of an opening ({error}): restore it.") from None
    found.sort(key=lambda opening: opening.number)
    if [opening.number for opening in found] != list(range(1, len(found) + 1)):
        raise DataError(f"In the ledger {lake.uri(f'{FOLDER}/{day}')} records are missing: restore them.")
    return found


def open_holdout(lake: Lake, look: Look, earlier: Sequence[Opening] = ()) -> Opening:
    """Enter a look in the ledger, before anybody sees a figure; one of an equal digest is that one.

    Args:
        earlier: looks of before there was a ledger (``earlier_openings``); a day's ledger begins with its own.

    Raises:
        DataError: a record cannot be read.
    """
    if not openings_of(lake, look.day):
        for opening in earlier:
            if opening.day == look.day:
                objects.put_if_absent(lake, _path(opening), _document(opening))
    while True:
        known = openings_of(lake, look.day)
        if same := next((opening for opening in known if opening.digest == look.digest), None):
            return same
        opening = Opening(**vars(look), number=len(known) + 1, at=now())
        if objects.put_if_absent(lake, _path(opening), _document(opening)):
            return opening
        # Somebody else took the number: it may have been the same look.


def _path(opening: Opening) -> str:
    return f"{FOLDER}/{opening.day}/{opening.number:0{DIGITS}}.json"


def _document(opening: Opening) -> dict[str, Any]:
    return {**vars(opening), "metrics": list(opening.metrics)}

"""The champion log: numbered records, put if absent and never changed; the champion is the last one's release."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from lake.registry import releases
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, UsageError

FOLDER = "_champion"
DIGITS = 6
SHIPPED = "the release that is shipped with the code"
# promote: after a gate's GO, or where nobody was champion. rollback: the one before again. override: by a person's own
# reason, whatever a gate said or without any.
Kind = Literal["promote", "rollback", "override"]


@dataclass(frozen=True)
class Terms:
    """Of a canary, as a promotion keeps them.

    Args:
        days: published days on which the release serves a share of the users. share: of the users.
    """

    days: int
    share: float

    def __post_init__(self) -> None:
        if self.days < 1 or not 0 < self.share < 1:
            raise ValueError(f"its canary of {self.days} days and a share of {self.share} is none")


@dataclass(frozen=True)
class Record:
    """One entry of the log.

    Args:
        number: from 1 on.
        release: name of the release that is champion from here on.
        reason: why, in the words of who decided.
        by: who ran the command.
        at: when, as YYYY-MM-DDTHH:MM:SSZ.
        kind: what it was; records of before say nothing and were promotions.
        evidence: name of what a gate decided on; empty where no gate did.
        reviewer: who approved, by their name in Airflow; empty where nobody was asked.
        comment: the reviewer's.
        canary: terms on which the release does not serve all at once; none where it does.
    """

    number: int
    release: str
    reason: str
    by: str
    at: str
    kind: Kind = "promote"
    evidence: str = ""
    reviewer: str = ""
    comment: str = ""
    canary: Terms | None = None

    @classmethod
    def parse(cls, content: bytes) -> Record:
        """A record as the log has it.

        Raises:
            ValueError, TypeError: it is none.
        """
        document = dict(json.loads(content))
        terms = document.pop("canary", None)
        return cls(**document, canary=Terms(**terms) if terms is not None else None)

    def document(self) -> dict[str, Any]:
        """As the log has it: one without a canary says nothing of canaries, as those of before."""
        return {name: value for name, value in asdict(self).items() if name != "canary" or value is not None}

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"its kind {self.kind!r} is none of {', '.join(get_args(Kind))}")


def log_of(lake: Lake) -> list[Record]:
    """All records, oldest first.

    Raises:
        DataError: one cannot be read.
    """
    records = []
    for path in lake.list(FOLDER):
        try:
            records.append(Record.parse(lake.read(path) or b""))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{lake.uri(path)} is no record of the champion log ({error}): restore it, or remove it if it is the "
                "last one."
            ) from None
    return sorted(records, key=lambda record: record.number)


def current(lake: Lake) -> Record | None:
    """The last record, or None where nobody was champion yet."""
    return next(reversed(log_of(lake)), None)


def promote(
    lake: Lake,
    folder: Path,
    reason: str,
    after: int | None = None,
    kind: Kind = "promote",
    canary: Terms | None = None,
) -> Record:
    """Install a release's folder and make it champion with one more record.

    Args:
        lake: where the release is to be champion.
        folder: the release, outside the lake.
        reason: why, for the log.
        after: number of the record that the decision was made upon (default: the last one).
        kind: of the record.
        canary: terms on which it does not serve all at once, where another release can serve the others.

    Raises:
        UsageError: the folder is no release.
        RaceLost: somebody else promoted first.
    """
    release, files = releases.load(folder)
    releases.install(lake, release, files)
    last = current(lake)
    number = (last.number if last else 0) if after is None else after
    terms = beside(last, release.name, canary)
    return append(lake, Record(number + 1, release.name, reason, who(), now(), kind, canary=terms))


def beside(last: Record | None, release: str, canary: Terms | None) -> Terms | None:
    """A promotion's terms of a canary: none where there is no other release beside it.

    Args:
        last: the champion until now.
    """
    return canary if last is not None and last.release != release else None


def append(lake: Lake, record: Record) -> Record:
    """Write a record; of several with one number one gets in.

    Raises:
        RaceLost: the number is taken.
    """
    if not objects.put_if_absent(lake, f"{FOLDER}/{record.number:0{DIGITS}}.json", record.document()):
        raise _lost(record.number)
    return record


def _lost(number: int) -> RaceLost:
    return RaceLost(f"Somebody else wrote the record {number} of the champion log: look at it and decide again.")


def before(log: Sequence[Record]) -> str | None:
    """The release that a rollback returns to; None where there is none.

    Each rollback takes back what stands, so a second one goes one further back and not forth again.
    """
    standing: list[str] = []
    for record in log:
        if record.kind == "rollback" and record.release in standing:
            while standing[-1] != record.release:
                standing.pop()
        elif standing[-1:] != [record.release]:
            standing.append(record.release)
    return standing[-2] if len(standing) > 1 else None


def roll_back(lake: Lake, reason: str, after: int | None = None, reviewer: str = "") -> Record:
    """Make the previous champion champion again, with one more record.

    Args:
        reason: why, for the log.
        after: number of the record that is taken back (default: the last one). reviewer: who wanted it, in Airflow.

    Raises:
        UsageError: there is no champion before this one.
        DataError: its release was changed, or is gone. RaceLost: somebody else wrote a record first.
    """
    log = log_of(lake)
    # Asked first: after somebody else's rollback there may be nothing left to go back to, which is not what happened.
    if after is not None and log and log[-1].number > after:
        raise _lost(after + 1)
    release = before(log)
    if release is None:
        raise UsageError(
            f"There is no champion before {log[-1].release} in {lake.root} to go back to."
            if log
            else f"Nobody was champion yet in {lake.root}: there is nothing to take back."
        )
    # A release that cannot be read would stop the next refresh, and not this command.
    releases.read(lake, release)
    number = log[-1].number if after is None else after
    return append(lake, Record(number + 1, release, reason, who(), now(), "rollback", reviewer=reviewer))


def now() -> str:
    """This second, as records say it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def who() -> str:
    """The user who runs this, by name, or by number where there is no name."""
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

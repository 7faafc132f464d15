"""A canary: for some published days a promoted release serves a share of the users, the champion before it the others.

There is no state of its own. The promotion's record in the champion log keeps the terms, and each published day's row
names record, both releases and the share: so what is killed, run again or filled in later decides alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lake.delta import tables
from lake.registry import champions
from lake.registry.champions import Record, Terms
from lake.store.location import Lake
from runtime.errors import DataError, UsageError
from schemas import days
from settings import CanarySettings

# The two sides, as figures and shards are named.
CANARY, BESIDE = "canary", "beside"


@dataclass(frozen=True)
class Canary:
    """Who serves whom.

    Args:
        record: number of the promotion's record.
        release: that was promoted. beside: the champion before, which serves everybody else.
        share: of the users that the promoted release serves.
    """

    record: int
    release: str
    beside: str
    share: float

    def side_of(self, user_id: str) -> str:
        """``canary`` or ``beside``, by a hash of the record's number and the pseudonym: the same on every day."""
        found = hashlib.sha256(f"canary {self.record}\0{user_id}".encode()).hexdigest()
        return CANARY if int(found[:8], 16) / 2**32 < self.share else BESIDE

    def release_for(self, user_id: str) -> str:
        """The release that serves a user."""
        return self.release if self.side_of(user_id) == CANARY else self.beside

    def document(self) -> dict[str, Any]:
        """As a day's row and manifests name it."""
        return asdict(self)


def own_shards(share: float, shards: int) -> int:
    """Of all shards of a day, how many the canary's users are: the last ones, and never all or none of them.

    Raises:
        UsageError: one shard is not two.
    """
    if shards < 2:
        raise UsageError("On a day of a canary each release has shards of its own: ask for 2 at least.")
    return min(max(round(share * shards), 1), shards - 1)


def planned(settings: CanarySettings) -> Terms | None:
    """The terms that a promotion gets by the settings; none where canaries are off."""
    return Terms(settings.days, settings.share) if settings.days else None


def of_record(log: Sequence[Record], number: int) -> Canary:
    """The canary of a promotion.

    Raises:
        DataError: the log has no such record, or it is of no canary.
    """
    before, record = ({one.number: one for one in log}.get(place) for place in (number - 1, number))
    if record is None or before is None or record.canary is None:
        raise DataError(
            f"The record {number} of the champion log is of no canary: `python -m lake champions` shows the log."
        )
    return Canary(number, record.release, before.release, record.canary.share)


def of_row(row: Mapping[str, Any]) -> Canary | None:
    """The canary that a row of ``days`` names; none where one release served all."""
    return Canary(**row["canary"]) if row.get("canary") else None


def days_of(lake: Lake, record: int) -> list[str]:
    """The published days that name a promotion's canary, oldest first."""
    rows = tables.read(lake, days.TABLE, columns=["day", "canary"]).to_pylist()
    return [row["day"] for row in rows if row["canary"] and row["canary"]["record"] == record]


def running(lake: Lake, champion: Record | None, day: str) -> Canary | None:
    """The canary that a day is, or would be, published with; none where the champion serves all.

    A day that was published with it stays one of its days. So does the day after the last one that several runs at
    once published beyond the terms: what is run again gives the same.

    Args:
        champion: the log's last record; none of a new lake.

    Raises:
        DataError: a record of the log cannot be read.
    """
    if champion is None or champion.canary is None:
        return None
    published = days_of(lake, champion.number)
    if day in published or len(published) < champion.canary.days:
        return of_record(champions.log_of(lake), champion.number)
    return None

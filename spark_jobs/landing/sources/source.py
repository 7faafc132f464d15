"""What a source of a shop's log offers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import pyarrow as pa

# A part is what one worker reads; its content is the source's own business, it only has to travel.
SourcePart = tuple[str, ...]

# The catalog before normalization: path from department to leaf, missing levels null; what could not be read has a
# problem, which says where it is.
ITEMS = pa.schema(
    [
        ("item", pa.string()),
        ("text", pa.string()),
        ("path", pa.list_(pa.string())),
        ("brand", pa.string()),
        ("problem", pa.string()),
    ]
)
ATTRIBUTES = pa.schema([("user", pa.string()), ("name", pa.string()), ("value", pa.string())])
CAMPAIGNS = pa.schema([("first_day", pa.date32()), ("last_day", pa.date32()), ("text", pa.string())])


class Source(Protocol):
    """A shop's log with its catalog. Everything is raw: the shop's ids, nothing normalized."""

    name: str
    # Shares of a day's rows: that may be nobody's; past which one user is reported as probably no person.
    maximum_anonymous: float
    maximum_user_share: float
    # By column, the values of those carried along that are kept as they are; of all others a digest is.
    carried: Mapping[str, tuple[str, ...]]
    # What items are called, as a category, that the catalog never had; none: behaviors on them are rejected.
    unlisted_category: str | None

    # Name of the zone by whose clock the lake's days begin.
    zone_of_days: str

    def lacking(self, day: date) -> str | None:
        """What a day still waits for, as the rest of a sentence; None where the whole of it is there."""
        ...

    def half(self, day: date) -> str | None:
        """Why a day must not be landed as it is, as the rest of a sentence; whoever asks for it need not wait until
        it is certain that the whole of it is there."""
        ...

    def corrected(self) -> list[date]:
        """Days that something was delivered for anew, which replaces what had been there; landed or not."""
        ...

    def complete_from(self, day: date) -> datetime:
        """Before this moment (UTC) the whole of a day cannot be there."""
        ...

    def digest(self, day: date) -> str:
        """Digest of what would be read for a day."""
        ...

    def versions(self) -> Mapping[str, int]:
        """The versions of tables that are read: by behaviors, items, users, campaigns."""
        ...

    def catalog_digest(self) -> str:
        """Digest of items, profiles and campaigns."""
        ...

    def parts(self, first: date, last: date) -> Sequence[SourcePart]:
        """The parts that hold the days from first to last, both included, each behavior in exactly one."""
        ...

    def rows(self, part: SourcePart) -> int:
        """About how many rows a part has, rather too many than too few; nothing of it is read."""
        ...

    def places(self, parts: Sequence[SourcePart], sequences: Collection[int]) -> Mapping[int, str]:
        """Where rows stand, in words that show nothing of them; by their ``sequence``, of those that have one."""
        ...

    def read(self, part: SourcePart) -> pa.Table:
        """The rows of a part in ``schemas.behaviors.RAW``, all at once."""
        ...

    def pieces(self, part: SourcePart) -> Iterator[pa.Table]:
        """The same rows in pieces that a worker can hold; runs in a worker."""
        ...

    def items(self) -> pa.Table:
        """The catalog in ``ITEMS``."""
        ...

    def attributes(self) -> pa.Table:
        """Users' attributes in ``ATTRIBUTES``, one row a value."""
        ...

    def campaigns(self) -> pa.Table:
        """Campaigns in ``CAMPAIGNS``."""
        ...

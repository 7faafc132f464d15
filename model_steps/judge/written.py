"""Where releases' outputs lie that the labelled set draws from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.store.location import Lake
from runtime.errors import SourceMissing, UsageError
from schemas import intents

Row = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """Where releases' outputs lie.

    Args:
        lake: with a table ``intents``. name: under which they are compared; empty: the releases' own.
    """

    lake: Lake
    name: str = ""

    @classmethod
    def of(cls, argument: str) -> Written:
        """From ``LAKE``, ``LAKE/intents``, or ``NAME=`` before either."""
        name, equals, address = argument.partition("=")
        if not equals or "/" in name:
            # The sign is part of the address.
            name, address = "", argument
        elif not name or not address:
            raise UsageError(f"--intents {argument} lacks a side of its equals sign: write NAME=LAKE, or LAKE.")
        return cls(Lake.open(address.rstrip("/").removesuffix(f"/{intents.TABLE.name}")), name)

    def rows(self, day: str) -> list[Row]:
        """The rows of ``intents`` of a day.

        Raises:
            SourceMissing: there is no such table.
        """
        if tables.open_table(self.lake, intents.TABLE) is None:
            raise SourceMissing(f"The lake {self.lake.root} that --intents names has no table intents.")
        columns = ["day", "user_id", "rank", "tag", "category", "category_similarity", "persona", "why", "release"]
        found = tables.read(self.lake, intents.TABLE, day, columns=columns).to_pylist()
        return [{**row, "release": self.name or row["release"]} for row in found]

"""How often each evaluation day was looked at, against how many looks it is good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lake.registry import openings
from lake.registry.openings import Opening
from lake.store.location import Lake


@dataclass(frozen=True)
class Budget:
    """The ledger of one evaluation day.

    Args:
        allowed: looks that the day is good for; None where no gate's policy said yet.
        openings: newest first.
    """

    day: str
    allowed: int | None
    openings: tuple[Opening, ...]

    @property
    def used(self) -> int:
        return len(self.openings)

    @property
    def is_used_up(self) -> bool:
        return self.allowed is not None and self.used >= self.allowed


def budgets(lake: Lake, allowed: int | None, earlier: Sequence[Opening]) -> list[Budget]:
    """The ledgers of a lake, newest day first.

    Args:
        earlier: looks of before there was a ledger; a day that has none yet begins with them.

    Raises:
        DataError: a record cannot be read.
    """
    begun = {path.split("/")[1] for path in lake.list(openings.FOLDER) if path.count("/") == 2}
    ledgers: dict[str, list[Opening]] = {day: openings.openings_of(lake, day) for day in begun}
    for opening in earlier:
        if opening.day not in begun:
            ledgers.setdefault(opening.day, []).append(opening)
    return [Budget(day, allowed, tuple(reversed(ledgers[day]))) for day in sorted(ledgers, reverse=True)]

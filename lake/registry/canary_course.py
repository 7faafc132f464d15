"""How the newest promotion's canary goes: who serves whom, on which published days, and what came of both sides."""

from __future__ import annotations

from dataclasses import dataclass

from lake.delta import tables
from lake.registry import canary, sides
from lake.registry.canary import Canary
from lake.registry.champions import Record
from lake.store.location import Lake
from schemas import days

# A figure's name, the canary's and that of the release beside it.
Pair = tuple[str, float | None, float | None]


@dataclass(frozen=True)
class CanaryCourse:
    """A canary until now.

    Args:
        wanted: published days that it is to serve.
        days: those that it served, oldest first, with the figures of both sides.
    """

    who: Canary
    wanted: int
    days: tuple[tuple[str, list[Pair]], ...]

    @property
    def is_over(self) -> bool:
        """Whether the promoted release serves all by now."""
        return len(self.days) >= self.wanted


def course_of(lake: Lake, log: list[Record]) -> CanaryCourse | None:
    """The course of the canary of the log's last record; none where that has none: a rollback ends it.

    Args:
        log: oldest first.
    """
    if not log or (terms := log[-1].canary) is None:
        return None
    who = canary.of_record(log, log[-1].number)
    named = canary.days_of(lake, who.record)
    rows = tables.read(lake, days.TABLE, columns=["day", "figures"], filters=[("day", "in", named)]) if named else None
    served = [] if rows is None else rows.to_pylist()
    figures = [(row["day"], {figure["name"]: figure["value"] for figure in row["figures"]}) for row in served]
    return CanaryCourse(who, terms.days, tuple((day, sides.beside_one_another(of_day)) for day, of_day in figures))

"""What a day's prompt calls the past. Nothing is relative to today, so a prompt changes only when something did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Window:
    """The history of a day: from a Monday at least ``days`` before it, up to and including the day.

    The start moves once a week, not once a day; days of this and last month stand alone, older ones join their month.
    """

    day: str
    first: str
    daily_from: str

    @classmethod
    def of(cls, day: str, days: int) -> Window:
        last = date.fromisoformat(day)
        first_of_month = last.replace(day=1)
        last_month = (first_of_month - timedelta(days=1)).replace(day=1)
        return cls(day, monday(last - timedelta(days=days - 1)).isoformat(), last_month.isoformat())


def evidence_from(day: str, days: int) -> str:
    """The first day of a day's evidence: a Monday that moves on Mondays, as ages do, so that it changes once a week.

    Args:
        days: at least so many before the Monday of the day's week.
    """
    return Window.of(monday(date.fromisoformat(day)).isoformat(), days).first


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())

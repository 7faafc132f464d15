"""A day's page: published or not, what came in and went out, and how that is beside the days before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from lake.auditing.tier_history import SHOWN_DAYS, published_line
from lake.delta import tables
from lake.delta.live import LiveFile
from lake.pages.paging import paged
from lake.pages.published import Row, figures_of, is_landed, newest_days, pinned, row_of, rows_from
from lake.pages.templates import notice, rendered
from lake.registry import judged_captions
from lake.registry.canary import of_row
from lake.registry.sides import beside_one_another
from lake.store.location import Lake
from schemas import behaviors, caption_verdicts, explanations, failures, rejected_behaviors, verdicts

SIZE = 50
SECONDS = ".seconds"
# Figures of the users that a refresh was asked for: their names end with these, whatever the task is called.
USERS = ("users_in", "users_published", "users_failed", "users_without_model_call")


@dataclass(frozen=True)
class Compared:
    """A figure of a day beside those of the days before.

    Args:
        value: none where the day has no such figure. usual: the median of the days before. least, most: of these; all
            none where no day before has it. days: how many have it.
    """

    name: str
    value: float | None
    usual: float | None
    least: float | None
    most: float | None
    days: int


def compared(name: str, figures: Mapping[str, float], before: Sequence[Mapping[str, float]]) -> Compared:
    """A figure beside those of the days before."""
    known = [of_day[name] for of_day in before if name in of_day]
    if not known:
        return Compared(name, figures.get(name), None, None, None, 0)
    return Compared(name, figures.get(name), median(known), min(known), max(known), len(known))


def rejected_by_rule(lake: Lake, row: Row) -> dict[str, int]:
    """How many rows of a day's log broke which rule first, the most frequent first.

    Raises:
        DataError: the pinned version is gone.
    """
    rows = pinned(lake, row, rejected_behaviors.TABLE, ["rule", "copies"])
    counted: Counter[str] = Counter()
    for rejected in rows.to_pylist() if rows else []:
        counted[rejected["rule"]] += rejected["copies"]
    return dict(sorted(counted.items(), key=lambda rule: (-rule[1], rule[0])))


def day_page(lake: Lake, day: str, number: int) -> tuple[str, bool]:
    """A day as HTML, and whether it is published.

    Args:
        day: as YYYY-MM-DD. number: which page of the failures, from 1.

    Raises:
        DataError: a table cannot be read as the day pins it.
    """
    row = row_of(lake, day)
    if row is None:
        why = "It is landed, so a refresh began." if is_landed(lake, day) else "Nothing of it was landed either."
        do = "Run daily_refresh with the day as partition key; if it ran, its red task says what to do."
        return notice(f"{day} is not published", why, do), False
    first, last = _days_before(day, SHOWN_DAYS), _days_before(day, 1)
    rows_before = rows_from(lake, first, last)
    before = [figures_of(one) for one in rows_before]
    figures, rejected = figures_of(row), rejected_by_rule(lake, row)
    failed = pinned(lake, row, failures.TABLE, ["step", "key", "reason", "attempts"])
    live = tables.published_days(lake, verdicts.TABLE)
    page = rendered(
        "day.html",
        title=day,
        row=row,
        canary=of_row(row),
        pairs=beside_one_another(figures),
        days_before=len(before),
        shown_days=SHOWN_DAYS,
        rows_in=figures.get(behaviors.TABLE.name, 0) + sum(rejected.values()),
        rejected=rejected,
        counts=[compared(entry["table"], figures, before) for entry in row["versions"] if entry["table"] in figures],
        users=[compared(name, figures, before) for name in _of_users(figures)],
        seconds=[compared(name, figures, before) for name in sorted(figures) if name.endswith(SECONDS)],
        failures=paged(failed.to_pylist() if failed else [], number, SIZE),
        tiers=_tiers(lake, [row, *reversed(rows_before)], live),
        captions=[captions_line(one) for one in (row, *reversed(rows_before)) if _pins(one, explanations.TABLE.name)],
        others=sorted(figures.items()),
        versions=row["versions"],
    )
    return page, True


def captions_line(row: Row) -> dict[str, Any]:
    """How tiers were shared among a published day's judged captions, or that they were not judged, by its figures."""
    figures = figures_of(row)
    prefix = judged_captions.PREFIX
    found = {name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)}
    judged = figures.get(judged_captions.JUDGED, 0) if _pins(row, caption_verdicts.TABLE.name) else 0
    tiers = {name: found.get(name) for name in judged_captions.TIER_NAMES.values()}
    passing = {"value": found.get("passing"), "low": found.get("passing_low"), "high": found.get("passing_high")}
    own = {"captions": judged, "users": found.get("users"), "passing": passing, "tiers": tiers}
    return {"day": row["day"], **own, "alarm": bool(found.get("alarms"))}


def _pins(row: Row, table: str) -> bool:
    return any(entry["table"] == table for entry in row["versions"])


def _days_before(day: str, days: int) -> str:
    """The day that is so many days before another."""
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _of_users(figures: Mapping[str, float]) -> list[str]:
    return ["users", *(name for name in sorted(figures) if name.rpartition(".")[2] in USERS)]


def _tiers(lake: Lake, rows: Sequence[Row], live: Mapping[str, Sequence[LiveFile]]) -> list[dict[str, Any]]:
    return [published_line(lake, row, live.get(row["day"], [])) for row in rows]


def days_page(lake: Lake, number: int) -> str:
    """All landed and published days as HTML, the newest first.

    Args:
        number: which page of them, from 1.
    """
    published = set(newest_days(lake))
    known = sorted(published | set(tables.published_days(lake, behaviors.TABLE)), reverse=True)
    shown = paged(known, number, SIZE)
    rows = {row["day"]: row for row in rows_from(lake, shown.items[-1], shown.items[0])} if shown.items else {}
    lines = [(day, rows.get(day), figures_of(rows[day]) if day in rows else {}) for day in shown.items]
    return rendered("days.html", title="Days", days=shown, lines=lines, published=len(published))

"""The days before one that its refresh also lands: those that never were, and those that late rows may be of."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import date, timedelta

from lake.delta.staging import Batch
from runtime.errors import SourceMissing
from schemas import behaviors
from settings import SourceSettings
from spark_jobs.landing.sources import Source

log = logging.getLogger("intentflow")


def days_between(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def of(
    source: Source, settings: SourceSettings, first: date, landed: Collection[str], every: bool = False
) -> list[date]:
    """The days before one that a refresh of it also looks at.

    Args:
        landed: days that are. every: all of these, and not only those that late rows or corrections may have come for.
    """
    # A day more than rows may be late: east of UTC the shop's day begins a UTC day earlier.
    late = days_between(first - timedelta(days=settings.late_days + 1), first - timedelta(days=1))
    again = [day for day in {*late, *source.corrected()} if day < first and day.isoformat() in landed]
    if every:
        again = [date.fromisoformat(day) for day in landed if day < first.isoformat()]
    return sorted({*gaps_before(source, settings.first_day, first, landed), *again})


def acceptable(batch: Batch, earlier: Collection[str]) -> list[str]:
    """The batch's days without the earlier ones that the audit would stop."""
    kept = []
    for part in batch.partitions:
        day, counts = part.partition["day"], part.metrics
        nobodys = counts.get("rows_anonymous", 0)
        somebodys = counts["rows_in"] - nobodys - counts.get("rows_ignored", 0) - counts.get("rows_duplicate", 0)
        share = counts["rows_rejected"] / max(somebodys, 1)
        if day in earlier and nobodys > counts.get("rows_anonymous_allowed", nobodys):
            log.warning("%s stays as it was: too many of its rows are nobody's (behaviors.maximum_anonymous).", day)
        elif day in earlier and share > behaviors.MAXIMUM_REJECTED:
            log.warning(
                "%s stays as it was: %.0f %% of its rows are unusable. Repair its log; its own refresh tells more.",
                day,
                100 * share,
            )
        else:
            kept.append(day)
    return kept


def of_those_asked(source: Source, asked: Sequence[date]) -> list[date]:
    """The days that are there to be landed; of the others the log says what they lack.

    Raises:
        SourceMissing: none is.
    """
    lacking = {day: reason for day in asked if (reason := source.half(day))}
    if len(lacking) == len(asked):
        raise SourceMissing(f"{asked[0]} cannot be landed from the source {source.name!r}: {lacking[asked[0]]}.")
    if lacking:
        first = min(lacking)
        log.warning("%d days are not landed: of %s, the first of them, %s.", len(lacking), first, lacking[first])
    there = [day for day in asked if day not in lacking]
    if doubtful := source.lacking(there[-1]):
        log.warning("%s is landed as it is, though %s.", there[-1], doubtful)
    return there


def gaps_before(source: Source, begins: date, before: date, landed: Collection[str]) -> list[date]:
    """The source's days before one that were never landed, of those that have arrived."""
    missing = [day for day in days_between(begins, before - timedelta(days=1)) if day.isoformat() not in landed]
    gaps = [day for day in missing if source.lacking(day) is None]
    if gaps:
        log.info("%d earlier days were never landed and are landed now, from %s on.", len(gaps), gaps[0])
    if absent := sorted(set(missing) - set(gaps)):
        log.warning(
            "%d earlier days have not arrived and are missing from histories, %s first: the first refresh after one "
            "arrives lands it, and `python -m lake days --due` then lists the days to do again.",
            len(absent),
            absent[0],
        )
    return gaps

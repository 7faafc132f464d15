"""What was counted while days were landed: what the audit judges of it, and what a person is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lake.delta.staging import Batch, StagedPartition
from spark_jobs.landing.counting_days import DELIVERY, NEW_COLUMN, REJECTED, ROWS_OF, TIME_UNIT
from spark_jobs.landing.sources import Source

log = logging.getLogger("intentflow")

# Of a day with fewer rows a share says nothing of a user.
FEWEST_ROWS = 100
TOLD_USERS = 20
TOLD_DAYS = 31
# A share times a count may be a little less than the whole number that is meant.
_ROUNDING = 1e-9


def judged(landed: Batch, source: Source) -> Batch:
    """A batch of ``behaviors`` with what a source allows beside what its days have.

    Of users only those stay counted who have more than the source's share of a whole day.
    """
    return replace(landed, partitions=tuple(_judged(part, source) for part in landed.partitions))


def _judged(part: StagedPartition, source: Source) -> StagedPartition:
    rows = part.metrics["rows_in"] - part.metrics["rows_duplicate"] - part.metrics["rows_ignored"]
    few = rows < FEWEST_ROWS
    metrics = {
        name: count
        for name, count in part.metrics.items()
        if not name.startswith(ROWS_OF) or (not few and count > source.maximum_user_share * rows)
    }
    allowed = int(source.maximum_anonymous * rows + _ROUNDING)
    return replace(part, metrics={**metrics, "rows_anonymous_allowed": allowed})


def told(landed: Batch) -> dict[str, Any]:
    """The manifest's counts of a judged batch; what is worth a look is logged.

    Rows in, used, of nobody, of kinds not wanted, of events that came before, and rejected by rule; what became of the
    rows of each delivery and day (of the newest days; the batches have all); columns nobody named; units of times that
    were recognised; pseudonyms who are probably no persons, with their largest share of a day's rows.
    """
    counts: Counter[str] = Counter()
    for partition in landed.partitions:
        counts.update({name: int(value) for name, value in partition.metrics.items() if not name.startswith(ROWS_OF)})
    unused = sum(counts[f"rows_{outcome}"] for outcome in ("rejected", "anonymous", "ignored", "duplicate"))
    if counts["rows_duplicate"]:
        log.info("%s rows are of events that were delivered before: dropped.", f"{counts['rows_duplicate']:,}")
    return {
        "rows_in": counts["rows_in"],
        "rows": counts["rows_in"] - unused,
        "rows_anonymous": counts["rows_anonymous"],
        "rows_ignored": counts["rows_ignored"],
        "rows_duplicate": counts["rows_duplicate"],
        "rows_rejected": counts["rows_rejected"],
        "rejected": _named(counts, REJECTED),
        "new_columns": _report_columns(_named(counts, NEW_COLUMN)),
        "time_units": _report_units(_named(counts, TIME_UNIT)),
        "probably_no_persons": _report_users(landed),
        "deliveries": _deliveries(landed),
    }


def _deliveries(landed: Batch) -> dict[str, dict[str, dict[str, int]]]:
    """By delivery and day: rows in, and what became of them."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for part in sorted(landed.partitions, key=lambda part: part.partition["day"])[-TOLD_DAYS:]:
        for name, rows in _named({name: int(count) for name, count in part.metrics.items()}, DELIVERY).items():
            outcome, _, delivery = name.partition("_")
            counted = found.setdefault(delivery, {}).setdefault(part.partition["day"], {"in": 0})
            counted["in"] += rows
            counted[outcome] = rows
    return found


def _named(counts: Mapping[str, int], beginning: str) -> dict[str, int]:
    return {name.removeprefix(beginning): count for name, count in counts.items() if name.startswith(beginning)}


def _report_columns(new: dict[str, int]) -> dict[str, int]:
    for name, rows in sorted(new.items()):
        log.warning(
            "The log has a column %s that its description does not name, in %s rows. Once it is in "
            "behaviors.known_columns, nothing is said any more; behaviors.new_columns says what becomes of it.",
            name,
            f"{rows:,}",
        )
    return new


def _report_units(units: dict[str, int]) -> dict[str, int]:
    for unit, rows in sorted(units.items()):
        log.info(
            "Times of %s rows were read as %s since 1970, by their magnitude; behaviors.time_unit says it for good.",
            f"{rows:,}",
            unit,
        )
    if len(units) > 1:
        log.warning("The log's times have several units, %s: is every file written alike?", ", ".join(sorted(units)))
    return units


def _report_users(landed: Batch) -> dict[str, float]:
    """Users with more than the stated share of a day's rows, the largest first, at most ``TOLD_USERS``."""
    largest: dict[str, tuple[float, str]] = {}
    for part in landed.partitions:
        for user, rows in _named({name: int(count) for name, count in part.metrics.items()}, ROWS_OF).items():
            share = rows / (part.metrics["rows_in"] - part.metrics["rows_ignored"])
            largest[user] = max(largest.get(user, (0.0, "")), (share, part.partition["day"]))
    found = sorted(largest.items(), key=lambda item: (-item[1][0], item[0]))[:TOLD_USERS]
    for user, (share, day) in found:
        log.warning("%.0f %% of the rows of %s are of the user %s: probably no person.", 100 * share, day, user)
    return {user: round(share, 4) for user, (share, _) in found}

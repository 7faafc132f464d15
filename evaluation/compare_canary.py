"""Hold both releases of a canary's day against what users bought: ``python -m evaluation.compare_canary --day D``.

The two releases served different users, drawn by a hash: their recalls are compared as of two groups, unpaired, which
needs many more users than a review's pairs. Outcomes are those known by now, of the same days for both. It belongs here
and not to ``python -m lake``, for the lake knows nothing of metrics. Held-out users are left out where outcomes of
theirs are frozen, so this is no look that a holdout's ledger counts.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from evaluation import actions, metrics
from evaluation.bootstrap import Interval, interval, unpaired
from evaluation.grid import Grid
from lake.delta import tables
from lake.registry.canary import BESIDE, CANARY, Canary, of_row
from lake.registry.days import read_day
from lake.registry.evaluation_file import read_rule_if_any
from lake.registry.splits import SplitRule, add_days, next_day
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from schemas import behaviors, days, intents
from settings import load_settings

log = logging.getLogger("intentflow")

Categories = Mapping[str, Sequence[str]]

# Of fewer on a side the draws of a bootstrap are too alike for its bounds to be believed.
LEAST_USERS = 20


def compare(tags: Categories, bought: Categories, side_of: Callable[[str], str], seed: int = 0) -> dict[str, Any]:
    """Recall of both sides over users who bought something, and the difference of the two.

    Args:
        tags: categories that each user was published with. bought: those that users bought afterwards.
        side_of: the side of a user's id.

    Returns:
        ``users`` and ``recall`` by side, and ``difference``, canary less beside, each with a 95 % interval.
    """
    users = sorted(set(tags) & set(bought))
    known = {category for user in users for category in (*tags[user], *bought[user])}
    grid = Grid.of(users, sorted(known))
    listed, true = (grid.mask({user: of_user[user] for user in users}) for of_user in (tags, bought))
    found = metrics.recall(listed, true)
    of = {side: found[np.array([side_of(user) == side for user in users], np.bool_)] for side in (CANARY, BESIDE)}
    return {
        "users": {side: len(values) for side, values in of.items()},
        "recall": {side: interval(values, seed).as_dict() for side, values in of.items()},
        "difference": unpaired(of[CANARY], of[BESIDE], seed).as_dict(),
    }


def outcomes_known(landed: Sequence[str], day: str, outcome_days: int) -> str:
    """The day after the last one whose purchases count: until then every day after ``day`` is landed.

    Args:
        outcome_days: that count at most.

    Raises:
        SourceMissing: the day after is not landed yet.
    """
    until = first = next_day(day)
    last = add_days(first, outcome_days)
    while until < last and until in landed:
        until = next_day(until)
    if until == first:
        raise SourceMissing(
            f"What users bought after {day} is not known yet: wait until {first} is landed, and for the whole window "
            f"of {outcome_days} days until {add_days(last, -1)} is."
        )
    return until


def frozen_overlap(rule: SplitRule, first: str, until: str) -> bool:
    """Whether outcomes of an evaluation day are among those of some days, half-open."""
    return any(next_day(day) < until and first < rule.outcomes_until(day) for day in rule.days)


def canary_of(lake: Lake, day: str) -> Canary:
    """The canary that a day was published with.

    Raises:
        UsageError: one release served it, or it is not published.
    """
    row = next(iter(tables.read(lake, days.TABLE, day, columns=["day", "canary"]).to_pylist()), None)
    found = of_row(row) if row else None
    if found is None:
        why = "was served by one release" if row else "is not published"
        raise UsageError(f"The day {day} {why}: `python -m lake canary` shows the days of a canary.")
    return found


def compare_day(lake: Lake, day: str, rule: SplitRule | None) -> dict[str, Any]:
    """Compare the releases of a published day.

    Args:
        rule: of the log's evaluation days; none where it has none.

    Raises:
        UsageError: no canary served the day. SourceMissing: nothing is known of what came after it.
        DataError: the day's intents are gone.
    """
    canary = canary_of(lake, day)
    outcome_days = rule.outcome_days if rule else SplitRule.outcome_days
    first = next_day(day)
    until = outcomes_known(sorted(tables.published_days(lake, behaviors.TABLE)), day, outcome_days)
    leave_out = rule.leave_out if rule else ()
    after = actions.read(lake, first, add_days(until, -1), leave_out)
    bought = _by_user(after.filter(pl.col("action").is_in(list(actions.OUTCOMES))))
    rows = read_day(lake, intents.TABLE, day, columns=["user_id", "category"])
    tags = _by_user(pl.DataFrame(pl.from_arrow(rows)))
    held_out: list[str] = []
    if rule and frozen_overlap(rule, first, until):
        held_out = [user for user in tags if rule.split_of(user) == "holdout"]
    counted = {user: categories for user, categories in tags.items() if user not in set(held_out)}
    found = compare(counted, bought, canary.side_of)
    _say(day, canary, until, found)
    whole = until == add_days(first, outcome_days)
    return {
        "day": day,
        "canary": canary.document(),
        "outcomes_from": first,
        "outcomes_until": until,
        "whole_window": whole,
        "paired": False,
        "left_out_held_out_users": len(held_out),
        **found,
    }


def _by_user(rows: pl.DataFrame) -> dict[str, list[str]]:
    found = rows.group_by("user_id").agg(pl.col("category").unique().sort())
    return dict(found.iter_rows())


def _say(day: str, canary: Canary, until: str, found: Mapping[str, Any]) -> None:
    """The comparison in sentences."""
    releases = {CANARY: canary.release, BESIDE: canary.beside}
    for side, release in releases.items():
        log.info(
            "%s, %s: recall %s of %d users who bought from %s until %s, 00:00.",
            side,
            release,
            _told(found["recall"][side]),
            found["users"][side],
            next_day(day),
            until,
        )
    difference = Interval(**found["difference"])
    log.info(
        "The two groups are different users, so this is unpaired. Difference: %s; %s",
        _told(difference),
        sure(difference, found["users"]),
    )


def sure(difference: Interval, users: Mapping[str, int]) -> str:
    """What the interval of the difference lets one say, of so many users by side."""
    if difference.low is None or difference.high is None or min(users.values()) < LEAST_USERS:
        return f"too few users to say anything: each side wants {LEAST_USERS}, wait for more days or ask more users."
    if difference.low > 0:
        return "the canary finds surely more."
    return "the canary finds surely less." if difference.high < 0 else "no difference is sure."


def _told(found: Interval | Mapping[str, float | None]) -> str:
    value, low, high = found.values() if isinstance(found, Mapping) else (found.value, found.low, found.high)
    if value is None:
        return "unknown"
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} ({low:.4f} to {high:.4f})"


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return compare_day(lake, arguments.day, read_rule_if_any(settings.source))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m evaluation.compare_canary", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="a published day that a canary served")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)

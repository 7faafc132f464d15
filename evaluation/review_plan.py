"""What a review needs: ``python -m evaluation.review_plan --candidate NAME [--day D] [--policy FILE] [--lake URI]``.

Says which champion the candidate meets, on which evaluation day, and which days are to be landed and compressed before
either can be measured. Looks at no outcome. A policy, a release or a day that is none is told here, not hours later.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from evaluation.gate.policy import parse_policy, policy_text
from evaluation.leaks import training_days
from lake.delta import tables
from lake.registry import champions, releases
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import Release
from lake.registry.splits import SplitRule, add_days, log_until, next_day
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from schemas import rollups
from settings import Settings, load_settings


def evaluation_day(rule: SplitRule, ends: str, asked: str | None) -> str:
    """The day that is asked for, or the newest one whose outcomes the log has.

    Args:
        ends: the day after the log's last one.

    Raises:
        UsageError: the day is no evaluation day. SourceMissing: the log has no day with all of its outcomes.
    """
    if asked and asked not in rule.days:
        raise UsageError(f"{asked} is no evaluation day; they are {', '.join(rule.days)}.")
    known = [day for day in sorted(rule.days) if rule.outcomes_until(day) <= ends]
    if asked in known or (known and not asked):
        return asked or known[-1]
    raise SourceMissing(
        f"The log is there until {add_days(ends, -1)}, and the outcomes of {asked or min(rule.days)} end with "
        f"{add_days(rule.outcomes_until(asked or min(rule.days)), -1)}: wait, or name an earlier evaluation day."
    )


def compressed_days(rule: SplitRule, first_day: str, day: str, compared: Iterable[Release]) -> list[str]:
    """The days whose contexts are read: of the evaluation, of the weights, and those that show whom a release knows."""
    return sorted({day, rule.training_days(first_day)[0], *(day for one in compared for day in training_days(one))})


def is_landed(first_day: str, until: str, rolled_up: Collection[str]) -> bool:
    """Whether every day of the log is rolled up, both ends included."""
    day = first_day
    while day <= until:
        if day not in rolled_up:
            return False
        day = next_day(day)
    return True


def plan(lake: Lake, settings: Settings, candidate: str, asked: str | None, today: date) -> dict[str, Any]:
    """What a review of a candidate does.

    Args:
        candidate: name of a release on the lake. asked: the evaluation day that somebody wants.

    Raises:
        UsageError: the candidate is the champion, or the day is no evaluation day.
        DataError: a release is not on the lake, or was changed. SourceMissing: as ``evaluation_day``.
    """
    rule, first_day = read_rule(settings.source), settings.source.first_day.isoformat()
    record = champions.current(lake)
    if record and record.release == candidate:
        raise UsageError(f"{candidate} is the champion already: there is nothing to review.")
    names = [candidate, *([record.release] if record else [])]
    compared = [releases.read(lake, name)[0] for name in names]
    day = evaluation_day(rule, log_until(settings.source.last_day, today), asked)
    until = add_days(rule.outcomes_until(day), -1)
    return {
        "candidate": candidate,
        "champion": record.release if record else "",
        "record": record.number if record else 0,
        "day": day,
        "until": until,
        "lands": not is_landed(first_day, until, tables.published_days(lake, rollups.TABLE)),
        "compressed": compressed_days(rule, first_day, day, compared),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    place = arguments.policy or settings.gate.policy
    policy = parse_policy(policy_text(place), str(place))
    lake = Lake.open(arguments.lake or settings.lake.uri)
    found = plan(lake, settings, arguments.candidate, arguments.day, datetime.now(UTC).date())
    return {**found, "policy": policy.name}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m evaluation.review_plan", description=__doc__)
    parser.add_argument("--candidate", required=True, help="name of a release on the lake")
    parser.add_argument("--day", type=day_argument, help="an evaluation day (default: the newest that can be measured)")
    parser.add_argument("--policy", type=Path, help="the policy's file (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)

"""Freeze the holdout: ``python -m evaluation.freeze --lake URI [--day D ...]``, before anything is trained.

Writes the split rule (``_holdout/registry.json``) and, for each evaluation day whose outcomes are landed, what held-out
users bought (table ``holdout``) under a digest (``_holdout/<day>.json``). What is frozen stays; a second run checks it.
A day that was added to the log's evaluation file since then is frozen beside the others, which are left as they are.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from evaluation.holdout import freeze_day, freeze_rule
from lake.delta.work import Step
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from runtime.entry import run_command
from runtime.errors import SourceMissing, UsageError
from settings import load_settings

log = logging.getLogger("intentflow")

# What is frozen stays, whatever becomes of the code; its rows only tell which it was.
STEP = Step("freeze", __file__)


def freeze(lake: Lake, rule: SplitRule, days: tuple[str, ...] = ()) -> dict[str, Any]:
    """Freeze the rule and the days (all of the rule's that are landed, when none is named).

    Raises:
        UsageError: a named day is no evaluation day.
        SourceMissing: a named day is not landed.
        DataError: something else is frozen already.
    """
    for day in days:
        refuse_other_days(rule, day)
    new = freeze_rule(lake, rule)
    STEP.remember(lake)
    frozen, waiting = [], []
    for day in days or rule.days:
        try:
            frozen.append(freeze_day(lake, rule, day, STEP.work({"rule": rule.digest}, {"day": day})))
        except SourceMissing as error:
            if days:
                raise
            log.info("%s waits: %s", day, error)
            waiting.append(day)
    return {
        "rule": rule.digest,
        "rule_new": new,
        "trained_until": rule.trained_until,
        "days": frozen,
        "waiting": waiting,
    }


def refuse_other_days(rule: SplitRule, day: str) -> None:
    """Refuse a day that is not evaluated.

    Raises:
        UsageError: naming those that are.
    """
    if day not in rule.days:
        raise UsageError(f"{day} is no evaluation day; they are {', '.join(rule.days)}.")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return freeze(lake, read_rule(settings.source), tuple(arguments.day or ()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m evaluation.freeze", description=__doc__)
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--day", action="append", help="an evaluation day, repeatable (default: all that are landed)")
    run_command(main, parser)

"""Freeze the holdout: ``python -m evaluation.freeze --lake URI [--day D ...]``, before anything is trained.

Writes the split rule (``_holdout/registry.json``) and, for each evaluation day whose outcomes are landed, what held-out
users bought (table ``holdout``) under a digest (``_holdout/<day>.json``). What is frozen stays; a second run checks it.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from evaluation.holdout import freeze_day, freeze_rule
from lake.registry.splits import Registry
from lake.store.location import Lake
from runtime.entry import run_command
from runtime.errors import SourceMissing, UsageError
from settings import load_settings

log = logging.getLogger("intentflow")


def freeze(lake: Lake, registry: Registry, days: tuple[str, ...] = ()) -> dict[str, Any]:
    """Freeze the rule and the days (all of the registry's that are landed, when none is named).

    Raises:
        UsageError: a named day is no evaluation day. SourceMissing: a named day is not landed.
    """
    if unknown := sorted(set(days) - set(registry.days)):
        raise UsageError(f"{unknown[0]} is no evaluation day; they are {', '.join(registry.days)}.")
    new = freeze_rule(lake, registry)
    frozen, waiting = [], []
    for day in days or registry.days:
        try:
            frozen.append(freeze_day(lake, registry, day))
        except SourceMissing as error:
            if days:
                raise
            log.info("%s waits: %s", day, error)
            waiting.append(day)
    return {
        "rule": registry.digest,
        "rule_new": new,
        "trained_until": registry.trained_until,
        "days": frozen,
        "waiting": waiting,
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    return freeze(lake, Registry(), tuple(arguments.day or ()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m evaluation.freeze", description=__doc__)
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--day", action="append", help="an evaluation day, repeatable (default: all that are landed)")
    run_command(main, parser)

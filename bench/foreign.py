"""Do tuned experts help on a catalog that they never saw? ``python -m bench.foreign [--users 200] [--tags 3]``.

The second shop of ``examples/second_shop``, made up and seeded: its log is landed, its holdout frozen, and the intents
of held-out users are inferred twice, by the shipped release's tuned experts and by the language model as it is. Says
which does better there, paired, and how far both are from counting days.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from bench.lakes import landed
from bench.lakes.steps import FOLDER
from evaluation import actions, metrics
from evaluation.baselines.distinct_days import distinct_days
from evaluation.bootstrap import interval, paired
from evaluation.comparison import Outcomes
from evaluation.freeze import freeze
from evaluation.grid import best
from evaluation.holdout import read_frozen
from evaluation.snapshots import Snapshot
from examples.second_shop.generate import LAST_DAY, generate
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import drawn
from lake.store.location import Lake
from model_steps.evaluating import inferred
from runtime.entry import run_command
from runtime.errors import UsageError
from settings import load_settings

ARMS = ("tuned", "base")
DAYS = 30


def prepare(folder: Path, customers: int) -> None:
    """Write the shop's files, and let this process and its steps read them."""
    shop = folder / f"shop-{customers}"
    if not (shop / "evaluation.toml").is_file():
        generate(shop, DAYS, customers)
    first_day = np.datetime64(LAST_DAY) - (DAYS - 1)
    os.environ |= {
        "INTENTFLOW_SOURCE__NAME": str(shop / "csv.toml"),
        "INTENTFLOW_SOURCE__FIRST_DAY": str(first_day),
        "INTENTFLOW_SOURCE__LAST_DAY": LAST_DAY.isoformat(),
        "INTENTFLOW_INFERENCE__MINIMUM_EVENTS": "5",
        "INTENTFLOW_INFERENCE__MINIMUM_ACTIVE_DAYS": "2",
    }


def measure(lake: Lake, work: Lake, users: int, tags: int) -> dict[str, Any]:
    """Recall of both arms and of counting, over the tags that a user gets."""
    settings = load_settings()
    rule = read_rule(settings.source)
    (day,) = rule.days
    landed.land_until(lake, LAST_DAY.isoformat())
    freeze(lake, rule)
    landed.prepare_day(lake, day)
    release, files = releases.load(settings.lake.first_release)
    releases.install(lake, release, files)
    held = read_frozen(lake, rule, day)
    chosen = drawn(held["user_id"].to_pylist(), users)
    known = actions.read(lake, settings.source.first_day.isoformat(), day, rule.leave_out)
    snapshot = Snapshot.of(known, day, chosen, actions.known_categories(lake), rule)
    bought = Outcomes.of(snapshot.grid, held).bought
    listed = {
        "distinct_days": best(distinct_days(snapshot.visits.days(), snapshot.popularity), tags),
        "popularity": best(snapshot.popularity, tags),
    }
    told = {}
    for arm in ARMS:
        asking = {"INTENTFLOW_INFERENCE__EXPERTS": arm, "INTENTFLOW_INFERENCE__TAGS": str(tags)}
        answers = inferred.infer(lake, work, day, chosen, release.name, settings.inference.representation, asking)
        listed[arm] = best(snapshot.grid.ranked(answers.categories, tags), tags)
        told[arm] = sum(not categories for categories in answers.categories.values())
    recalls = {name: metrics.recall(mask, bought) for name, mask in listed.items()}
    return {
        "day": day,
        "users": len(chosen),
        "categories": len(snapshot.grid.categories),
        "tags": tags,
        "release": release.name,
        "users_failed": told,
        "recall": {name: interval(each).as_dict() for name, each in recalls.items()},
        "tuned_less_base": paired(recalls["tuned"], recalls["base"]).as_dict(),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.users < 1 or arguments.tags < 1:
        raise UsageError("--users and --tags are at least 1.")
    folder = Path(arguments.folder)
    # About two of five customers are held out.
    prepare(folder, 3 * arguments.users)
    return measure(Lake.open(str(folder / "lake")), Lake.open(str(folder / "work")), arguments.users, arguments.tags)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.foreign", description=__doc__)
    parser.add_argument("--users", type=int, default=200, help="held-out users, at most (default: 200)")
    parser.add_argument("--tags", type=int, default=3, help="tags a user, of the shop's 11 categories (default: 3)")
    parser.add_argument("--folder", default=str(FOLDER / "foreign"), help="shop and lakes (default: var/bench/foreign)")
    run_command(main, parser)

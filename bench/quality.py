"""How well intents predict what users buy: ``python -m bench.quality [--users N] [--day D] [--release FOLDER]``.

Lands the log, freezes the holdout, makes what inference reads, and calls ``python -m model_steps.evaluate``. With
``--ladder [--release NAME=FOLDER ...]`` releases stand side by side on the same users, from popularity to the newest
one (``bench/ladder``). Everything is kept in ``var/bench``: a second run asks the model nothing, a killed one goes on
where it was.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.ladder import picture, released
from bench.ladder.climb import Ladder
from bench.lakes import landed
from bench.lakes.steps import FOLDER, run_step
from evaluation import plots
from evaluation.comparison import CEILINGS
from evaluation.freeze import freeze, refuse_other_days
from evaluation.holdout import read_frozen
from evaluation.leaks import training_days
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule, add_days
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.embedding.embedder import Embedder
from model_steps.evaluate import COMBINED, INTENTS, WITHOUT_INTENTS
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

COLORS = {INTENTS: plots.BLUE, COMBINED: plots.GREEN, WITHOUT_INTENTS: plots.SKY}
TITLES = {
    "hr_at_30": "HR@30: the next purchase",
    "recall_at_30": "recall@30: 14 days",
    "recall_new_at_30": "recall@30: new to the user",
}


def prepare(lake: Lake, rule: SplitRule, day: str) -> None:
    """Land the log until the day's last outcome, and freeze what is landed.

    Earlier evaluation days are landed with it; later ones wait.
    """
    refuse_other_days(rule, day)
    landed.land_until(lake, add_days(rule.outcomes_until(day), -1))
    freeze(lake, rule)
    # A lake that was landed with other names is told of here, before minutes of work.
    read_frozen(lake, rule, day)


def prepare_releases(lake: Lake, rule: SplitRule, day: str, folders: Iterable[Path]) -> list[str]:
    """Install releases, and make what inference reads and what shows whom they know; returns their names."""
    names, days = [], {day, rule.training_days(load_settings().source.first_day.isoformat())[0]}
    for folder in folders:
        release, files = releases.load(folder)
        releases.install(lake, release, files)
        names.append(release.name)
        days |= set(training_days(release))
    for prepared in sorted(days):
        landed.prepare_day(lake, prepared)
    return names


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """The three metrics side by side, the best recall@30 on top; ceilings would make the systems small."""
    systems = [name for name in figures["recall_at_30"] if name not in CEILINGS]
    order = sorted(systems, key=lambda name: -figures["recall_at_30"][name]["value"])
    drawing, axes = plots.panels(len(TITLES), height=0.4 * len(order) + 1.4)
    for panel, (metric, title) in zip(axes, TITLES.items(), strict=True):
        plots.intervals(panel, {name: figures[metric][name] for name in order}, COLORS, title)
    about = f"{figures['users']} held-out users as of {figures['day']}, with 95 % intervals"
    drawing.suptitle(about, fontsize=11, x=0.01, ha="left")
    return plots.save(drawing, folder, f"quality-{figures['day']}")


def climb(lake: Lake, rule: SplitRule, day: str, arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """The ladder of releases, on a lake that is landed and frozen; returns its figures.

    Raises:
        UsageError: a release is named wrongly, or may know the outcomes. As ``Ladder.run``.
    """
    found = released.find(arguments.release)
    combine = released.to_combine(found, arguments.combine, settings.lake.first_release)
    for name, why in found.absent.items():
        log.warning("The ladder has no rung %s. %s", name, why)
    names = prepare_releases(lake, rule, day, found.folders.values())
    ladder = Ladder(
        lake=lake,
        work=Lake.open(arguments.work),
        rule=rule,
        day=day,
        users=arguments.users,
        v1_users=arguments.v1_users,
        tuning_users=arguments.tuning_users,
        names=dict(zip(found.folders, names, strict=True)),
        combine=combine,
        form=settings.inference.representation,
        categories=inputs.read_categories(lake, Embedder(settings.embedder.model).name),
    )
    figures = ladder.run(settings.source.first_day.isoformat())
    return {**figures, "absent": dict(found.absent), "plot": str(picture.draw(figures, Path(arguments.plots)))}


def one_release(
    lake: Lake, rule: SplitRule, day: str, arguments: argparse.Namespace, settings: Settings
) -> dict[str, Any]:
    """A release beside systems without a model, by ``model_steps.evaluate``; returns the figures."""
    asked = ["--day", day, "--lake", lake.root, "--work", arguments.work]
    asked += ["--users", str(arguments.users), "--tuning-users", str(arguments.tuning_users)]
    asked += ["--both-forms"] if arguments.both_forms else []
    asked += ["--ways"] if arguments.ways else []
    if arguments.baselines_only:
        asked += ["--baselines-only"]
    else:
        folder = Path(arguments.release[0]) if arguments.release else settings.lake.first_release
        asked += ["--release", *prepare_releases(lake, rule, day, [folder])]
    figures = run_step("model_steps.evaluate", *asked)
    return {**figures, "plot": str(plot(figures, Path(arguments.plots)))}


def refuse_unfit(arguments: argparse.Namespace) -> None:
    """See that what is asked for goes together.

    Raises:
        UsageError: it does not.
    """
    if min(arguments.users, arguments.v1_users) < 0 or arguments.tuning_users < 1:
        raise UsageError("--users and --v1-users are numbers of users from 0 on, --tuning-users is at least 1.")
    if arguments.ladder and (arguments.baselines_only or arguments.both_forms or arguments.ways):
        raise UsageError(
            "--ladder measures several releases; --baselines-only, --both-forms and --ways measure one or none: leave "
            "one of them out."
        )
    if not arguments.ladder and (len(arguments.release) > 1 or arguments.combine):
        raise UsageError("Several releases, and --combine, are for the ladder: add --ladder.")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    refuse_unfit(arguments)
    settings = load_settings()
    rule, lake = read_rule(settings.source), Lake.open(arguments.lake)
    day = arguments.day or rule.days[-1]
    if arguments.ladder:
        # What is named wrongly is told of before hours of work.
        released.to_combine(released.find(arguments.release), arguments.combine, settings.lake.first_release)
    prepare(lake, rule, day)
    measure = climb if arguments.ladder else one_release
    return measure(lake, rule, day, arguments, settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--users", type=int, default=500, help="held-out users, 0 for all (default: 500)")
    parser.add_argument("--day", type=day_argument, help="an evaluation day (default: the last one)")
    parser.add_argument(
        "--release",
        action="append",
        default=[],
        help="folder of the release to measure (default: the shipped one); with --ladder NAME=FOLDER, repeatable "
        "(default: those of releases/)",
    )
    parser.add_argument("--baselines-only", action="store_true", help="ask no model")
    parser.add_argument("--both-forms", action="store_true", help="measure text and hybrid histories on the same users")
    parser.add_argument("--ways", action="store_true", help="measure the untuned model and an arbiter's order too")
    parser.add_argument("--ladder", action="store_true", help="releases side by side, from popularity on")
    parser.add_argument("--v1-users", type=int, default=100, help="ladder: users for V1's routes, 0 for none (100)")
    parser.add_argument("--combine", help="ladder: rung that is combined (default: the shipped release's)")
    parser.add_argument("--tuning-users", type=int, default=64, help="train users for the combination's weights (64)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--work", default=str(FOLDER / "quality"), help="lake for answers (default: var/bench/quality)")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)

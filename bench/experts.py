"""What tuned experts know of validation users: ``python -m bench.experts [--release FOLDER] [--users 72]``.

Nobody who is held out is read, so choices may be made by it: whether shares are taken as they are or calibrated, and
how they are combined with the strongest baseline. The lake is that of ``bench.quality``, which lands it. What is fitted
is fitted on one half of the users and judged on the other.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.lakes.steps import FOLDER, run_and_publish
from evaluation import actions, combination, metrics
from evaluation.baselines.distinct_days import distinct_days
from evaluation.baselines.up_cf import FILTERING, recent_popularity, up_cf
from evaluation.bootstrap import interval, paired
from evaluation.comparison import LISTED, PUBLISHED
from evaluation.grid import Mask, Scores, best
from evaluation.snapshots import Snapshot, validation_examples
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps.agents.ranked_pool import Calibration, Scale
from model_steps.engine.environment import prepare_environment
from model_steps.training.record import read_experts
from runtime import processor
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from settings import ExpertsSettings, Settings, load_settings

# Upper bounds of the days on which a category was bought, of each row of the table.
DAYS = (1, 2, 3, 5, 10_000)
SYSTEM = "experts"


@dataclass(frozen=True)
class Said:
    """What experts say of a user.

    Args:
        shares: of the tags that they name. shown: what their prompts hold, both by category.
    """

    shares: Mapping[str, float]
    shown: frozenset[str]


def ask(lake: Lake, folder: Path, day: str, users: int, settings: Settings) -> tuple[dict[str, Said], Any]:
    """Let a release's experts speak of validation users; returns what they say, and a fit of its calibration."""
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.experts import validation
    from model_steps.training.experts.material import Material
    from model_steps.training.lora.tuned_model import TunedModel

    chosen = ExpertsSettings(**{**settings.experts.model_dump(), "calibration_users": users})
    material = Material.read(lake, read_rule(settings.source), [day], settings.model_copy(update={"experts": chosen}))
    model = TunedModel(settings.engine.model, processor.resolve(chosen.dtype, settings.engine.model), chosen)
    model.start_from(read_experts(folder).weights, str(folder))
    category_of = {label: category for category, label in material.labels.items()}
    people, found = material.calibrated, dict[str, Said]()
    rankings: dict[tuple[int, ...], list[tuple[str, float]]] = {}
    progress = Progress(len(people), "users", every_seconds=20)
    for user, personas in people.items():
        for one in personas:
            rankings[one.prompt] = model.rank(one.prompt, material.options, validation.MOST_A_PERSONA)
        shares = validation.shares_of([rankings[one.prompt] for one in personas])
        shown = frozenset(category_of[label] for one in personas for label in one.shown)
        found[user] = Said({category_of[label]: share for label, share in shares.items()}, shown)
        progress.advance()

    def fit(of: Sequence[str]) -> Calibration | None:
        known = {user: people[user] for user in of}
        scales = validation.calibration(known, lambda prompts, _most: [rankings[tuple(prompt)] for prompt in prompts])
        return Calibration(**{kind: Scale(**scale) for kind, scale in scales.items()}) if scales else None

    return found, fit


def worth(said: Said, calibration: Calibration | None) -> dict[str, float]:
    """What each tag is ranked by: its share, or the chance that it comes true."""
    if calibration is None:
        return dict(said.shares)
    return {
        category: math.exp(calibration.of(category, math.log(share), said.shown))
        for category, share in said.shares.items()
    }


def by_days(said: Sequence[Said], days: Scores, bought: Mask, columns: Mapping[str, int], size: int) -> list[Any]:
    """Of the categories that prompts hold, by the days on which they were bought: how many are named, what is expected
    of them (share x size of a target set), and how many came true."""
    found: list[list[tuple[bool, float, bool]]] = [[] for _ in DAYS]
    for row, one in enumerate(said):
        for category in one.shown:
            column = columns[category]
            group = next(number for number, most in enumerate(DAYS) if days[row, column] <= most)
            share = one.shares.get(category, 0.0)
            found[group].append((share > 0, size * share, bool(bought[row, column])))
    names = ("named", "expected", "came_true")
    return [
        {"days_until": most, "categories": len(group)}
        | {name: round(float(np.mean([each[place] for each in group])), 4) for place, name in enumerate(names)}
        for most, group in zip(DAYS, found, strict=True)
        if group
    ]


class Judged:
    """Validation users as of a day, and systems' recall of what they bought."""

    def __init__(self, snapshot: Snapshot, bought: Mask, users: Sequence[str]) -> None:
        kept = [row for row, user in enumerate(snapshot.grid.users) if user in set(users)]
        self.users = [snapshot.grid.users[row] for row in kept]
        self.columns = {category: column for column, category in enumerate(snapshot.grid.categories)}
        self.bought, self.days = bought[kept], snapshot.visits.days()[kept]
        self.seen = snapshot.counts[kept] > 0
        crowd, _ = snapshot.crowd
        own = snapshot.visits.days()
        neighbours = up_cf(own, crowd.days(), recent_popularity(crowd, FILTERING.recent))
        self.up_cf, self.distinct_days = neighbours[kept], distinct_days(own, snapshot.popularity)[kept]
        self.half = np.arange(len(kept)) % 2 == 0

    def scores(self, ranked: Mapping[str, Mapping[str, float]], as_ranks: bool) -> Scores:
        """Users x categories of what each tag is worth, or of its rank among the 30 first."""
        found = np.zeros(self.bought.shape, np.float32)
        for row, user in enumerate(self.users):
            order = sorted(ranked[user].items(), key=lambda each: (-each[1], each[0]))
            for rank, (category, each) in enumerate(order[:LISTED] if as_ranks else order):
                found[row, self.columns[category]] = 1 - rank / LISTED if as_ranks else each
        return found

    def combined(self, scores: Scores) -> Scores:
        """With the strongest baseline, by weights that the other half of the users gave."""
        both = {SYSTEM: scores, "up_cf": self.up_cf}
        features, found = combination.features(both, tuple(both)), np.zeros_like(self.up_cf)
        for part in (self.half, ~self.half):
            weights = combination.fit(features[~part], self.bought[~part])
            found[part] = combination.combine(features[part], weights)
        return found

    def values(self, scores: Scores) -> dict[str, metrics.Values]:
        unseen = best(np.where(self.seen, np.float32(0), scores), LISTED)
        return {
            "recall_at_30": metrics.recall(best(scores, LISTED), self.bought),
            "recall_at_10": metrics.recall(best(scores, PUBLISHED), self.bought),
            "recall_new_at_30": metrics.recall(unseen, np.logical_and(self.bought, ~self.seen)),
        }


def measure(lake: Lake, folder: Path, day: str, users: int, settings: Settings) -> dict[str, Any]:
    """All figures of a release.

    Raises:
        SourceMissing: the day's examples or its log are missing. UsageError: nobody is left to judge.
    """
    rule, first_day = read_rule(settings.source), settings.source.first_day.isoformat()
    said, fit = ask(lake, folder, day, users, settings)
    known = actions.read(lake, first_day, rule.outcomes_until(day), rule.leave_out)
    examples = validation_examples(known, day, actions.known_categories(lake), rule)
    judged = Judged(examples.snapshot, examples.bought, list(said))
    if len(judged.users) < 2:
        raise UsageError(f"Of {users} validation users as of {day} fewer than two bought anything: give more --users.")
    calibrated: dict[str, dict[str, float]] = {}
    for part in (judged.half, ~judged.half):
        calibration = fit([user for user, other in zip(judged.users, ~part, strict=True) if other])
        calibrated |= {
            user: worth(said[user], calibration) for user, own in zip(judged.users, part, strict=True) if own
        }
    shares = {user: worth(said[user], None) for user in judged.users}
    systems = {
        "up_cf": judged.up_cf,
        "distinct_days": judged.distinct_days,
        "shares": judged.scores(shares, as_ranks=True),
        "calibrated": judged.scores(calibrated, as_ranks=True),
        "calibrated_chances": judged.scores(calibrated, as_ranks=False),
    }
    values = {name: judged.values(scores) for name, scores in systems.items()}
    with_experts = {
        f"combined_{name}": judged.values(judged.combined(systems[name]))
        for name in ("shares", "calibrated", "calibrated_chances")
    }
    reference = values["up_cf"]
    return {
        "day": day,
        "users": len(judged.users),
        **{
            metric: {name: interval(of[metric]).as_dict() for name, of in (values | with_experts).items()}
            for metric in reference
        },
        "paired_vs_up_cf": {
            metric: {name: paired(of[metric], reference[metric]).as_dict() for name, of in with_experts.items()}
            for metric in reference
        },
        "by_days": by_days(
            [said[user] for user in judged.users],
            judged.days,
            judged.bought,
            judged.columns,
            settings.experts.target_size,
        ),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    if arguments.users < 2:
        raise UsageError(f"--users is {arguments.users}: give two at least.")
    prepare_environment(settings.engine)
    rule = read_rule(settings.source)
    day = arguments.day or rule.training_days(settings.source.first_day.isoformat())[0]
    folder = arguments.release or settings.lake.first_release
    lake = Lake.open(arguments.lake)
    run_and_publish(lake, "spark_jobs.examples", "--day", day)
    return {"release": folder.name, **measure(lake, folder, day, arguments.users, settings)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.experts", description=__doc__)
    parser.add_argument("--release", type=Path, help="folder of the release (default: the shipped one)")
    parser.add_argument("--users", type=int, default=72, help="validation users (default: 72)")
    parser.add_argument("--day", type=day_argument, help="a training day with examples (default: the newest)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake with log and examples (var/bench/lake)")
    run_command(main, parser)

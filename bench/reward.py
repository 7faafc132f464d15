"""What reward models are worth on held-out users: ``python -m bench.reward --reward FOLDER [--pointwise FOLDER]``.

Pairs of one customer's outputs that differ in tier, by the labels of the lake: how many are in the right order, with
intervals over users, of a list-wise model, of a point-wise one, and of counting and rules without a model. And what it
saves to compute once what the candidates of a group share, in float32, where it must not change a score by 1e-4. The
lake is one with the labels of held-out users (``model_steps.build_judge_labels``).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.leaks import refuse_known
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import drawn
from lake.store.location import Lake
from model_steps.engine.environment import prepare_environment
from model_steps.judge.reward.measured import GROUP, accuracies, counted, sharing
from model_steps.judge.reward.tiered import TieredCase, fewer
from runtime import processor
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from runtime.progress import Progress
from settings import Settings, load_settings

# Groups whose sharing is timed: in float32 they take seconds each.
TIMED, ROUNDS = 4, 2
LISTWISE, POINTWISE = "listwise", "pointwise"


def _short(found: Mapping[str, Any]) -> dict[str, Any]:
    """Value and interval alone."""
    return {name: found["accuracy"][name] for name in ("value", "low", "high")}


def _scores(tiered: Any, cases: Sequence[TieredCase], found: Any, settings: Settings) -> list[float]:
    """Scores of cases that are sorted by group, before the sigmoid: far from zero it rounds two to one."""
    import torch

    from model_steps.training.reward import stored

    model = settings.engine.model
    reward = stored.restored(found, model, processor.resolve(settings.reward.dtype, model), settings.reward)
    groups = tiered.groups(cases, found.counting, found.reading)
    scores, progress = [0.0] * len(cases), Progress(len(groups), "groups", every_seconds=20)
    for group in groups:
        for start in range(0, len(group.candidates), reward.together):
            together = slice(start, start + reward.together)
            with torch.no_grad():
                some = reward.logits(group.prompt, group.candidates[together], group.odds[together]).tolist()
            for place, score in zip(group.places[start:], some, strict=False):
                scores[place] = score
        progress.advance()
    return scores


def measure(
    lake: Lake, folders: Mapping[str, Path], days: Sequence[str], users: int, timed: int, settings: Settings
) -> dict[str, Any]:
    """The figures of reward models on held-out users.

    Args:
        folders: by what a model learnt by: its release.
        days: evaluation days; none: all that have labels. users: drawn by a stable hash; 0: all.
        timed: groups whose sharing is timed; 0: none.

    Raises:
        UsageError: a folder's model learnt by another loss. As ``stored.read``, ``material.read_holdout`` and
            ``leaks.refuse_known``.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.reward import stored
    from model_steps.training.reward.material import read_holdout, read_tiered

    rule, model = read_rule(settings.source), settings.engine.model
    found = {name: stored.read(folder, model) for name, folder in folders.items()}
    for name, one in found.items():
        if (loss := dict(one.record["settings"])["loss"]) != name:
            raise UsageError(f"The reward model in {folders[name]} learnt {loss}, and is named as the {name} one.")
    rows = read_holdout(lake, rule, days)
    for one in found.values():
        refuse_known(f"The {stored.name_of(one.record)}", one.record, lake, rule, min(row["day"] for row in rows))
    kept = set(drawn((row["user_id"] for row in rows), users))
    rows = [row for row in rows if row["user_id"] in kept]
    tiered = read_tiered(lake, rule, rows, settings)
    if not tiered.cases:
        raise SourceMissing(f"No output of the {len(kept)} users drawn has a tier: draw more with --users.")
    said: dict[str, Any] = {
        "days": sorted({row["day"] for row in rows}),
        "users": len(kept),
        "outputs": len(tiered.cases),
        "rewards": {name: stored.name_of(one.record) for name, one in found.items()},
    }
    figures: dict[str, Any] = {}
    for name, one in found.items():
        begun = time.monotonic()
        figures[name] = accuracies(tiered.cases, _scores(tiered, tiered.cases, one, settings))
        said[f"seconds_{name}"] = round(time.monotonic() - begun, 1)
    first = next(iter(found.values()))
    if first.counting is not None:
        cases = [one.case for one in tiered.cases]
        chances = first.counting.chances(cases, tiered.facts, tiered.popularity)
        figures["counting"] = accuracies(tiered.cases, counted(cases, chances, tiered.facts, settings.judge.threshold))
    said["reward_pairwise_accuracy"] = {name: _short(each["all"]) for name, each in figures.items()}
    said["real_outputs"] = {
        "reward_pairwise_accuracy": {name: _short(each["real_outputs"]) for name, each in figures.items()}
    }
    said["pairs"] = figures
    if timed:
        said |= _sharing(tiered, first, timed, settings)
    return said


def _sharing(tiered: Any, found: Any, timed: int, settings: Settings) -> dict[str, Any]:
    """The saving on groups of eight, and the largest difference of scores, in float32."""
    from model_steps.training.reward import stored

    eight = tiered.groups(fewer(tiered.cases, GROUP, 0), found.counting, found.reading)
    groups = [group for group in eight if len(group.candidates) == GROUP][:timed]
    if not groups:
        raise SourceMissing(f"No customer has {GROUP} outputs whose sharing could be timed: draw more with --users.")
    exact = stored.restored(found, settings.engine.model, "float32", settings.reward)
    saved = sharing(exact, groups, ROUNDS)
    return {"reward_sharing_speedup": saved["speedup"], "reward_sharing": saved}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if min(arguments.users, arguments.timed) < 0:
        raise UsageError("--users and --timed are numbers from 0 on.")
    named = {LISTWISE: arguments.reward, POINTWISE: arguments.pointwise}
    folders = {name: folder for name, folder in named.items() if folder is not None}
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return measure(lake, folders, tuple(arguments.day or ()), arguments.users, arguments.timed, settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.reward", description=__doc__)
    parser.add_argument("--reward", type=Path, required=True, help="folder of a list-wise reward model's release")
    parser.add_argument("--pointwise", type=Path, help="folder of a point-wise one's, for the ablation")
    parser.add_argument("--lake", help="address of the lake with the labels (default: the setting)")
    parser.add_argument(
        "--day", type=day_argument, action="append", help="an evaluation day, repeatable (default: all)"
    )
    parser.add_argument("--users", type=int, default=60, help="held-out users drawn, 0 for all (default: 60)")
    parser.add_argument("--timed", type=int, default=TIMED, help=f"groups timed, 0 for none (default: {TIMED})")
    run_command(main, parser)

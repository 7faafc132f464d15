"""How much of what reinforcement taught is sharpening: ``python -m bench.sharpening --before FOLDER --after FOLDER``.

Drawn lists are worth more after a training by reward. Either their experts know more, or they draw what they held for
probable already more often; then the ranking that is served, which takes the most probable tags, stays as it was. So
the experts of before draw at lower temperatures, too: at the one where their draws are as narrow as those of after,
they show what narrowness alone is worth.

The users are of the split validation, and no training looked at them. Accuracy is that of PAPER 1.4.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.lakes.steps import FOLDER
from evaluation.bootstrap import interval
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import EXPERTS
from lake.store.location import Lake
from model_steps.engine.adapters import read_adapter
from model_steps.engine.environment import prepare_environment
from model_steps.evaluating.unseen_users import unseen
from model_steps.training.record import read_experts
from runtime import processor
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from settings import ReinforcementSettings, Settings, load_settings

log = logging.getLogger("intentflow")

TEMPERATURES = (1.0, 0.9, 0.8, 0.7, 0.6)
BEFORE, AFTER = "before", "after"


def at_equal_entropy(known: Sequence[tuple[float, float]], entropy: float) -> float | None:
    """The accuracy that draws of an entropy have, between those that were measured; None outside of them.

    Args:
        known: entropy and accuracy of one expert's draws at some temperatures.
    """
    entropies, accuracies = zip(*sorted(known), strict=True)
    if not entropies[0] <= entropy <= entropies[-1]:
        return None
    return float(np.interp(entropy, entropies, accuracies))


def explained(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Any]) -> dict[str, float | None]:
    """What narrowness alone is worth, and which part of the rise that is.

    Args:
        before: figures by temperature. after: figures at temperature 1.

    Returns:
        ``accuracy`` of before's draws that are as narrow as after's, and its ``share`` of the rise; None where no
        temperature draws as narrowly, or nothing rose.
    """
    known = [(one["entropy"], one["accuracy"]["value"]) for one in before.values()]
    narrow = at_equal_entropy(known, after["entropy"])
    plain = before[str(TEMPERATURES[0])]["accuracy"]["value"]
    rise = after["accuracy"]["value"] - plain
    return {
        "accuracy": None if narrow is None else round(narrow, 4),
        "share": None if narrow is None or rise <= 0 else round((narrow - plain) / rise, 3),
    }


def measure(
    lake: Lake, folders: Mapping[str, Path], days: Sequence[str], users: int, tags: int, settings: Settings
) -> dict[str, Any]:
    """Draw lists of each folder's experts, of before's at every temperature."""
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.experts.material import Material
    from model_steps.training.lora.adapted import adapted
    from model_steps.training.reinforcement.completions import Completions
    from model_steps.training.reinforcement.material import ReinforcementMaterial

    found = {name: read_experts(folder) for name, folder in folders.items()}
    looked_at = max(int(one.record.get("validation_users", 0)) for one in found.values())
    chosen = ReinforcementSettings(**{**settings.reinforcement.model_dump(), "tags": tags})
    material = ReinforcementMaterial.read(
        lake, read_rule(settings.source), days, settings.model_copy(update={"reinforcement": chosen})
    )
    own: Material = material.material
    rows = [row for row in own.rows if row["split"] == "validation"]
    # Trainings drew of the newest day's users, so whom they left follows from that day.
    newest = [row for row in rows if row["day"] == max(days)]
    telling = {row["user_id"] for row in newest if row["outcomes"]}
    who = unseen({row["user_id"] for row in newest}, looked_at, users, telling)
    if not who:
        raise UsageError(f"Trainings looked at {looked_at} of the validation users, and none with an outcome is left.")
    people = [own.encoded(row) for row in rows if row["user_id"] in set(who) and row["outcomes"]]
    log.info("%d personas of %d users, whom no training looked at.", len(people), len(who))
    scoring, completions = material.scoring(None), Completions(own.options, tags)
    progress = Progress(len(people) * (len(TEMPERATURES) + len(folders) - 1), "personas", every_seconds=20)
    model = settings.engine.model
    told: dict[str, Any] = {}
    for name, tuned in found.items():
        adapter = read_adapter(EXPERTS, tuned.weights, tuned.form, model, str(folders[name]))
        experts = adapted(model, processor.resolve(chosen.dtype, model), adapter)
        experts.peft.eval()
        wanted = TEMPERATURES if name == BEFORE else TEMPERATURES[:1]
        told[name] = {
            str(temperature): _drawn(experts, completions, scoring, people, temperature, chosen, progress)
            for temperature in wanted
        }
    return {"users": len(who), "personas": len(people), "tags": tags, "lists_a_persona": chosen.generations, **told}


def _drawn(
    experts: Any,
    completions: Any,
    scoring: Any,
    people: Sequence[Any],
    temperature: float,
    chosen: ReinforcementSettings,
    progress: Progress,
) -> dict[str, Any]:
    import torch

    from model_steps.training.reinforcement.policy import ListPolicy
    from model_steps.training.reinforcement.rollouts import draw_lists

    policy = ListPolicy(experts, completions, temperature)
    accuracies: dict[str, list[float]] = {}
    diversities, entropies = [], []
    for one in people:
        (lists,), _ = draw_lists(
            experts, completions, [one], chosen.generations, f"sharpening/{chosen.seed}", temperature
        )
        with torch.no_grad():
            spread = policy.told([one.prompt] * len(lists), lists).entropies
        entropies.append(float(spread.mean()))
        parts = scoring.parts(one, lists)
        accuracies.setdefault(one.user_id, []).append(float(np.mean([each["accuracy"] for each in parts])))
        diversities.append(float(np.mean([each["diversity"] for each in parts])))
        progress.advance()
    of_users = np.array([np.mean(values) for values in accuracies.values()])
    return {
        "accuracy": interval(of_users).as_dict(),
        "diversity": round(float(np.mean(diversities)), 4),
        "entropy": round(float(np.mean(entropies)), 4),
    }


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake)
    folders = {BEFORE: arguments.before, AFTER: arguments.after}
    days = arguments.day or [max(read_experts(arguments.after).record["days"])]
    found = measure(lake, folders, days, arguments.users, arguments.tags or settings.reinforcement.tags, settings)
    return {"days": days, **found, "narrowness": explained(found[BEFORE], found[AFTER]["1.0"])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.sharpening", description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="folder of experts, or of a release with such")
    parser.add_argument("--after", type=Path, required=True, help="what they were reinforced to, likewise")
    parser.add_argument("--day", type=day_argument, action="append", help="training day, repeatable (default: newest)")
    parser.add_argument("--users", type=int, default=44, help="validation users at most (default: 44)")
    parser.add_argument("--tags", type=int, help="M, the tags of a list (default: the setting)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="landed lake (default: var/bench/lake)")
    run_command(main, parser)

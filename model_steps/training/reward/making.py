"""A reward model from a tuned judge and groups of tiered outputs; one that was made already is not made again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lake.registry.releases import NAME_DIGITS, file_digest
from model_steps.engine.adapters import Adapter
from model_steps.engine.model_digest import model_digest
from model_steps.judge.counting import Counting
from model_steps.judge.reward.groups import Group
from model_steps.judge.reward.losses import has_order
from model_steps.judge.reward.prompt import prompt_digest
from model_steps.training.record import made_folder
from model_steps.training.reward import stored
from model_steps.training.reward.level import fit_level, set_level
from model_steps.training.reward.loop import ACCURACY, LOSS, START, examine, ordered, said_of, teaching, train
from model_steps.training.reward.stored import StoredReward
from runtime.errors import ConfigurationError, DataError, UsageError
from runtime.fingerprint import digest
from settings import RewardSettings

log = logging.getLogger("intentflow")

# Steps over which the record's losses are averaged.
WINDOW = 50


def make_reward(
    model: Path,
    dtype: str,
    judge: Adapter | None,
    learnt: Sequence[Group],
    validated: Sequence[Group],
    labels: tuple[int, int] | None,
    settings: RewardSettings,
    folder: Path | None,
    about: Mapping[str, Any] | None = None,
    counting: Counting | None = None,
    finish: bool = False,
) -> dict[str, Any]:
    """Train a reward model and leave its release in the training's folder; returns its record, and where it is.

    Args:
        model: folder of the language model. dtype: number type of its weights.
        judge: adapter of the tuned judge; none: the language model as it is.
        learnt, validated: groups of customers of the splits train and validation, with tiers.
        labels: tokens of ``head.label_tokens``, for a head that starts from them.
        folder: of the release, and of the state that a killed run resumes; none: one below the settings' folder, named
            after what decides about the result.
        about: what the record says besides, such as whom and until when it learnt of.
        counting: the judge's, where the prompts tell what it expects.
        finish: end a training that was stopped, with the best that it validated.

    Raises:
        DataError, UsageError, CommandError: as ``loop.train`` and ``stored.begin``.
    """
    record: dict[str, Any] = {
        **(about or {}),
        "model": model_digest(model),
        "prompt": prompt_digest(),
        "judge": None if judge is None else judge.digest,
        "labels": labels,
        "counting": None if counting is None else file_digest(counting.content()),
        "settings": {**settings.model_dump(exclude={"folder"}), "dtype": dtype},
        "groups": _counts(learnt, settings),
        "validation_groups": _counts(validated, settings),
        "groups_digest": digest([[asdict(group) for group in groups] for groups in (learnt, validated)]),
    }
    record["work"] = digest(record)
    folder = made_folder(settings.folder / record["work"][:NAME_DIGITS] if folder is None else folder)
    if (known := _made(folder, model, record["work"])) is not None:
        log.info("Trained already, in %s.", known[0])
        return {**known[1].record, **_place(known[0]), "reused": True}
    reward = stored.begin(model, dtype, settings, judge, labels)
    history = train(reward, learnt, validated, settings, folder, record["work"], finish)
    level = fit_level([one.tolist() for one in said_of(reward, validated)], [group.tiers for group in validated])
    set_level(reward.head, *level)
    record["level"] = dict(zip(("scale", "shift"), level, strict=True))
    found, kept = examine(reward, ordered(validated), settings)
    record["start"] = {name: history[0][f"{START}{name}"] for name in (ACCURACY, LOSS)}
    record["validation"] = {
        int(row["step"]) + 1: {name: row[name] for name in (ACCURACY, LOSS)} for row in history if ACCURACY in row
    }
    record["kept"] = {**found.as_dict(), LOSS: kept[LOSS]}
    record["losses"] = [
        {"until_step": start + len(some), "loss": round(sum(row["loss"] for row in some) / len(some), 4)}
        for start in range(0, len(history), WINDOW)
        if (some := history[start : start + WINDOW])
    ]
    place, said = stored.save(reward, folder, record, counting)
    return {**said, **_place(place), "reused": False}


def _counts(groups: Sequence[Group], settings: RewardSettings) -> dict[str, int]:
    """How many there are, and what they hold."""
    tiers = [tier for group in groups for tier in group.tiers]
    return {
        "groups": len(groups),
        "teaching": len(teaching(groups, settings)),
        "of_one_tier": sum(not has_order(group.tiers) for group in groups),
        "users": len({group.user_id for group in groups}),
        **{tier: tiers.count(tier) for tier in ("S", "A", "B")},
    }


def _place(release: Path) -> dict[str, str]:
    return {"reward": release.name, "folder": str(release)}


def _made(folder: Path, model: Path, work: str) -> tuple[Path, StoredReward] | None:
    """The release of this very training, where the folder holds one that is whole."""
    for place in sorted(folder.glob(f"{stored.NAME}-*")):
        try:
            found = stored.read(place, model)
        except (UsageError, DataError, ConfigurationError):
            continue
        if found.record.get("work") == work:
            return place, found
    return None

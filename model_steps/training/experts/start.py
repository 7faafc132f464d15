"""What trainings of experts begin with and end by: experts that were tuned before, and the record of whom they know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.leaks import Learnt, population_digest, refuse_other_people, refuse_other_rule
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.engine.model_digest import model_digest
from model_steps.training.record import TunedExperts, read_experts
from runtime.errors import ConfigurationError, DataError, UsageError
from runtime.fingerprint import digest
from settings import Settings

# What a record says of the experts that a training began with.
KEPT_OF_A_START = ("adapter", "days", "examples", "examples_digest", "trained_until", "users_digest")


def read_start(folder: Path, lake: Lake, rule: SplitRule, settings: Settings) -> TunedExperts:
    """Experts that were tuned before, which may go on here.

    Raises:
        UsageError: the folder has none, or they may know whom this lake holds out. ConfigurationError: they are of
            another language model.
    """
    start = read_experts(folder)
    refuse_start("experts", folder, start.record, lake, rule, settings)
    return start


def refuse_start(
    what: str, folder: Path, record: Mapping[str, Any], lake: Lake, rule: SplitRule, settings: Settings
) -> None:
    """Refuse to go on from what was tuned for another model, or may know whom this lake holds out.

    Args:
        what: it is, for a sentence. record: of its training.

    Raises:
        UsageError: it may know them. ConfigurationError: it is of another language model.
    """
    if record.get("model") != model_digest(settings.engine.model):
        raise ConfigurationError(
            f"The {what} in {folder} were tuned on another language model than {settings.engine.model}: set "
            "INTENTFLOW_ENGINE__MODEL to that one's folder, or leave --start out."
        )
    part = Learnt(f"What --start {folder} names", record, outcomes=True)
    if part.until is None or part.until > rule.trained_until:
        raise UsageError(f"{part.who} learnt until {part.until}, past {rule.trained_until}: leave --start out.")
    refuse_other_rule(part, rule)
    refuse_other_people(lake, part)


def finished(folder: Path, work: str) -> dict[str, Any] | None:
    """The record of a training that ended in a folder, if it is this one and its adapter is whole."""
    try:
        found = read_experts(folder).record
    except (UsageError, DataError):
        return None
    return found if found.get("work") == work else None


def about(lake: Lake, rule: SplitRule, days: Sequence[str], learnt: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a record says of whom and of what was learnt (evaluation/leaks.py)."""
    users = sorted({row["user_id"] for row in learnt})
    return {
        "day": max(days),
        "days": sorted(days),
        "trained_until": max(row["outcomes_until"] for row in learnt),
        "population": population_digest(lake, max(days)),
        "registry": rule.digest,
        "users": len(users),
        "users_digest": digest(users),
        "examples": len(learnt),
        "examples_digest": digest(list(learnt)),
    }

"""What the trainings of the explainer say of themselves, and how they know that they are done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluation.leaks import population_digest
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.engine.model_digest import model_digest
from model_steps.explaining import prompt_files
from model_steps.training.captions.material import CaptionMaterial
from model_steps.training.record import read_explainer
from runtime.errors import DataError, UsageError
from runtime.fingerprint import digest

# Of explanations' settings, those that shape prompts, options or draws.
SHAPING = {"interests", "segment_attributes", "fewest_words", "most_words", "title_run", "caption_temperature"}


def about(lake: Lake, rule: SplitRule, material: CaptionMaterial) -> dict[str, Any]:
    """What a record says of whom and of what was learnt (evaluation/leaks.py)."""
    users = sorted({one.user_id for one in material.learnt})
    settings = material.settings
    return {
        "day": max(material.days),
        "days": sorted(material.days),
        "trained_until": material.trained_until,
        "population": population_digest(lake, max(material.days)),
        "registry": rule.digest,
        "users": len(users),
        "users_digest": digest(users),
        "pairs": len(material.learnt),
        "validation_pairs": sum(map(len, material.validated.values())),
        "validation_items": len(material.validated),
        "captions_digest": material.digest,
        "judge": material.judge,
        "model": model_digest(settings.engine.model),
        "prompts": {prompt_files.EXPLAINER: prompt_files.role_digest(prompt_files.EXPLAINER)},
        "explanations": settings.explanations.model_dump(mode="json", include=SHAPING),
    }


def finished(folder: Path, work: str) -> dict[str, Any] | None:
    """The record of a training that ended in a folder, if it is this one and its adapter is whole."""
    try:
        found = read_explainer(folder).record
    except (UsageError, DataError):
        return None
    return found if found.get("work") == work else None

"""What is reinforced: all in which experts' lists and captions differ, and the trainer does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from transformers import TrainerCallback

from model_steps.engine.options import Options
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.best import RECALL, Chooses
from model_steps.training.reinforcement.completions import Completions, Spaces
from model_steps.training.reinforcement.curves import OF_LISTS, Drawn
from model_steps.training.reinforcement.examples import Example, Examples
from model_steps.training.reinforcement.personas import Personas
from model_steps.training.reinforcement.rollouts import Rollouts, Scores
from model_steps.training.reinforcement.scoring import Scoring
from model_steps.training.reinforcement.shaping import Combine, Thresholds, constrained, summed
from model_steps.training.reinforcement.thresholds import Wanted
from model_steps.training.reinforcement.validation import Validation
from settings import ReinforcementSettings


class Validates(Protocol):
    """Measures what is trained, as it is."""

    def figures(self, model: TunedModel, thresholds: Thresholds, combine: Combine) -> dict[str, float]:
        """All figures by name."""
        ...


# A state of the training beside TRL's own, kept below a folder.
Beside = Callable[[Path], TrainerCallback]
# Handed the start's own lists before any is scored; gives how many examples' lists it took for itself.
Warms = Callable[[Sequence[Example], Sequence[Sequence[Sequence[str]]], Path], int]


@dataclass(frozen=True)
class Subject:
    """What is reinforced.

    Args:
        examples: that it learns of. spaces: what their lists are drawn from. scoring: of lists.
        combine: one reward of a list's parts. wanted: thresholds, by constraint.
        validation: measures; chooses: which step's adapter is kept by it.
        drawn: how the curves are drawn.
        settings: sizes and steps.
        rollouts: makes a step's groups. warms: prepares what scores. beside: what is kept beside TRL's states.
    """

    examples: Examples[Any]
    spaces: Spaces
    scoring: Scores
    combine: Combine
    wanted: Wanted
    validation: Validates
    chooses: Chooses
    drawn: Drawn
    settings: ReinforcementSettings
    rollouts: type[Rollouts] = Rollouts
    warms: Warms | None = None
    beside: Sequence[Beside] = field(default=())


def combining(settings: ReinforcementSettings) -> Combine:
    """How parts of a list of tags become one reward."""
    return constrained if settings.shaping == "crs" else summed(settings.weights)


def of_lists(
    personas: Personas, scoring: Scoring, options: Options, validation: Validation, settings: ReinforcementSettings
) -> Subject:
    """Experts, whose lists of tags are rewarded by what came true.

    Args:
        options: the tag space.

    Raises:
        ConfigurationError: the catalog has fewer tags than a list.
    """
    said: Mapping[str, float | None] = {
        "alignment": settings.tau_alignment,
        "diversity": settings.tau_diversity,
        "length": settings.tau_length,
    }
    title = f"{settings.shaping.upper()}, {settings.generations} lists of {settings.tags} tags"
    return Subject(
        examples=personas,
        spaces=Completions(options, settings.tags),
        scoring=scoring,
        combine=combining(settings),
        wanted=said,
        validation=validation,
        chooses=RECALL,
        drawn=Drawn(title, **OF_LISTS),
        settings=settings,
    )

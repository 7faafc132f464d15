"""Captions as what is reinforced: R_align where R_div reaches its threshold (PAPER 1.5), over a memory of captions.

All captions of a step are scored by the memory as it was when the step began. Those that were drawn enter when it has
ended: group by group in the order of drawing, those of pairs that taught nothing among them, and within a group in the
order of its draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from model_steps.training.captions.example import CaptionExample
from model_steps.training.captions.material import CaptionMaterial
from model_steps.training.captions.validation import DIVERSITY, QUALITY
from model_steps.training.reinforcement import captions
from model_steps.training.reinforcement.best import Chooses
from model_steps.training.reinforcement.captions import ALIGNMENT, PARTS, CaptionMemory
from model_steps.training.reinforcement.curves import Drawn
from model_steps.training.reinforcement.examples import Examples
from model_steps.training.reinforcement.rollouts import Rollout, Rollouts
from model_steps.training.reinforcement.shaping import Parts, Thresholds, summed
from model_steps.training.reinforcement.subject import Subject
from runtime import atomic
from runtime.errors import DataError
from settings import CaptionReinforcementSettings

MEMORIES = "memories"


class CaptionScoring:
    """Scores captions by the judge's figures and a memory."""

    def __init__(self) -> None:
        self.memory = CaptionMemory()
        self.waiting: list[str] = []

    def parts(
        self, example: CaptionExample, lists: Sequence[Sequence[str]], deciding: Thresholds | None = None
    ) -> list[Parts]:
        """Alignment and diversity of each caption; the memory stays as it is."""
        return [
            {ALIGNMENT: example.alignment[caption], captions.DIVERSITY: captions.diversity(caption, self.memory)}
            for (caption,) in lists
        ]

    def take_in(self, said: Iterable[str]) -> None:
        """Captions enter the memory, in their order."""
        for caption in said:
            self.memory.add(caption)

    def fill(self, examples: Sequence[Any], lists: Sequence[Sequence[Sequence[str]]], folder: Path) -> int:
        """The start's captions for the first half of some pairs enter; returns for how many pairs.

        The other half is then scored as captions of a training are: by a memory of other pairs.
        """
        half = max(1, len(examples) // 2)
        self.take_in(caption for own in lists[:half] for (caption,) in own)
        self.keep(folder, 0)
        return half

    def keep(self, folder: Path, step: int) -> None:
        """Write the memory as it is after a step, before the trainer writes its state of it."""
        place = folder / MEMORIES
        place.mkdir(exist_ok=True)
        atomic.write(place / f"{step}.json", json.dumps(self.memory.state()) + "\n")

    def restore(self, folder: Path, step: int) -> None:
        """The memory becomes what it was after a step.

        Raises:
            DataError: it was not kept.
        """
        path = folder / MEMORIES / f"{step}.json"
        try:
            self.memory = CaptionMemory.of_state(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} holds no memory of captions ({type(error).__name__}): remove the training's folder, and train "
                "anew."
            ) from None
        self.waiting = []


class CaptionRollouts(Rollouts):
    """Rollouts whose captions wait for the end of their step."""

    def of(self, step: int) -> Rollout:
        """The groups of a step, from 0."""
        found = super().of(step)
        scoring: Any = self._scoring
        scoring.waiting = [caption for group in found.drawn for (caption,) in group.lists]
        return found


class KeepsMemory(TrainerCallback):
    """Lets a step's captions into the memory when it has ended, and keeps the memory beside the trainer's states.

    Args:
        folder: of the training. every: steps between two states. last: of all steps.
    """

    def __init__(self, scoring: CaptionScoring, folder: Path, every: int, last: int) -> None:
        self._scoring, self._folder, self._every, self._last = scoring, folder, every, last

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Go on from the memory of the state that training goes on from."""
        self._scoring.restore(self._folder, state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The step's captions enter."""
        self._scoring.take_in(self._scoring.waiting)
        self._scoring.waiting = []
        if state.global_step % self._every == 0 or state.global_step == self._last:
            self._scoring.keep(self._folder, state.global_step)


def subject_of(material: CaptionMaterial, settings: CaptionReinforcementSettings) -> Subject:
    """Captions of a material's pairs, whose adapter is kept where it is most diverse at no less alignment."""
    scoring = CaptionScoring()
    chosen = settings.trainer(material.settings.explanations.caption_temperature)
    title = f"{settings.shaping.upper()}, {settings.generations} captions a pair"
    return Subject(
        examples=Examples(list(material.learnt), lambda one: one, settings.seed),
        spaces=material.spaces,
        scoring=scoring,
        combine=captions.constrained if settings.shaping == "crs" else summed(settings.weights),
        wanted={captions.DIVERSITY: settings.tau_diversity},
        validation=material.validation,
        chooses=Chooses(DIVERSITY, (ALIGNMENT,)),
        drawn=Drawn(title, PARTS, (captions.DIVERSITY,), {DIVERSITY: DIVERSITY, QUALITY: QUALITY}),
        settings=chosen,
        rollouts=CaptionRollouts,
        warms=scoring.fill,
        beside=(lambda folder: KeepsMemory(scoring, folder, settings.checkpoint_steps, settings.steps),),
    )

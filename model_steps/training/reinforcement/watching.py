"""What is done beside TRL's steps: the canary, the check of the first KL, validations, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from transformers import TrainerCallback

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.best import Best
from model_steps.training.reinforcement.canary import Canary, refuse_kl, trainable
from runtime.progress import Progress
from settings import ReinforcementSettings

log = logging.getLogger("intentflow")


class Watching(TrainerCallback):
    """Watches a training.

    Args:
        model: that is trained.
        canary: makes one of the model as it is then.
        validate: figures after so many steps. best: keeps them.
    """

    def __init__(
        self,
        model: TunedModel,
        canary: Callable[[], Canary],
        validate: Callable[[int], Mapping[str, float]],
        best: Best,
        settings: ReinforcementSettings,
    ) -> None:
        self._model, self._make_canary, self._validate = model, canary, validate
        self._best, self._settings = best, settings
        self._canary: Canary | None = None
        self._progress = Progress(settings.steps, "steps", every_seconds=20)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The start is validated like what comes after it."""
        log.info("%s parameters are trainable.", f"{trainable(self._model.peft):,}")
        if not state.global_step:
            self._measure(0)
        self._canary = self._make_canary()
        self._progress = Progress(self._settings.steps - state.global_step, "steps", every_seconds=20)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Look at a step's figures as soon as they are there."""
        if not logs or "grad_norm" not in logs:
            return
        if state.global_step == 1:
            refuse_kl(logs.get("kl"))
        # A step whose groups teach nothing has no gradient, and need not change anything.
        if self._canary is not None and float(logs["grad_norm"]) > 0:
            self._canary.refuse_still()
            self._canary = None
        self._progress.advance(1, f"reward {logs['reward']:.3f}, dead {logs['drawn/dead']:.2f}")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validate before a state is kept, so that a run that goes on from it has its validation."""
        if state.global_step % self._settings.validation_steps == 0 or state.global_step == self._settings.steps:
            self._measure(state.global_step)

    def _measure(self, step: int) -> None:
        row = {name: round(value, 6) for name, value in self._validate(step).items()}
        kept = self._best.note(step, row, self._model)
        figure = self._best.chooses.figure
        log.info("After %d steps: %s %.4f%s.", step, figure, row[figure], ", the best so far" if kept else "")

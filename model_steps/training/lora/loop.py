"""A LoRA adapter's training. What a step learns follows from its number, so a killed run goes on as if it lived."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from model_steps.training.lora.kept_state import keep, resume
from model_steps.training.lora.taught import Taught
from model_steps.training.lora.tuned_model import TunedModel
from runtime.errors import DataError, UsageError
from runtime.progress import Progress
from settings import LoraSettings

log = logging.getLogger("intentflow")

WARM_UP = 0.05
CLIP = 1.0

# The figure of validation that decides which adapter is kept. Recall of so few users is mostly chance: between two
# adapters of which one foretold clearly better, it went either way (docs/benchmarks.md).
DECIDES = "cross_entropy"
# The part of a step that is written answers; other parts are the course's own.
GENERAL = "general"

Written = tuple[tuple[int, ...], tuple[int, ...]]


def learning_rate(step: int, settings: LoraSettings) -> float:
    """Linear to its peak, then a half cosine to nothing."""
    warm = max(1, round(WARM_UP * settings.steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, settings.steps - warm)))


class Course(Protocol):
    """What each step learns: a pure function of the step's number.

    Args:
        names: of the parts that a step may have.
    """

    names: Sequence[str]

    def parts(self, step: int) -> Mapping[str, Sequence[Taught]]:
        """What is taught by ranking, by name; of a name without any nothing is learnt in this step."""
        ...

    def written(self, step: int) -> Sequence[Written]:
        """Written answers of the step."""
        ...


def train(
    model: TunedModel,
    course: Course,
    validate: Callable[[], Mapping[str, float]],
    settings: LoraSettings,
    folder: Path,
    work: str,
    finish: bool = False,
) -> list[dict[str, float]]:
    """Train, and leave the model with the adapter of the best validation; returns what each step lost.

    Args:
        validate: figures of validation users with the model as it is; ``cross_entropy`` among them decides, the lower
            the better.
        folder: keeps the state that a killed run resumes.
        work: names all that decides about the result; a state of other work is refused.
        finish: take no further step.

    Raises:
        DataError: the folder's state is of other work, or the loss is not finite.
        UsageError: it is to be finished, and nothing was validated yet.
    """
    optimizer = torch.optim.AdamW(model.master.values(), lr=settings.learning_rate, weight_decay=0.0)
    best = {name: each.detach().clone() for name, each in model.master.items()}
    history = resume(folder, model, optimizer, best, work)
    if finish and not any(DECIDES in row for row in history):
        raise UsageError(f"{folder} holds no training that was validated: leave --finish out.")
    progress = Progress(settings.steps - len(history), "steps", every_seconds=20)
    for step in range(len(history), settings.steps):
        if finish:
            log.info("Ended after %d of %d steps, as asked.", step, settings.steps)
            break
        if _is_over(history, settings):
            log.info("Stopped after %d steps: nothing better in %d validations.", step, settings.patience)
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        row = {"step": float(step), **_step(model, optimizer, course, step)}
        if (step + 1) % settings.validation_steps == 0 or step + 1 == settings.steps:
            found = {name: round(value, 4) for name, value in validate().items()}
            log.info("Validation after %d steps: %s", step + 1, found)
            row |= found
            if row[DECIDES] < min((each[DECIDES] for each in history if DECIDES in each), default=math.inf):
                best = {name: each.detach().clone() for name, each in model.master.items()}
        history.append(row)
        if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == settings.steps:
            keep(folder, model, optimizer, best, history, work)
        progress.advance(1, ", ".join(f"{part} {_mean(history, part):.3f}" for part in (*course.names, GENERAL)))
    with torch.no_grad():
        for name, each in model.master.items():
            each.copy_(best[name])
    model.take_over()
    return history


def _step(model: TunedModel, optimizer: torch.optim.Optimizer, course: Course, step: int) -> dict[str, float]:
    """One step on what the course gives, every example weighing the same."""
    parts: dict[str, tuple[int, Callable[[], torch.Tensor]]] = {
        name: (sum(one.examples for one in taught), partial(model.loss, taught))
        for name, taught in course.parts(step).items()
    }
    written = course.written(step)
    parts[GENERAL] = (len(written), partial(model.answer_loss, written))
    total = sum(number for number, _ in parts.values())
    found: dict[str, float] = {}
    for name, (number, loss_of) in parts.items():
        if number:
            loss = loss_of()
            (loss * number / total).backward()
            found[name] = round(float(loss.detach()), 4)
    if not all(math.isfinite(value) for value in found.values()):
        raise DataError(f"The loss is {found}: lower the setting learning_rate of this training.")
    model.gradients_to_master()
    torch.nn.utils.clip_grad_norm_(model.master.values(), CLIP)
    optimizer.step()
    model.take_over()
    return found


def _is_over(history: Sequence[Mapping[str, float]], settings: LoraSettings) -> bool:
    """Whether the last validations were no better than one before them."""
    found = [row[DECIDES] for row in history if DECIDES in row]
    return len(found) > settings.patience and min(found[-settings.patience :]) >= min(found[: -settings.patience])


def _mean(history: Sequence[Mapping[str, float]], name: str, last: int = 50) -> float:
    some = [row[name] for row in history[-last:] if name in row]
    return sum(some) / len(some) if some else 0.0

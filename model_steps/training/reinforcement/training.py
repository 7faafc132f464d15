"""Reinforcement from its material to the best adapter that validation found; a killed run goes on where it was."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement import curves, states
from model_steps.training.reinforcement.best import Best
from model_steps.training.reinforcement.building import STATES, build
from model_steps.training.reinforcement.canary import Canary
from model_steps.training.reinforcement.rollouts import draw_lists
from model_steps.training.reinforcement.subject import Subject
from model_steps.training.reinforcement.thresholds import WarmedUp, found_in
from model_steps.training.reinforcement.watching import Watching
from runtime import atomic
from runtime.errors import CommandError, UsageError
from runtime.progress import Progress

log = logging.getLogger("intentflow")

THRESHOLDS = "thresholds.json"
# Examples that are drawn together where thresholds are found.
TOGETHER = 4


@dataclass(frozen=True)
class Trained:
    """What a training found.

    Args:
        history: a row a step. validated: figures of each validation, by the number of steps.
        step: that whose adapter is left: the best one's, or the last.
        thresholds: at the beginning and at the end.
    """

    history: Sequence[Mapping[str, Any]]
    validated: Mapping[int, Mapping[str, float]]
    step: int
    thresholds: WarmedUp


def train(
    model: TunedModel,
    subject: Subject,
    folder: Path,
    tokenizer: Path,
    work: str,
    finish: bool = False,
    last: bool = False,
) -> Trained:
    """Train, and leave the model with the adapter of the best validation, and curves in the folder.

    Args:
        model: that it starts from. subject: what is reinforced.
        folder: keeps the state that a killed run resumes. tokenizer: folder of the language model.
        work: names all that decides about the result; a state of other work is refused.
        finish: take no further step.
        last: leave the adapter of the last step, whatever validation says.

    Raises:
        DataError: the folder's state is of other work. UsageError: it is to be finished, and nothing was validated yet,
            or the last step is wanted of it.
        CommandError: nothing is learnt (``canary``), or the policy collapsed.
    """
    best, settings = Best(folder, subject.chooses), subject.settings
    if finish and last:
        raise UsageError("A stopped training is ended with the best that it validated: leave --last or --finish out.")
    if finish and best.step is None:
        raise UsageError(f"{folder} holds no training that was validated: leave --finish out.")
    states.claim(folder, work)
    thresholds = _thresholds(model, subject, folder)
    begun = {name: each.detach().clone() for name, each in model.master.items()}
    trainer = build(model, folder, subject, thresholds, tokenizer)
    resumed = states.newest(folder / STATES)
    if finish:
        path = resumed / "trainer_state.json" if resumed else None
        history = json.loads(path.read_text())["log_history"] if path else []
    else:
        for beside in subject.beside:
            trainer.add_callback(beside(folder))
        trainer.add_callback(
            Watching(
                model,
                lambda: _canary(model, subject),
                lambda step: subject.validation.figures(model, thresholds.end, subject.combine),
                best,
                settings,
            )
        )
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        history = trainer.state.log_history
        if all(torch.equal(each, begun[name]) for name, each in model.master.items()):
            raise CommandError(
                f"After {settings.steps} steps the adapter is what it was, so nothing was learnt: see in {folder} "
                "whether all groups were dead."
            )
    if "ref" in model.peft.peft_config:
        model.peft.delete_adapter("ref")
    if not last:
        best.take(model)
    validated = best.figures()
    step = (max(validated, default=0) if last else best.step) or 0
    if not step:
        log.warning("No step was better on validation than the start, which stays as it was.")
    rows = curves.rows_of(history, validated)
    if rows:
        curves.write(folder, rows, subject.drawn)
    return Trained(rows, validated, step, thresholds)


def _canary(model: TunedModel, subject: Subject) -> Canary:
    """Of the first example's own outcomes."""
    first = next(iter(subject.examples.of(0, 1)))
    return Canary(model, subject.spaces, [first.prompt], [first.outcomes])


def _thresholds(model: TunedModel, subject: Subject, folder: Path) -> WarmedUp:
    """Those of the start's own lists; found once, and read again by a resumed run."""
    path, settings = folder / THRESHOLDS, subject.settings
    if path.is_file():
        return WarmedUp(**json.loads(path.read_text()))
    # From another place of the order than the first steps.
    step = settings.steps + 1
    every = list(islice(subject.examples.of(step, settings.threshold_personas), settings.threshold_personas))
    progress, drawn = Progress(len(every), "examples for thresholds", every_seconds=20), list[list[list[str]]]()
    for start in range(0, len(every), TOGETHER):
        some = every[start : start + TOGETHER]
        lists, _ = draw_lists(
            model, subject.spaces, some, settings.generations, f"thresholds/{settings.seed}", settings.temperature
        )
        drawn += lists
        progress.advance(len(some))
    taken = subject.warms(every, drawn, folder) if subject.warms else 0
    parts = [
        each for one, own in zip(every[taken:], drawn[taken:], strict=True) for each in subject.scoring.parts(one, own)
    ]
    found = found_in(parts, subject.wanted, settings)
    log.info("Thresholds: from %s to %s in %d steps.", found.begin, found.end, found.warm_up)
    atomic.write(path, json.dumps(asdict(found), indent=1) + "\n")
    return found

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

from model_steps.engine.options import Options
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement import curves, states
from model_steps.training.reinforcement.best import Best
from model_steps.training.reinforcement.building import STATES, build, combining
from model_steps.training.reinforcement.canary import Canary
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.personas import Personas
from model_steps.training.reinforcement.rollouts import draw_lists
from model_steps.training.reinforcement.scoring import Scoring
from model_steps.training.reinforcement.thresholds import WarmedUp, found_in
from model_steps.training.reinforcement.validation import Validation
from model_steps.training.reinforcement.watching import Watching
from runtime import atomic
from runtime.errors import CommandError, UsageError
from runtime.progress import Progress
from settings import ReinforcementSettings

log = logging.getLogger("intentflow")

THRESHOLDS = "thresholds.json"
# Personas that are drawn together where thresholds are found.
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
    personas: Personas,
    scoring: Scoring,
    options: Options,
    validation: Validation,
    settings: ReinforcementSettings,
    folder: Path,
    tokenizer: Path,
    work: str,
    finish: bool = False,
    last: bool = False,
) -> Trained:
    """Train, and leave the model with the adapter of the best validation, and curves in the folder.

    Args:
        model: the experts that it starts from.
        personas: that it learns of. scoring: of lists. options: the tag space. validation: chooses the step.
        folder: keeps the state that a killed run resumes. tokenizer: folder of the language model.
        work: names all that decides about the result; a state of other work is refused.
        finish: take no further step.
        last: leave the adapter of the last step, whatever validation says.

    Raises:
        DataError: the folder's state is of other work. UsageError: it is to be finished, and nothing was validated yet,
            or the last step is wanted of it.
        CommandError: nothing is learnt (``canary``), or the policy collapsed.
    """
    best = Best(folder)
    if finish and last:
        raise UsageError("A stopped training is ended with the best that it validated: leave --last or --finish out.")
    if finish and best.step is None:
        raise UsageError(f"{folder} holds no training that was validated: leave --finish out.")
    states.claim(folder, work)
    completions = Completions(options, settings.tags)
    thresholds = _thresholds(model, personas, scoring, completions, settings, folder)
    begun = {name: each.detach().clone() for name, each in model.master.items()}
    trainer = build(model, folder, options, personas, scoring, thresholds, settings, tokenizer)
    resumed = states.newest(folder / STATES)
    if finish:
        path = resumed / "trainer_state.json" if resumed else None
        history = json.loads(path.read_text())["log_history"] if path else []
    else:
        combine = combining(settings)
        trainer.add_callback(
            Watching(
                model,
                lambda: _canary(model, completions, personas),
                lambda step: validation.figures(model, thresholds.end, combine),
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
        log.warning("No step was better on validation than the start: the experts stay as they were.")
    rows = curves.rows_of(history, validated)
    if rows:
        curves.write(folder, rows, f"{settings.shaping.upper()}, {settings.generations} lists of {settings.tags} tags")
    return Trained(rows, validated, step, thresholds)


def _canary(model: TunedModel, completions: Completions, personas: Personas) -> Canary:
    """Of the first persona's own outcomes."""
    first = next(iter(personas.of(0, 1)))
    return Canary(model, completions, [first.prompt], [first.outcomes])


def _thresholds(
    model: TunedModel,
    personas: Personas,
    scoring: Scoring,
    completions: Completions,
    settings: ReinforcementSettings,
    folder: Path,
) -> WarmedUp:
    """Those of the start's own lists; found once, and read again by a resumed run."""
    path = folder / THRESHOLDS
    if path.is_file():
        return WarmedUp(**json.loads(path.read_text()))
    # From another place of the order than the first steps.
    step = settings.steps + 1
    every = list(islice(personas.of(step, settings.threshold_personas), settings.threshold_personas))
    progress, parts = Progress(len(every), "personas for thresholds", every_seconds=20), []
    for start in range(0, len(every), TOGETHER):
        some = every[start : start + TOGETHER]
        lists, _ = draw_lists(
            model, completions, some, settings.generations, f"thresholds/{settings.seed}", settings.temperature
        )
        for one, own in zip(some, lists, strict=True):
            parts += scoring.parts(one, own)
        progress.advance(len(some))
    found = found_in(parts, settings)
    log.info("Thresholds: from %s to %s in %d steps.", found.begin, found.end, found.warm_up)
    atomic.write(path, json.dumps(asdict(found), indent=1) + "\n")
    return found

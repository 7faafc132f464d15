"""The best adapter that validation found, kept in the training's folder: what a killed run and --finish go on from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model_steps.training.lora.kept_state import Learner
from runtime import atomic

FILE = "best.safetensors"
FIGURES = "validation.json"
# The figure that chooses the checkpoint of experts.
DECIDES = "recall_30"


@dataclass(frozen=True)
class Chooses:
    """How validations are compared.

    Args:
        figure: the higher the better. kept: figures that may not be lower than the start's, or nothing else counts.
    """

    figure: str
    kept: Sequence[str] = ()

    def worth(self, row: Mapping[str, float], start: Mapping[str, float]) -> float:
        """What a validation is worth beside the start's."""
        return row[self.figure] if all(row[name] >= start[name] for name in self.kept) else -math.inf


RECALL = Chooses(DECIDES)


@dataclass(frozen=True)
class Best:
    """Files of a training's validations.

    Args:
        folder: of the training. chooses: how they are compared.
    """

    folder: Path
    chooses: Chooses = RECALL

    def figures(self) -> dict[int, dict[str, float]]:
        """Figures of each validation, by the number of steps before it."""
        path = self.folder / FIGURES
        found = json.loads(path.read_text()) if path.is_file() else {}
        return {int(step): dict(row) for step, row in found.items()}

    @property
    def step(self) -> int | None:
        """After how many steps the best one was found; none where nothing was validated."""
        if not (self.folder / FILE).is_file():
            return None
        with safe_open(self.folder / FILE, "pt") as file:
            return int(file.metadata()["step"])

    def note(self, step: int, row: Mapping[str, float], model: Learner) -> bool:
        """Keep figures, and the weights where none were better; returns whether they were kept.

        A run that was killed after a validation comes by it again, with the same figures and weights. Of equal ones the
        earlier is kept.

        Args:
            step: how many were taken. row: what was measured. model: whose weights they are.
        """
        known = self.figures()
        start = known[0] if step and 0 in known else row
        before = [self.chooses.worth(other, start) for at, other in known.items() if at < step]
        better = not before or self.chooses.worth(row, start) > max(before)
        if better:
            tensors = {name: each.detach().cpu().contiguous() for name, each in model.master.items()}
            with atomic.draft_of(self.folder / FILE) as draft:
                save_file(tensors, draft, {"step": str(step)})
        said = {**{at: other for at, other in known.items() if at < step}, step: dict(row)}
        atomic.write(self.folder / FIGURES, json.dumps(said, indent=1) + "\n")
        return better

    def take(self, model: Learner) -> None:
        """Give a model the weights that were kept."""
        tensors = load_file(self.folder / FILE)
        with torch.no_grad():
            for name, each in model.master.items():
                each.copy_(tensors[name])
        model.take_over()

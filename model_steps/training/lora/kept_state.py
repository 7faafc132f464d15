"""The state of a training, kept in its folder: a killed run goes on from it as if it had lived."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from runtime import atomic
from runtime.errors import DataError

log = logging.getLogger("intentflow")

STATE = "state.safetensors"


class Learner(Protocol):
    """What learns: weights in float32, by name, and what multiplies in their stead."""

    @property
    def master(self) -> Mapping[str, nn.Parameter]:
        """The weights that an optimizer changes."""
        ...

    def take_over(self) -> None:
        """What multiplies becomes what these weights are."""
        ...


def keep(
    folder: Path,
    model: Learner,
    optimizer: torch.optim.Optimizer,
    best: Mapping[str, torch.Tensor],
    history: Sequence[Mapping[str, float]],
    work: str,
) -> None:
    """Write the state whole or not at all.

    Args:
        folder: of the training. best: the weights of the best validation. history: a row a step. work: names all that
            decides about the result.
    """
    tensors = {f"now.{name}": each.detach().cpu().contiguous() for name, each in model.master.items()}
    tensors |= {f"best.{name}": each.cpu().contiguous() for name, each in best.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value.cpu().contiguous() for name, value in state.items()}
    with atomic.draft_of(folder / STATE) as draft:
        save_file(tensors, draft, {"work": work, "history": json.dumps(list(history))})


def resume(
    folder: Path,
    model: Learner,
    optimizer: torch.optim.Optimizer,
    best: dict[str, torch.Tensor],
    work: str,
) -> list[dict[str, float]]:
    """Go on from the folder's state, if there is one; returns the history so far.

    Args:
        model, optimizer, best: become what was kept. work: as of ``keep``.

    Raises:
        DataError: the state is of other work.
    """
    path = folder / STATE
    if not path.is_file():
        return []
    with safe_open(path, "pt") as file:
        about = file.metadata()
    if about["work"] != work:
        raise DataError(f"{path} is the state of another training: name another folder with --out, or remove it.")
    tensors = load_file(path)
    with torch.no_grad():
        for name, each in model.master.items():
            each.copy_(tensors[f"now.{name}"])
            best[name] = tensors[f"best.{name}"]
    model.take_over()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, what = rest.partition(".")
            state.setdefault(int(number), {})[what] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    history: list[dict[str, float]] = json.loads(about["history"])
    log.info("Going on after step %d.", len(history))
    return history

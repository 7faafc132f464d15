"""The adaptor's training loop. Examples follow from seed and step, so that a killed run goes on as if it lived."""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from model_steps.embedding.adaptor import Adaptor
from model_steps.training.examples import Encoded, pad
from model_steps.training.frozen_model import AdaptorNetwork, FrozenModel
from runtime import atomic
from runtime.errors import DataError
from runtime.progress import Progress
from settings import AdaptorSettings

log = logging.getLogger("intentflow")

WARM_UP = 0.1
CLIP = 1.0
STATE = "state.safetensors"
# Prompts of whole histories go one by one: side by side they would be mostly padding.
ALONE = 200


@dataclass(frozen=True)
class Family:
    """A task family: its examples, and how many of them a step has."""

    name: str
    a_step: int
    draw: Callable[[random.Random], Encoded]


def learning_rate(step: int, settings: AdaptorSettings) -> float:
    """Linear to its peak, then a half cosine to nothing."""
    warm = max(1, round(WARM_UP * settings.steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, settings.steps - warm)))


def train(
    start: Adaptor,
    embeddings: torch.Tensor,
    families: Sequence[Family],
    model: FrozenModel,
    settings: AdaptorSettings,
    folder: Path,
    work: str,
) -> tuple[Adaptor, list[dict[str, float]]]:
    """Train from a start; returns the adaptor and its losses by step and family.

    Args:
        embeddings: entities x d_emb. folder: keeps the state that a killed run resumes. work: names all that decides
            about the result; a state of other work is refused.

    Raises:
        DataError: the folder's state is of other work, or the loss is not finite.
    """
    torch.manual_seed(settings.seed)
    network = AdaptorNetwork(start).to(model.device)
    embeddings = embeddings.to(model.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    first, losses = _resume(folder, network, optimizer, work)
    progress = Progress(settings.steps - first, "steps")
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        found = _step(network, optimizer, embeddings, families, model, random.Random(f"{settings.seed}/{step}"))
        losses.append({"step": step, **found})
        if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == settings.steps:
            _keep(folder, network, optimizer, losses, work)
        progress.advance(1, ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return network.adaptor(), losses


def _step(
    network: AdaptorNetwork,
    optimizer: torch.optim.Optimizer,
    embeddings: torch.Tensor,
    families: Sequence[Family],
    model: FrozenModel,
    chance: random.Random,
) -> dict[str, float]:
    """One step on some examples of each family, every example weighing the same."""
    optimizer.zero_grad()
    total = sum(family.a_step for family in families)
    found = {}
    for family in families:
        drawn = [family.draw(chance) for _ in range(family.a_step)]
        together = [[one] for one in drawn] if max(len(one.ids) for one in drawn) > ALONE else [drawn]
        value = 0.0
        for some in together:
            batch = pad(some)
            loss = model.loss(batch, network(embeddings[batch.rows])) * len(some)
            (loss / total).backward()
            value += float(loss.detach())
        found[family.name] = round(value / len(drawn), 4)
    if not all(math.isfinite(value) for value in found.values()):
        raise DataError(f"The loss is {found}: lower INTENTFLOW_ADAPTOR__LEARNING_RATE.")
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    return found


def _keep(
    folder: Path,
    network: AdaptorNetwork,
    optimizer: torch.optim.Optimizer,
    losses: Sequence[Mapping[str, float]],
    work: str,
) -> None:
    """Write the state whole or not at all."""
    tensors = {f"network.{name}": tensor.detach().cpu().contiguous() for name, tensor in network.named_parameters()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value.cpu().contiguous() for name, value in state.items()}
    with atomic.draft_of(folder / STATE) as draft:
        save_file(tensors, draft, {"work": work, "losses": json.dumps(list(losses))})


def _resume(
    folder: Path, network: AdaptorNetwork, optimizer: torch.optim.Optimizer, work: str
) -> tuple[int, list[dict[str, float]]]:
    """The step to go on with, and the losses so far."""
    path = folder / STATE
    if not path.is_file():
        return 0, []
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        about = file.metadata()
    if about["work"] != work:
        raise DataError(f"{path} is the state of another training: name another folder with --out, or remove it.")
    tensors = load_file(path)
    losses: list[dict[str, float]] = json.loads(about["losses"])
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[f"network.{name}"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, what = rest.partition(".")
            state.setdefault(int(number), {})[what] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    log.info("Going on after step %d.", len(losses))
    return len(losses), losses

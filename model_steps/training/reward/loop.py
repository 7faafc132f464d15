"""The reward model's training on groups of tiered outputs (PAPER 2.4).

What a step learns follows from seed and step, so that a killed run goes on as if it had lived. Groups go one by one:
what a group shares is computed once, and nothing is filled up.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch

from evaluation.judged.pairwise import PairwiseAccuracy, pairwise_accuracy
from model_steps.judge.reward.groups import Group
from model_steps.judge.reward.losses import TARGETS, has_order, listwise, pointwise
from model_steps.training.frozen_model import weights_digest
from model_steps.training.lora.kept_state import keep, resume
from model_steps.training.lora.loop import CLIP, learning_rate
from model_steps.training.reward.model import RewardModel
from runtime.errors import CommandError, DataError, UsageError
from runtime.progress import Progress
from settings import RewardSettings

log = logging.getLogger("intentflow")

# Figures of validation: the first decides which model is kept, the second where it is the same of two.
ACCURACY, LOSS = "pairwise_accuracy", "validation_loss"
# What a first step's row says of the model before it.
START = "start_"


def ordered(groups: Sequence[Group]) -> list[Group]:
    """The groups of more than one tier: those that have an order.

    Raises:
        DataError: a group has no tiers, or none has an order.
    """
    if bare := next((group for group in groups if len(group.tiers) != len(group.candidates)), None):
        raise DataError(f"The group of {bare.user_id} on {bare.day} has candidates without a tier: give each one.")
    found = [group for group in groups if has_order(group.tiers)]
    if not found:
        raise DataError(f"None of {len(groups)} groups has outputs of more than one tier: there is no order in them.")
    return found


def teaching(groups: Sequence[Group], settings: RewardSettings) -> list[Group]:
    """The groups that teach anything: list-wise those that have an order, point-wise all.

    Raises:
        DataError: as ``ordered``, whatever the loss: without an order nothing better than the start could be found.
    """
    found = ordered(groups)
    return found if settings.loss == "listwise" else list(groups)


def loss_of(scores: torch.Tensor, group: Group, settings: RewardSettings) -> torch.Tensor:
    """What a group is learnt by.

    Args:
        scores: of its candidates, before the sigmoid.
    """
    if settings.loss == "pointwise":
        return pointwise(scores, group.tiers, {**TARGETS, "A": settings.average})
    return listwise(scores, group.tiers, settings.taken)


@torch.no_grad()
def said_of(model: RewardModel, groups: Sequence[Group]) -> list[torch.Tensor]:
    """The scores of each group's candidates before the sigmoid."""
    scores = []
    progress = Progress(len(groups), "groups validated", every_seconds=20)
    for group in groups:
        scores.append(model.logits(group.prompt, group.candidates, group.odds))
        progress.advance()
    return scores


@torch.no_grad()
def examine(
    model: RewardModel, groups: Sequence[Group], settings: RewardSettings
) -> tuple[PairwiseAccuracy, dict[str, float]]:
    """In how many pairs of a group the higher tier has the higher score, with its interval over users.

    By the scores before the sigmoid, whose order is the same: far from zero the sigmoid rounds two scores to one.

    Args:
        groups: with tiers, of more than one each.

    Returns:
        This, and the two figures that decide which model is kept.
    """
    scores = said_of(model, groups)
    losses = [float(loss_of(each, group, settings)) for each, group in zip(scores, groups, strict=True)]
    found = pairwise_accuracy(
        [each.tolist() for each in scores], [group.tiers for group in groups], [group.user_id for group in groups]
    )
    return found, {ACCURACY: found.accuracy.value or 0.0, LOSS: round(sum(losses) / len(losses), 4)}


def train(
    model: RewardModel,
    learnt: Sequence[Group],
    validated: Sequence[Group],
    settings: RewardSettings,
    folder: Path,
    work: str,
    finish: bool = False,
) -> list[dict[str, float]]:
    """Train, and leave the model as the best validation found it; returns a row a step.

    Args:
        learnt, validated: groups of customers of the splits train and validation, with tiers.
        folder: keeps the state that a killed run resumes.
        work: names all that decides about the result; a state of other work is refused.
        finish: take no further step.

    Raises:
        DataError: a group has no tiers, none has two, the state is of other work, or the loss is not finite.
        UsageError: it is to be finished, and nothing was trained yet.
        CommandError: the adapter did not learn, or the language model did.
    """
    groups, judged = teaching(learnt, settings), ordered(validated)
    log.info(
        "%d groups are learnt, %d of one tier teach no order; %d are validated on, %d of one tier left out.",
        len(groups), len(learnt) - len(groups), len(judged), len(validated) - len(judged),
    )  # fmt: skip
    # What the odds are worth is one number near one, where a row of the head has hundreds near nothing.
    rates = (settings.learning_rate, settings.head_learning_rate, settings.odds_learning_rate)
    parameters = (model.tuned.master.values(), (model.head.weight, model.head.bias), (model.head.odds,))
    optimizer = torch.optim.AdamW([{"params": list(each)} for each in parameters], weight_decay=0.0)
    best, base = model.weights(), _base_digest(model)
    history = resume(folder, model, optimizer, best, work)
    if finish and not history:
        raise UsageError(f"{folder} holds no training that was begun: leave --finish out.")
    progress, begun = Progress(settings.steps - len(history), "steps", every_seconds=20), len(history)
    before = model.weights()
    for step in range(begun, settings.steps):
        if finish or _is_over(history, settings):
            log.info("Ended after %d of %d steps.", step, settings.steps)
            break
        row = {"step": float(step)}
        if step == 0:
            row |= {f"{START}{name}": value for name, value in examine(model, judged, settings)[1].items()}
        share = learning_rate(step, settings) / settings.learning_rate
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["lr"] = rate * share
        row["loss"] = _step(model, optimizer, list(_drawn(groups, step, settings)), settings)
        if step == begun + 1 and row["loss"]:
            _refuse_still(model, before)
        if (step + 1) % settings.validation_steps == 0 or step + 1 == settings.steps:
            row |= examine(model, judged, settings)[1]
            log.info("After %d steps: pairwise accuracy %.4f, loss %.4f", step + 1, row[ACCURACY], row[LOSS])
        history.append(row)
        if ACCURACY in row and _worth(row) > max(_worths(history)[:-1]):
            best = model.weights()
        if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == settings.steps:
            keep(folder, model, optimizer, best, history, work)
        progress.advance(1, f"loss {sum(each['loss'] for each in history[-50:]) / len(history[-50:]):.3f}")
    with torch.no_grad():
        for name, each in model.master.items():
            each.copy_(best[name])
    model.take_over()
    if _base_digest(model) != base:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    return history


def _step(
    model: RewardModel, optimizer: torch.optim.Optimizer, groups: Sequence[Group], settings: RewardSettings
) -> float:
    """One step on some groups, every group weighing the same; returns what they lost."""
    optimizer.zero_grad()
    total = 0.0
    for group in groups:
        loss = loss_of(model.logits(group.prompt, group.candidates, group.odds), group, settings) / len(groups)
        loss.backward()
        total += float(loss.detach())
    if not math.isfinite(total):
        raise DataError(f"The loss is {total}: lower INTENTFLOW_REWARD__LEARNING_RATE.")
    model.gradients_to_master()
    torch.nn.utils.clip_grad_norm_(model.master.values(), CLIP)
    optimizer.step()
    model.take_over()
    return round(total, 6)


def _drawn(groups: Sequence[Group], step: int, settings: RewardSettings) -> Iterator[Group]:
    """The groups of a step, of those that were really written their share; all are gone through, in an order of its
    own each time."""
    real = [group for group in groups if group.real]
    built = [group for group in groups if not group.real]
    share = round(settings.groups * settings.real_share) if real and built else settings.groups * bool(real)
    for some, number in ((real, share), (built, settings.groups - share)):
        for place in range(step * number, (step + 1) * number):
            time, at = divmod(place, len(some))
            yield some[_order(len(some), f"{settings.seed}/{time}")[at]]


@lru_cache(maxsize=4)
def _order(number: int, seed: str) -> tuple[int, ...]:
    return tuple(random.Random(seed).sample(range(number), number))


def _worth(row: Mapping[str, float], before: str = "") -> tuple[float, float]:
    return row[f"{before}{ACCURACY}"], -row[f"{before}{LOSS}"]


def _worths(history: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    """Of the start, which is kept where nothing is better, and of each validation."""
    return [_worth(history[0], START), *(_worth(row) for row in history if ACCURACY in row)]


def _is_over(history: Sequence[Mapping[str, float]], settings: RewardSettings) -> bool:
    """Whether the last validations were no better than one before them."""
    found = _worths(history) if history else []
    return len(found) > settings.patience and max(found[-settings.patience :]) <= max(found[: -settings.patience])


def _refuse_still(model: RewardModel, before: Mapping[str, torch.Tensor]) -> None:
    """See that the adapter learns, and not the head alone."""
    if all(torch.equal(each, before[name]) for name, each in model.tuned.master.items()):
        raise CommandError(
            "After two steps the adapter is what it was, so it learns nothing: this is a mistake of ours."
        )


def _base_digest(model: RewardModel) -> str:
    """Of all weights that are not the adapter's."""
    state = model.tuned.peft.state_dict()
    return weights_digest({name: tensor for name, tensor in state.items() if "lora_" not in name})

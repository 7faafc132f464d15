"""Asserted of a training that goes: rollouts change when weights do, and nothing has moved before the first update.

A trainer that draws from weights that it does not train looks fine and learns nothing; so does one whose adapter was
loaded frozen (huggingface/trl #6700).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.lora.walk import Walk
from model_steps.training.reinforcement.completions import Spaces
from runtime.errors import CommandError

# KL at the first step, where the experts are what they started from.
LARGEST_KL = 1e-5


def trainable(peft: Any) -> int:
    """How many parameters learn.

    Raises:
        CommandError: none does.
    """
    found: int = sum(each.numel() for each in peft.parameters() if each.requires_grad)
    if not found:
        raise CommandError("No parameter of the adapter is trainable, so nothing would be learnt: load it trainable.")
    return found


def refuse_kl(kl: float | None) -> None:
    """See that the experts begin where their reference stands.

    Args:
        kl: of the first step; none where it has no weight.

    Raises:
        CommandError: they do not.
    """
    if kl is not None and not abs(kl) <= LARGEST_KL:
        raise CommandError(
            f"The KL to the start is {kl:.6f} before anything was learnt, and must be 0: the reference is not the "
            "adapter that training starts from."
        )


class Canary:
    """The probabilities of fixed options, as rollouts compute them.

    Args:
        model: that rollouts are drawn from. prompts: tokens of each. tags: options of each prompt.
    """

    def __init__(
        self,
        model: TunedModel,
        spaces: Spaces,
        prompts: Sequence[tuple[int, ...]],
        tags: Sequence[Sequence[str]],
    ) -> None:
        self._model, self._spaces, self._prompts, self._tags = model, spaces, prompts, tags
        self._before = self._said()

    def refuse_still(self) -> None:
        """See that an update has changed what rollouts are drawn from.

        Raises:
            CommandError: they are what they were.
        """
        if torch.equal(self._before, self._said()):
            raise CommandError(
                "After an update the probabilities that rollouts are drawn from are what they were before: rollouts "
                "come from stale weights, or the update is switched off. Nothing would be learnt."
            )

    def _said(self) -> torch.Tensor:
        walk = Walk(self._model, self._prompts)
        asked = [
            (number, node)
            for number, tags in enumerate(self._tags)
            for tag in tags
            for node, _ in self._spaces.of(self._prompts[number]).steps(tag)
        ]
        return torch.cat(walk.logits(asked))

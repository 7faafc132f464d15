"""AdamW on an adapter's weights in float32, whatever number type multiplies in their stead.

Reinforcement changes weights by so little that bfloat16 would round most of it away; adapters in float32 beside a model
in bfloat16 multiply slowly. So the optimizer holds the weights, and hands the model a copy after each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from model_steps.training.lora.tuned_model import TunedModel

MASTER = "master"


class MasterAdamW(torch.optim.AdamW):
    """AdamW of the master copy (``TunedModel.master``), which is a part of its state.

    Args:
        model: whose working copy has the gradients. learning_rate: as a schedule begins with it.
    """

    def __init__(self, model: TunedModel, learning_rate: float) -> None:
        super().__init__(model.master.values(), lr=learning_rate, weight_decay=0.0)
        self._model = model

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take the working copy's gradients, change the master copy, and hand it over."""
        self._model.gradients_to_master()
        loss: float | None = super().step(closure)
        self._model.take_over()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """With the master copy."""
        master = {name: each.detach().clone() for name, each in self._model.master.items()}
        return {**super().state_dict(), MASTER: master}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a state with its master copy, and hand that over."""
        super().load_state_dict({name: part for name, part in state_dict.items() if name != MASTER})
        with torch.no_grad():
            for name, each in self._model.master.items():
                each.copy_(state_dict[MASTER][name])
        self._model.take_over()

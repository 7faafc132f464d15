"""Settings of the reward model: what it is trained with (PAPER 2.4)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.training import LoraSettings


class RewardSettings(LoraSettings):
    """Judge-as-a-Reward. The paper gives the loss and no numbers; every one is a choice of ours."""

    loss: Literal["listwise", "pointwise"] = Field(
        default="listwise", description="listwise: the order of tiers (PAPER 2.4); pointwise: each tier as a target."
    )
    taken: Literal["before_sigmoid", "after_sigmoid"] = Field(
        default="before_sigmoid",
        description="Listwise: whether f in exp(f) is the score before or after the sigmoid; the paper does not say.",
    )
    average: float = Field(default=0.5, gt=0, lt=1, description="Pointwise: target of the tier A, between B 0 and S 1.")
    start: Literal["labels", "zero"] = Field(
        default="labels", description="Head at the start: labels, as the judge says positive or negative; or zero."
    )
    groups: int = Field(default=2, ge=1, description="Groups a step.")
    head_learning_rate: float = Field(default=1e-4, gt=0, description="Peak of the head's own learning rate.")
    evidence_tokens: int = Field(default=400, ge=64, description="Tokens that the lines of a customer may have.")
    together: int = Field(
        default=16, ge=1, description="Candidates scored behind one computation of what they share, at most."
    )
    steps: int = Field(default=400, ge=1, description="Optimizer steps.")
    learning_rate: float = Field(default=2e-4, gt=0, description="Peak of the adapter's; it goes on from the judge's.")
    validation_steps: int = Field(default=50, ge=1, description="Steps between two validations.")
    patience: int = Field(default=4, ge=1, description="Validations without a better one after which it stops.")
    checkpoint_steps: int = Field(default=50, ge=1, description="Steps between two kept states.")

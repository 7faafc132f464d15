"""Settings of the reward model: what it is trained with (PAPER 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from settings.section import PathBelowRoot
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
    odds: float = Field(
        default=1.0,
        description="What the logarithm of counting's odds is worth at the start, where a judge counts; it is learnt.",
    )
    folder: PathBelowRoot = Field(
        default=Path("var/training/reward"), description="Where trainings are kept, each in a folder of its own."
    )
    groups: int = Field(default=2, ge=1, description="Groups a step.")
    real_share: float = Field(
        default=0.5, ge=0, le=1, description="Of a step's groups, those with outputs that a release really wrote."
    )
    candidates: int = Field(
        default=10, ge=0, description="Outputs of a group that are learnt, the tiers taking turns; 0: all."
    )
    validation_users: int = Field(default=16, ge=1, description="Users of the split validation that stop training.")
    head_learning_rate: float = Field(default=1e-3, gt=0, description="Peak of the head's own learning rate.")
    odds_learning_rate: float = Field(default=5e-2, gt=0, description="Peak of the rate of what odds are worth.")
    evidence_tokens: int = Field(default=96, ge=32, description="Tokens that the lines of a customer may have.")
    together: int = Field(
        default=16, ge=1, description="Candidates scored behind one computation of what they share, at most."
    )
    steps: int = Field(default=100, ge=1, description="Optimizer steps.")
    learning_rate: float = Field(default=5e-4, gt=0, description="Peak of the adapter's; it goes on from the judge's.")
    validation_steps: int = Field(default=25, ge=1, description="Steps between two validations.")
    patience: int = Field(default=4, ge=1, description="Validations without a better one after which it stops.")
    checkpoint_steps: int = Field(default=10, ge=1, description="Steps between two kept states.")

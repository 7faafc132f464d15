"""Settings of the judge's labelled set, and of its tuning on it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from settings.section import PathBelowRoot, Section
from settings.training import LoraSettings


class JudgeLabelsSettings(Section):
    """What judges are trained on and examined by. PAPER 2.3 leaves it open; every one is a choice of ours."""

    outcome_days: int = Field(default=60, ge=1, description="Days after the day within which a purchase is relevant.")
    users: int = Field(
        default=0, ge=0, description="Users of each split that cases are built of, drawn by a stable hash; 0: all."
    )
    real_users: int = Field(default=100, ge=0, description="Users of each split whose real outputs are drawn; 0: all.")
    real_ranks: int = Field(default=10, ge=0, description="Ranks that are drawn of each of them; 0: all.")
    seed: int = Field(default=0, description="Of everything that is drawn and invented.")


class JudgeTrainingSettings(LoraSettings):
    """Tuning of the judge (PAPER 2.3). Sizes are choices of ours."""

    folder: PathBelowRoot = Field(
        default=Path("var/training/judge"), description="Where trainings are kept, each in a folder of its own."
    )
    batch: int = Field(default=2, ge=1, description="Customers a step, each with some of their outputs.")
    cases: int = Field(default=10, ge=1, description="Outputs of a customer on a day that are graded, at most.")
    one_shot: int = Field(
        default=1,
        ge=0,
        description="Outputs of these that also get a tier in one question, for the one-shot rival; 0: it stays base.",
    )
    steps: int = Field(default=80, ge=1, description="Optimizer steps.")
    learning_rate: float = Field(default=7e-4, gt=0, description="Peak, after a twentieth of the steps; then cosine.")
    validation_users: int = Field(default=12, ge=1, description="Users of the split validation that stop training.")
    validation_steps: int = Field(default=20, ge=1, description="Steps between two validations.")
    checkpoint_steps: int = Field(default=20, ge=1, description="Steps between two kept states.")
    patience: int = Field(default=3, ge=1, description="Validations without a better one after which it stops.")

"""Settings of what is trained: the entity adaptor, the experts, and the examples they learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from settings.section import PathBelowRoot, Section


class AdaptorSettings(Section):
    """Training of the entity adaptor. PAPER 1.2 leaves sizes and mix open; every one is a choice of ours."""

    hidden: int = Field(
        default=768, ge=2, description="d_hidden; at least twice the embedder's width, so that it can start linear."
    )
    ridge: float = Field(default=1e-5, gt=0, description="Penalty of the closed-form start, by entity.")
    steps: int = Field(default=400, ge=0, description="Optimizer steps; 0 keeps the closed-form start.")
    questions: int = Field(default=24, ge=0, description="Self-perception questions a step.")
    interest_mining: int = Field(default=1, ge=0, description="Interest-mining prompts a step.")
    tag_prediction: int = Field(default=1, ge=0, description="Tag-prediction prompts a step.")
    alignment_users: int = Field(default=48, ge=0, description="Train users whose full-text answers are the targets.")
    alignment_tokens: int = Field(default=400, ge=64, description="Cap of their histories as text, in tokens.")
    learning_rate: float = Field(default=2e-4, gt=0, description="Peak, after a tenth of the steps; then cosine.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="Of the frozen language model in training; the adaptor is float32."
    )
    checkpoint_steps: int = Field(default=50, ge=1, description="Steps between two kept states.")
    seed: int = 0
    folder: PathBelowRoot = Field(
        default=Path("var/training/adaptor"), description="Where trainings are kept, each in a folder of its own."
    )


class ExamplesSettings(Section):
    """What experts are trained on. PAPER 1.4 leaves the size of a persona open; every one is a choice of ours."""

    personas: int = Field(default=4, ge=1, le=8, description="K, the personas that a user's evidence is parted into.")
    categories: int = Field(default=12, ge=1, le=100, description="Categories of a persona's evidence, at most.")
    threshold: float = Field(
        default=0.5, ge=-1, le=1, description="Cosine to a persona's nearest category: less, and an outcome is not its."
    )
    tokens: int = Field(default=400, ge=64, description="Tokens that the lines of a persona's evidence may have.")
    users: int = Field(default=0, ge=0, description="Users of train and validation drawn by a stable hash; 0: all.")


class MixSettings(Section):
    """Shares of the training examples by source (PAPER 1.4: 32.17, 6.97, 1.19, 7.36 and 52.31 %).

    The demo log has examples of behavior alone, and each step that is spent on language is one less on them. So the
    default is the least general share that kept the base model's own answers as likely as they were (docs/method.md).
    """

    behavior: float = Field(default=0.8, ge=0, description="What a persona's user bought next.")
    trends: float = Field(default=0.0, ge=0, description="Trending topics and events.")
    weather: float = Field(default=0.0, ge=0)
    situations: float = Field(default=0.0, ge=0, description="Other signals.")
    general: float = Field(default=0.2, ge=0, description="General instructions, with the base model's own answers.")

    @model_validator(mode="after")
    def _one(self) -> MixSettings:
        total = self.behavior + self.trends + self.weather + self.situations + self.general
        if abs(total - 1) > 0.001:
            raise ValueError(f"the shares of the training mix sum to {total:.4f}: they must sum to 1")
        return self


class LoraSettings(Section):
    """How a LoRA adapter of the language model is trained."""

    steps: int = Field(default=750, ge=1, description="Optimizer steps.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Peak, after a twentieth of the steps; then cosine.")
    rank: int = Field(default=32, ge=1, description="Rank of the adapter.")
    first_layer: int = Field(
        default=16, ge=0, description="First layer that is adapted: those before it cost no backward pass."
    )
    validation_steps: int = Field(default=250, ge=1, description="Steps between two validations.")
    patience: int = Field(default=2, ge=1, description="Validations without a better one after which it stops.")
    checkpoint_steps: int = Field(default=100, ge=1, description="Steps between two kept states.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="Of the language model.")
    seed: int = 0


class ExpertsSettings(LoraSettings):
    """Supervised fine-tuning of the experts (PAPER 1.4). What the paper leaves open is a choice of ours."""

    folder: PathBelowRoot = Field(
        default=Path("var/training/experts"),
        description="Where trainings are kept, each in a folder of its own.",
    )
    mix: MixSettings = MixSettings()
    target_size: int = Field(default=15, ge=1, description="Size of a target set, as published.")
    days: int = Field(default=2, ge=1, description="Newest training days, of which examples are learnt.")
    batch: int = Field(default=2, ge=1, description="Customers a step, each with all of their personas.")
    expected: float = Field(
        default=0.7, ge=0, le=1, description="Weight of what counting expects of the evidence; 0: only what came true."
    )
    reviews: int = Field(default=0, ge=0, description="Pools a step, which teach the arbiter; 0: it learns nothing.")
    review_pool: int = Field(default=40, ge=2, le=100, description="Tags of such a pool: as inference has them.")
    validation_users: int = Field(default=24, ge=1, description="Users of the split validation that stop training.")
    calibration_users: int = Field(
        default=72, ge=1, description="Users of the split validation that show what experts' shares are worth."
    )
    instructions: int = Field(default=0, ge=0, description="General instructions that are answered; 0: all.")

"""Settings of the explainer's training: supervised fine-tuning on judged captions, then GRPO (PAPER 1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from settings.reinforcement import Preset, ReinforcementSettings
from settings.section import PathBelowRoot, Section
from settings.training import LoraSettings


class CaptionTuningSettings(LoraSettings):
    """SFT of the explainer. The paper says what it learns from, and no number; every one is a choice of ours."""

    folder: PathBelowRoot = Field(
        default=Path("var/training/captions"), description="Where trainings are kept, each in a folder of its own."
    )
    pairs: int = Field(default=400, ge=1, description="Pairs of a train user and an item that it learns of.")
    validation_items: int = Field(default=12, ge=1, description="Items that validation users are shown.")
    readers: int = Field(default=5, ge=2, description="Validation users who are shown each of them, at most.")
    batch: int = Field(default=4, ge=1, description="Pairs a step.")
    targets: int = Field(default=24, ge=1, description="Good captions of a pair that one step teaches, drawn of all.")
    steps: int = Field(default=150, ge=1, description="Optimizer steps.")
    learning_rate: float = Field(default=5e-4, gt=0, description="Peak, after a twentieth of the steps; then cosine.")
    rank: int = Field(default=16, ge=1, description="Rank of the adapter.")
    validation_steps: int = Field(default=50, ge=1, description="Steps between two validations.")
    checkpoint_steps: int = Field(default=25, ge=1, description="Steps between two kept states.")


class CaptionReinforcementSettings(Section):
    """GRPO of the explainer. The defaults are those of the preset ``small``."""

    folder: PathBelowRoot = Field(
        default=Path("var/training/caption_reinforcement"),
        description="Where trainings are kept, each in a folder of its own.",
    )
    known_pairs: int = Field(default=400, ge=1, description="Pairs of a train user and an item that it learns of.")
    validation_items: int = Field(default=12, ge=1, description="Items that validation users are shown.")
    readers: int = Field(default=5, ge=2, description="Validation users who are shown each of them, at most.")
    shaping: Literal["crs", "sum"] = Field(
        default="crs", description="crs: alignment where diversity reaches its threshold; sum: the rival."
    )
    weight_alignment: float = Field(default=1.0, ge=0, description="Of the sum.")
    weight_diversity: float = Field(default=1.0, ge=0, description="Of the sum.")
    steps: int = Field(default=100, ge=1, description="Optimizer steps.")
    pairs: int = Field(default=4, ge=1, description="Pairs a step, each with a group of captions.")
    spare: int = Field(
        default=1, ge=0, description="Pairs drawn in the place of one whose captions are all worth the same, at most."
    )
    generations: int = Field(default=8, ge=2, description="G, the captions of a group.")
    learning_rate: float = Field(default=1e-4, gt=0, description="At the beginning.")
    schedule: Literal["constant", "linear", "cosine"] = Field(default="linear", description="Of the learning rate.")
    beta: float = Field(default=0.04, ge=0, description="Weight of the KL to the adapter that it starts from.")
    epsilon: float = Field(default=0.2, gt=0, lt=1, description="A ratio of probabilities is clipped so far from 1.")
    scale_rewards: Literal["none", "group", "batch"] = Field(
        default="none", description="Whether advantages are divided by a deviation; the paper only takes the mean away."
    )
    gradient_norm: float = Field(default=1.0, gt=0, description="Longer gradients are shortened to it.")
    tau_diversity: float | None = Field(
        default=None, description="Threshold of R_div in natural logarithms, up to log 160; none: the quantile."
    )
    quantile: float = Field(default=0.25, ge=0, le=1, description="Of the start's own captions: the threshold's end.")
    start_quantile: float = Field(default=0.05, ge=0, le=1, description="The same at the beginning.")
    warm_up: int = Field(default=30, ge=0, description="Steps in which the threshold rises from the one to the other.")
    threshold_pairs: int = Field(
        default=40, ge=2, description="Pairs whose captions fill the memory, the first half, and show the quantiles."
    )
    validation_steps: int = Field(default=25, ge=1, description="Steps between two validations.")
    checkpoint_steps: int = Field(default=5, ge=1, description="Steps between two kept states.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="Of the language model.")
    seed: int = 0

    @model_validator(mode="after")
    def _rises(self) -> CaptionReinforcementSettings:
        if self.start_quantile > self.quantile:
            raise ValueError(f"start_quantile is {self.start_quantile}, above quantile {self.quantile}: lower it")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Of the parts of the weighted sum."""
        return {"alignment": self.weight_alignment, "diversity": self.weight_diversity}

    def trainer(self, temperature: float) -> ReinforcementSettings:
        """The same for the trainer that experts and captions share, where a pair is called a persona.

        Args:
            temperature: that captions are drawn with.
        """
        own = {"folder", "tau_diversity"}
        alike = (set(ReinforcementSettings.model_fields) & set(type(self).model_fields)) - own
        return ReinforcementSettings(
            **self.model_dump(include=alike),
            personas=self.pairs,
            threshold_personas=self.threshold_pairs,
            temperature=temperature,
        )

    def of_preset(self, preset: Preset) -> CaptionReinforcementSettings:
        """The settings of a preset; what was set by hand stays as it was set."""
        by_hand = self.model_dump(include=self.model_fields_set)
        return CaptionReinforcementSettings(**{**CAPTION_PRESETS[preset], **by_hand})


# tiny: shows that all of it goes, and teaches nothing.
CAPTION_PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "tiny": {
        "known_pairs": 12,
        "validation_items": 2,
        "readers": 2,
        "steps": 3,
        "pairs": 1,
        "spare": 8,
        "generations": 4,
        "warm_up": 2,
        "threshold_pairs": 4,
        "validation_steps": 3,
        "checkpoint_steps": 3,
    },
    "small": {},
    "paper": {"known_pairs": 4_000, "pairs": 16, "steps": 400, "validation_items": 48, "readers": 8},
}

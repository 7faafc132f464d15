"""Settings of the experts' reinforcement: GRPO with constrained reward shaping (PAPER 1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from settings.section import PathBelowRoot, Section

Preset = Literal["tiny", "small", "paper"]


class ReinforcementSettings(Section):
    """GRPO of the experts. The paper gives the formulas and no number but the bands of words; every one is ours.

    The defaults are those of the preset ``small``.
    """

    folder: PathBelowRoot = Field(
        default=Path("var/training/reinforcement"),
        description="Where trainings are kept, each in a folder of its own.",
    )
    shaping: Literal["crs", "sum"] = Field(
        default="crs", description="crs: accuracy times the constraints' indicators; sum: the weighted sum, its rival."
    )
    days: int = Field(default=6, ge=1, description="Newest training days, of whose personas it learns.")
    steps: int = Field(default=150, ge=1, description="Optimizer steps.")
    personas: int = Field(default=4, ge=1, description="Personas a step, each with a group of lists.")
    spare: int = Field(
        default=2, ge=0, description="Personas drawn in the place of one whose lists are all worth the same, at most."
    )
    generations: int = Field(default=8, ge=2, description="G, the lists of a group.")
    tags: int = Field(default=5, ge=2, description="M, the tags of a list; the paper has 15.")
    temperature: float = Field(
        default=1.0, gt=0, description="That logits are divided by; at 1 what is trained is what is served."
    )
    learning_rate: float = Field(
        default=2e-4, gt=0, description="At the beginning. The paper's kind of 1e-6 is for full weights."
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="linear", description="Of the learning rate: kept, or down to nothing."
    )
    beta: float = Field(default=0.02, ge=0, description="Weight of the KL to the experts that it starts from.")
    epsilon: float = Field(default=0.2, gt=0, lt=1, description="A ratio of probabilities is clipped so far from 1.")
    iterations: int = Field(default=1, ge=1, description="Steps on one rollout; of more than 1 the clipping matters.")
    scale_rewards: Literal["none", "group", "batch"] = Field(
        default="none", description="Whether advantages are divided by a deviation; the paper only takes the mean away."
    )
    gradient_norm: float = Field(default=1.0, gt=0, description="Longer gradients are shortened to it.")
    length: Literal["english", "paper"] = Field(
        default="english",
        description="Bands of words a tag. english: 2-5 full, 1 and 6-7 half; paper: 6-11 full, 4-6 and 11-13 half, "
        "which no English tag reaches.",
    )
    tau_alignment: float | None = Field(default=None, ge=0, le=1, description="Threshold; none: the quantile.")
    tau_diversity: float | None = Field(default=None, ge=0, le=2, description="Threshold; none: the quantile.")
    tau_length: float | None = Field(default=None, ge=0, le=1, description="Threshold; none: the quantile.")
    quantile: float = Field(default=0.25, ge=0, le=1, description="Of the start's own lists: thresholds at the end.")
    start_quantile: float = Field(default=0.05, ge=0, le=1, description="The same at the beginning.")
    warm_up: int = Field(default=50, ge=0, description="Steps in which thresholds rise from the one to the other.")
    threshold_personas: int = Field(default=32, ge=1, description="Personas whose lists show the quantiles.")
    align_all: bool = Field(
        default=False,
        description="Score the alignment of all lists, for the log; false: only where it decides, of those that name "
        "something that came true and hold the other constraints. Sums need it of all.",
    )
    judged_tags: int | None = Field(
        default=None,
        ge=1,
        description="Tags of a list whose alignment is scored, at most, drawn of it: each costs a prompt, and of a "
        "long list some say what all would. None: all.",
    )
    weight_accuracy: float = Field(default=1.0, ge=0, description="Of the sum.")
    weight_alignment: float = Field(default=1.0, ge=0, description="Of the sum.")
    weight_diversity: float = Field(default=1.0, ge=0, description="Of the sum.")
    weight_length: float = Field(default=1.0, ge=0, description="Of the sum.")
    validation_users: int = Field(default=48, ge=1, description="Users of the split validation that choose the step.")
    calibration_users: int = Field(
        default=72, ge=1, description="Users of the split validation that show what experts' shares are worth."
    )
    validation_steps: int = Field(default=50, ge=1, description="Steps between two validations.")
    checkpoint_steps: int = Field(default=5, ge=1, description="Steps between two kept states.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="Of the language model.")
    seed: int = 0

    @property
    def weights(self) -> dict[str, float]:
        """Of the parts of the weighted sum."""
        names = ("accuracy", "alignment", "diversity", "length")
        return {name: float(getattr(self, f"weight_{name}")) for name in names}

    @model_validator(mode="after")
    def _fits(self) -> ReinforcementSettings:
        if self.start_quantile > self.quantile:
            raise ValueError(f"start_quantile is {self.start_quantile}, above quantile {self.quantile}: lower it")
        if self.checkpoint_steps % self.iterations:
            raise ValueError(
                f"checkpoint_steps is {self.checkpoint_steps} and no multiple of iterations {self.iterations}: a state "
                "is kept between two rollouts, so set one that is"
            )
        return self

    def of_preset(self, preset: Preset) -> ReinforcementSettings:
        """The settings of a preset; what was set by hand stays as it was set."""
        by_hand = self.model_dump(include=self.model_fields_set)
        return ReinforcementSettings(**{**PRESETS[preset], **by_hand})


# tiny: shows that all of it goes, and teaches nothing. Experts of so few steps name what came true in one list of
# thirty, so many personas may be drawn until the lists of one differ. paper: lists of 15 tags, a group as published.
PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "tiny": {
        "days": 1,
        "steps": 3,
        "personas": 1,
        "spare": 40,
        "generations": 4,
        "tags": 3,
        "warm_up": 2,
        "threshold_personas": 2,
        "validation_users": 2,
        "calibration_users": 2,
        "validation_steps": 3,
        "checkpoint_steps": 3,
    },
    "small": {},
    "paper": {"tags": 15, "personas": 8, "steps": 400, "validation_users": 96},
}

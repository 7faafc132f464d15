"""Settings of a retraining: how much a preset trains, what starts its trainings, where it keeps what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from settings.section import PathBelowRoot, Section

PresetName = Literal["tiny", "small", "paper"]


class TuningSizes(Section):
    """How much a LoRA adapter is trained; what is left empty is as the training's own section says."""

    steps: int | None = Field(default=None, ge=1, description="Optimizer steps.")
    validation_steps: int | None = Field(default=None, ge=1, description="Steps between two validations.")
    checkpoint_steps: int | None = Field(default=None, ge=1, description="Steps between two kept states.")


class LoraSizes(TuningSizes):
    """The same where users of the split validation are drawn."""

    validation_users: int | None = Field(default=None, ge=1, description="Users that stop the training.")


class ExpertsSizes(LoraSizes):
    """The same of the experts' supervised fine-tuning."""

    batch: int | None = Field(default=None, ge=1, description="Customers a step.")
    calibration_users: int | None = Field(default=None, ge=1, description="Users that show what shares are worth.")
    instructions: int | None = Field(default=None, ge=0, description="General instructions that are answered; 0: all.")
    expected: float | None = Field(default=None, ge=0, le=1, description="Weight of what counting expects.")


class RewardSizes(LoraSizes):
    """The same of the reward model."""

    groups: int | None = Field(default=None, ge=1, description="Groups a step.")


class CaptionSizes(TuningSizes):
    """The same of the explainer's supervised fine-tuning, whose validation is of items and their readers."""

    batch: int | None = Field(default=None, ge=1, description="Pairs a step.")
    pairs: int | None = Field(default=None, ge=1, description="Pairs that it learns of.")
    validation_items: int | None = Field(default=None, ge=1, description="Items that validation users are shown.")
    readers: int | None = Field(default=None, ge=2, description="Validation users who are shown each.")


class LabelSizes(Section):
    """How many labels a judge and its reward model learn from."""

    users: int | None = Field(default=None, ge=0, description="Users of each split; 0: all.")


class AdaptorSizes(Section):
    """How much an entity adaptor is trained."""

    steps: int | None = Field(default=None, ge=0, description="Optimizer steps.")
    alignment_users: int | None = Field(default=None, ge=0, description="Users whose answers are the targets.")


class RetrainingPreset(Section):
    """How much one preset trains. Of reinforcement the commands' own presets of the same name say it.

    The fields that are sections are called as the sections that they change.
    """

    days: int = Field(ge=1, description="Newest training days that experts are tuned on, as many as there are.")
    reinforced_days: int = Field(ge=1, description="Newest training days of whose personas reinforcement learns.")
    entity_adaptor: Literal["champion", "trained"] = Field(
        description="Whose entity adaptor the candidate has: the champion's, or one that is trained first."
    )
    evaluated_users: int = Field(ge=1, description="Validation users that no training looked at, to be compared on.")
    adaptor: AdaptorSizes = AdaptorSizes()
    experts: ExpertsSizes = ExpertsSizes()
    judge_labels: LabelSizes = LabelSizes()
    judge_training: LoraSizes = LoraSizes()
    reward: RewardSizes = RewardSizes()
    caption_tuning: CaptionSizes = CaptionSizes()

    def environment(self, prefix: str, given: Mapping[str, str]) -> dict[str, str]:
        """What commands are to find in their environment; what is set there already stands.

        Args:
            prefix: of the names. given: the environment that the run has.
        """
        set_already = {name.upper() for name in given}
        wanted = {
            f"{prefix}{section}__{name}".upper(): str(value)
            for section, sizes in self.model_dump(exclude_none=True).items()
            if isinstance(sizes, dict)
            for name, value in sizes.items()
        }
        return {name: value for name, value in wanted.items() if name not in set_already}


_FEW = {"validation_users": 2, "validation_steps": 4, "checkpoint_steps": 4}


class RetrainingSettings(Section):
    """The DAG ``retrain``. The paper gives no sizes; every one is a choice of ours."""

    tiny: RetrainingPreset = Field(
        default=RetrainingPreset(
            days=1,
            reinforced_days=1,
            entity_adaptor="champion",
            evaluated_users=4,
            experts=ExpertsSizes(steps=8, calibration_users=2, instructions=8, expected=0, **_FEW),
            judge_labels=LabelSizes(users=12),
            judge_training=LoraSizes(steps=4, **_FEW),
            reward=RewardSizes(steps=4, groups=1, **_FEW),
            caption_tuning=CaptionSizes(
                steps=3, batch=1, pairs=8, validation_items=2, readers=2, validation_steps=3, checkpoint_steps=3
            ),
        ),
        description="What proves within minutes that the machinery works, and makes no better release.",
    )
    small: RetrainingPreset = Field(
        default=RetrainingPreset(
            days=2, reinforced_days=6, entity_adaptor="trained", evaluated_users=64, judge_labels=LabelSizes(users=200)
        ),
        description="A training on two cores, which takes hours: each part as its own section says.",
    )
    paper: RetrainingPreset = Field(
        default=RetrainingPreset(
            days=6,
            reinforced_days=6,
            entity_adaptor="trained",
            evaluated_users=150,
            adaptor=AdaptorSizes(steps=4_000, alignment_users=500),
            experts=ExpertsSizes(steps=6_000, batch=16, validation_steps=500),
            judge_training=LoraSizes(steps=1_000, validation_steps=100),
            reward=RewardSizes(steps=1_000, groups=8, validation_steps=100),
            caption_tuning=CaptionSizes(steps=1_000, batch=16, pairs=4_000, validation_items=48, readers=8),
        ),
        description="A training on GPUs, with the paper's reinforcement.",
    )
    launch: str = Field(
        default="",
        description="What starts the reinforcement step in place of Python, as one types it before `-m`: `torchrun "
        "--nproc-per-node 8`, or `accelerate launch`. Empty: one process.",
    )
    folder: PathBelowRoot = Field(
        default=Path("var/training/retraining"),
        description="Where comparisons are kept, and trainings that a run was forced to make again.",
    )

    def preset(self, name: PresetName) -> RetrainingPreset:
        found: RetrainingPreset = getattr(self, name)
        return found

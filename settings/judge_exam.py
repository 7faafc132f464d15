"""Settings of the judge's exam: how much it is examined on."""

from __future__ import annotations

from pydantic import Field

from settings.section import Section


class ExamSizes(Section):
    """How much one preset examines."""

    built_users: int = Field(ge=1, description="Held-out users a day whose built outputs are judged.")
    real_users: int = Field(ge=1, description="Held-out users in all whose really written outputs are judged.")
    canaries: int = Field(ge=2, description="Attacked outputs a seed, half of them fixed.")
    good_outputs: int = Field(ge=1, description="Fewest outputs without an attack that false flags are counted on.")
    reasked: int = Field(ge=0, description="Outputs that are judged once more in another order.")


class JudgeExamSettings(Section):
    """The exam of a judge (issue 15; PAPER 3.5 compares judges and says nothing of sizes)."""

    full: ExamSizes = ExamSizes(built_users=10, real_users=50, canaries=400, good_outputs=500, reasked=100)
    small: ExamSizes = Field(
        default=ExamSizes(built_users=3, real_users=6, canaries=40, good_outputs=20, reasked=20),
        description="What proves that the machinery works, and nothing about the judge.",
    )
    seed: int = Field(default=0, ge=0, description="Of the draws of users, of the order of what is asked once more.")
    chunk_users: int = Field(default=8, ge=1, description="Users asked together, the unit of a resume.")
    resamples: int = Field(default=2_000, ge=100, description="Draws of users behind each interval.")

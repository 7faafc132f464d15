"""Settings of reviews: who is asked, for how long, and on how many users releases are compared."""

from __future__ import annotations

from pydantic import Field, field_validator

from settings.section import Section


class ReviewSettings(Section):
    """A person decides what a gate let through."""

    reviewers: tuple[str, ...] = Field(
        default=("reviewer",),
        min_length=1,
        description="Who may answer, by their id in Airflow (with its SimpleAuthManager the user's name). Nobody "
        'else\'s answer counts, an administrator\'s neither. In the environment a JSON list: ["anna", "ben"].',
    )
    answer_hours: float = Field(
        default=48.0, gt=0, description="How long a reviewer has time. Afterwards the candidate counts as rejected."
    )
    users: int = Field(
        default=500, ge=0, description="Held-out users that candidate and champion are compared on; 0 means all."
    )
    tuning_users: int = Field(default=64, ge=1, description="Train users for the combination's weights.")
    maximum_comment: int = Field(default=1_000, ge=1, description="Characters of a reviewer's comment, at most.")

    @field_validator("reviewers")
    @classmethod
    def _named(cls, reviewers: tuple[str, ...]) -> tuple[str, ...]:
        if any(not name.strip() or name != name.strip() for name in reviewers):
            raise ValueError("a reviewer's id is empty or has blanks around it: write it as Airflow has it")
        if len(set(reviewers)) < len(reviewers):
            raise ValueError("a reviewer is named twice")
        return reviewers

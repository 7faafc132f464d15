"""Settings of the judge's labelled set."""

from __future__ import annotations

from pydantic import Field

from settings.section import Section


class JudgeLabelsSettings(Section):
    """What judges are trained on and examined by. PAPER 2.3 leaves it open; every one is a choice of ours."""

    outcome_days: int = Field(default=60, ge=1, description="Days after the day within which a purchase is relevant.")
    users: int = Field(
        default=0, ge=0, description="Users of each split that cases are built of, drawn by a stable hash; 0: all."
    )
    real_users: int = Field(default=100, ge=0, description="Users of each split whose real outputs are drawn; 0: all.")
    real_ranks: int = Field(default=10, ge=0, description="Ranks that are drawn of each of them; 0: all.")
    seed: int = Field(default=0, description="Of everything that is drawn and invented.")

"""Settings of the judge: how a tag is judged, what it is examined by, and the sample of a day."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from settings.section import PathBelowRoot, Section

Dimension = Literal["relevance", "consistency", "specificity", "validity"]


class BandSettings(Section):
    """The usual share of a tier among a day's judged tags."""

    low: float = Field(default=0.0, ge=0, le=1)
    high: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> BandSettings:
        if self.low > self.high:
            raise ValueError(f"the band begins at {self.low} and ends at {self.high}: its low end is the lower one")
        return self


class JudgeSettings(Section):
    """Judging of tags (PAPER 2.1 to 2.3). What the paper leaves open is a choice of ours."""

    threshold: float = Field(
        default=0.75, gt=0, le=1, description="tau: share of positive findings from which on a tag without defect is S."
    )
    release: PathBelowRoot | None = Field(
        default=Path("releases/judge-7e9ecb1cfe7c"),
        description="Folder of the judge's release that a lake without one is given; none: the untuned model.",
    )
    rules: tuple[Dimension, ...] = Field(
        default=("consistency", "specificity", "validity"),
        description="Dimensions that a rule computes, for it says what their labels say; the language model is asked "
        "for the others. A JSON list.",
    )
    evidence_tokens: int = Field(
        default=96, ge=32, description="Tokens that the lines of a customer's purchases may have."
    )
    nearest: int = Field(default=1, ge=0, le=20, description="Bought categories beside the tag that relevance sees.")
    catalog_texts: int = Field(default=5, ge=1, le=50, description="Texts of the catalog that validity sees.")
    expected: bool = Field(
        default=True, description="Relevance sees what counting expects, where a judge brings its counting along."
    )
    reasons: bool = Field(default=False, description="Ask for a sentence why beside each of the model's findings.")
    sample_users: int = Field(
        default=50, ge=0, description="Users a day whose tags are judged, drawn by a stable hash; 0: all."
    )
    chunk_users: int = Field(default=8, ge=1, description="Users judged together, the unit of a resume.")
    seed: int = Field(default=0, ge=0, description="Of the draw of a day's users.")
    time_limit_seconds: float = Field(
        default=600.0,
        gt=0,
        description="Judging a day begins no further chunk after this long; answers are kept.",
    )
    grace_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Longer than the limit by this much a day's judging may take for its start and its last chunk; "
        "then its task is ended. It must exceed what a chunk takes.",
    )
    without_standing: bool = Field(
        default=False,
        description="Let a judge judge days that has not passed its exam: for trying. Its verdicts are published, and "
        "the day says so.",
    )
    superior_band: BandSettings = Field(
        default=BandSettings(low=0.05, high=0.95), description="Usual share of S; a day outside sets off an alarm."
    )
    average_band: BandSettings = Field(default=BandSettings(high=0.95), description="Usual share of A.")
    bad_band: BandSettings = Field(default=BandSettings(high=0.9), description="Usual share of B.")
    outcome_days: int = Field(
        default=60, ge=1, le=366, description="Days after the history within which a relevant tag is bought."
    )
    valid_days: int = Field(
        default=30, ge=1, description="Days of the log's time for which the record of an examination holds."
    )
    minimum_kappa: float = Field(
        default=0.4, ge=-1, le=1, description="Lower bound of kappa on real outputs that a judge must have to pass."
    )

"""Settings of the caption judge: how captions are judged, and what its exam must show."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from settings.judge import BandSettings
from settings.section import PathBelowRoot, Section


class CaptionJudgeSettings(Section):
    """Judging of captions (PAPER 2.2, 2.3). What the paper leaves open is a choice of ours."""

    release: PathBelowRoot = Field(
        default=Path("releases/caption-judge"), description="Folder of the caption judge with its calibration record."
    )
    threshold: float = Field(
        default=0.7,
        gt=0,
        le=1,
        description="tau: share of positive findings from which on a caption without defect is S: five of seven.",
    )
    least_likelihood: float = Field(
        default=-5.75,
        le=0,
        description="Mean log-probability of a caption's tokens, in nats and each -7 at least, below which it is no "
        "English. Of another language model it is another one.",
    )
    chunk_captions: int = Field(default=32, ge=1, description="Captions judged together, the unit of a resume.")
    corruptions: int = Field(default=3, ge=1, le=15, description="Corruptions that the exam builds of each pair.")
    valid_days: int = Field(default=30, ge=1, description="Days of the log's time for which a record holds.")
    minimum_kappa: float = Field(
        default=0.4,
        ge=-1,
        le=1,
        description="Lower bound of kappa of passing all seven dimensions, on captions really written, that a judge "
        "must exceed to stand.",
    )
    passing_band: BandSettings = Field(
        default=BandSettings(low=0.5),
        description="Usual share of a day's judged captions that pass all seven dimensions; a day outside sets off an "
        "alarm. Of closed captions really written 112 of 116 pass, of free ones by a small model none.",
    )

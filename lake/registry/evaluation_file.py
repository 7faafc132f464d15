"""What is particular to the judging of one log: its evaluation days, and departments that are no intent. One TOML file.

The demo log's is ``evaluation/logs/completejourney.toml``; a described log's is ``evaluation.toml`` beside its
description. ``INTENTFLOW_SOURCE__EVALUATION`` names another. ``docs/own_log.md`` documents every field.
"""

from __future__ import annotations

import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lake.registry.splits import SplitRule
from runtime.errors import ConfigurationError
from settings import ROOT, SourceSettings

LOGS = ROOT / "evaluation" / "logs"
BESIDE = "evaluation.toml"


class EvaluationFile(BaseModel):
    """All fields of the file; one that nobody knows is a mistake and refused. ``SplitRule`` says what they mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[date, ...] = Field(min_length=1)
    leave_out: tuple[str, ...] = ()
    salt: str = Field(default="intentflow split 1", min_length=1)
    holdout: float = Field(default=0.4, gt=0, lt=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    history_days: int = Field(default=90, ge=1)
    outcome_days: int = Field(default=14, ge=1)
    minimum_events: int = Field(default=30, ge=1)
    minimum_active_days: int = Field(default=5, ge=1)

    @field_validator("days")
    @classmethod
    def _in_order(cls, days: tuple[date, ...]) -> tuple[date, ...]:
        for before, after in pairwise(days):
            if after <= before:
                raise ValueError(f"{after} stands after {before}: days are in order, a new one comes last")
        return days

    @model_validator(mode="after")
    def _somebody_is_trained_on(self) -> EvaluationFile:
        if self.holdout + self.validation >= 1:
            raise ValueError("holdout and validation leave nobody to train on: together they are below 1")
        return self

    def rule(self) -> SplitRule:
        return SplitRule(**{**self.model_dump(), "days": tuple(day.isoformat() for day in self.days)})


def evaluation_path(source: SourceSettings) -> Path:
    """Where a log's evaluation file is: named by the setting, beside the log's description, or shipped."""
    if source.evaluation is not None:
        return source.evaluation
    if source.name.endswith(".toml"):
        return (ROOT / source.name).parent / BESIDE
    return LOGS / f"{source.name}.toml"


def read_rule_if_any(source: SourceSettings) -> SplitRule | None:
    """``read_rule``, or none for a log that has no evaluation file: a refresh does not need one.

    Raises:
        ConfigurationError: as ``read_rule``, also where the settings name a file that is missing.
    """
    if source.evaluation is None and not evaluation_path(source).exists():
        return None
    return read_rule(source)


def read_rule(source: SourceSettings) -> SplitRule:
    """The split rule of the log that the settings name.

    Raises:
        ConfigurationError: its file is missing, no TOML, or a field is wrong; every wrong field is named.
    """
    path = evaluation_path(source)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            f"There is no evaluation file {path}: write the log's evaluation days there (docs/own_log.md), or name its "
            "place with INTENTFLOW_SOURCE__EVALUATION."
        ) from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The evaluation file {path} cannot be read: {error}.") from None
    try:
        return EvaluationFile.model_validate(document).rule()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()
        )
        raise ConfigurationError(f"The evaluation file {path} is refused: {problems}.") from None

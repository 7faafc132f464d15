"""A gate's policy: what is checked of a candidate and how strictly. One YAML file, ``policies/shipped.yaml`` is ours.

Its name and its digest are part of the evidence, so nobody has to trust that the policy of then is the one of now.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runtime.errors import ConfigurationError
from runtime.fingerprint import digest

Tier = Literal["critical", "supporting", "advisory"]
# What a slice is cut by: how much users did, which categories count, how long users are known.
Cut = Literal["activity", "category", "history"]
VALUES: dict[Cut, tuple[str, ...]] = {
    "activity": ("light", "medium", "heavy"),
    "category": ("head", "tail"),
    "history": ("new", "known"),
}
# Resamples that lie beyond the farthest bound that is read, at least: fewer, and the bound is chance.
BEYOND = 10


class Part(BaseModel):
    """A part of the file; a field that nobody knows is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(Part):
    """What is demanded of a figure, in its own unit.

    Args:
        tier: critical: must pass. supporting: must be there and must not be breached. advisory: is shown.
        floor: the worst that is bearable, whoever is champion: no less than this, no more where less is better.
        allowed_loss: the non-inferiority margin: how much worse than the champion's is as good.
        least_users: users with a value in both releases, below whom nothing is concluded.
    """

    tier: Tier
    floor: float | None = Field(default=None, allow_inf_nan=False)
    allowed_loss: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    least_users: int = Field(ge=2)

    @property
    def is_checked(self) -> bool:
        return self.floor is not None or self.allowed_loss is not None


class Slice(Bounds):
    """A part of the users, or of the categories, that a metric is looked at apart."""

    cut: Cut
    value: str

    @model_validator(mode="after")
    def _known(self) -> Slice:
        if self.value not in VALUES[self.cut]:
            raise ValueError(f"a slice by {self.cut} is one of {', '.join(VALUES[self.cut])}, not {self.value!r}")
        if not self.is_checked:
            raise ValueError(f"the slice {self.name} has neither a floor nor an allowed_loss: give one, or remove it")
        return self

    @property
    def name(self) -> str:
        return f"{self.cut} {self.value}"


class Metric(Bounds):
    """A figure and all that is checked of it.

    Args:
        direction: which way is better.
        gain: makes a superiority check: the candidate must be better by more than this, for certain. 0 is any gain.
        slices: where the figure is looked at apart.
    """

    name: str = Field(min_length=1)
    direction: Literal["higher", "lower"] = "higher"
    gain: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    slices: tuple[Slice, ...] = ()

    @model_validator(mode="after")
    def _checked(self) -> Metric:
        if not self.is_checked and self.gain is None:
            raise ValueError(f"{self.name} has neither a floor, an allowed_loss nor a gain: give one, or remove it")
        if self.gain is not None and self.tier == "advisory":
            raise ValueError(f"{self.name} is advisory and has a gain: what is only shown promotes nobody")
        twice = [name for name, times in Counter(each.name for each in self.slices).items() if times > 1]
        if twice:
            raise ValueError(f"{self.name} has the slice {twice[0]} more than once")
        return self

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.direction == "higher" else -1


class ReleaseLimits(Part):
    """What a release may cost to load and to ask (``model_steps.check_release``).

    Args:
        load_seconds: until the engine answers. answer_seconds: for all known prompts together.
        memory_gib: most that the process had in memory.
        catalog_near: least share of the lake's items near to what the release was trained on.
    """

    load_seconds: float = Field(gt=0)
    answer_seconds: float = Field(gt=0)
    memory_gib: float = Field(gt=0)
    catalog_near: float = Field(ge=0, le=1)


class Policy(Part):
    """All that a gate decides by.

    Args:
        name: of the policy, for people.
        level: probability, at most, of promoting a release that is worse than allowed somewhere, or better nowhere.
        resamples: how often users are drawn. seed: of the draws.
        holdout_openings: how many looks an evaluation day is good for.
        judge_minimum_kappa: that a judge's record must exceed; the setting holds too where it is stricter.
        release: limits of what a release costs.
        metrics: what is checked.
    """

    name: str = Field(min_length=1)
    level: float = Field(default=0.05, gt=0, le=0.1)
    resamples: int = Field(default=2_000, ge=1_000)
    seed: int = Field(default=0, ge=0)
    holdout_openings: int = Field(ge=1)
    judge_minimum_kappa: float = Field(ge=-1, le=1)
    release: ReleaseLimits
    metrics: tuple[Metric, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_decide(self) -> Policy:
        twice = [name for name, times in Counter(each.name for each in self.metrics).items() if times > 1]
        if twice:
            raise ValueError(f"the metric {twice[0]} stands there more than once")
        critical = [each for each in self.metrics if each.tier == "critical"]
        if not any(each.allowed_loss is not None for each in critical):
            raise ValueError("no critical metric has an allowed_loss: nothing would hold a worse candidate back")
        if not any(each.floor is not None for each in critical):
            raise ValueError("no critical metric has a floor: a first champion would be held against nothing")
        if not self.superiority:
            raise ValueError("no metric has a gain: a candidate must show that it is better somewhere")
        if self.superiority_level * self.resamples < BEYOND:
            raise ValueError(
                f"{self.resamples:,} resamples are too few for bounds at the level {self.superiority_level:.4f} of "
                f"each superiority check: take {BEYOND / self.superiority_level:,.0f} at least"
            )
        return self

    @property
    def superiority(self) -> tuple[Metric, ...]:
        """The metrics with a superiority check."""
        return tuple(each for each in self.metrics if each.gain is not None)

    @property
    def superiority_level(self) -> float:
        """Bonferroni: one passing superiority check promotes, so each has its part of the level.

        Holm's procedure begins with the same bound and would decide the same, for the first to pass suffices. Floors
        and non-inferiority checks need no correction: all of them must pass, so that a release that fails one is
        promoted no more often than this one check passes by chance (intersection-union test, Berger 1982).
        """
        return self.level / len(self.superiority)

    @property
    def digest(self) -> str:
        """Names what decides; spelling and comments of the file do not count."""
        return digest(self.model_dump(mode="json"))


def parse_policy(content: str, place: str) -> Policy:
    """The policy that a text holds.

    Args:
        place: where it stands, for a sentence.

    Raises:
        ConfigurationError: it is none; every wrong field is named.
    """
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"The policy {place} is no YAML: {' '.join(str(error).split())}.") from None
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()
        )
        raise ConfigurationError(f"The policy {place} is refused: {problems}.") from None


def policy_text(path: Path) -> str:
    """The text of a policy's file, which the evidence keeps as it is.

    Raises:
        ConfigurationError: it is missing.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The policy {path} cannot be read ({error}): name one with INTENTFLOW_GATE__POLICY or --policy."
        ) from None

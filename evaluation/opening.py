"""What a look at held-out users opened: who has seen figures may choose by them, so each look is to be counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runtime.fingerprint import digest


@dataclass(frozen=True)
class Opening:
    """One release that was held against the outcomes of one evaluation day.

    Args:
        by: the command that looked.
        release: the release's name; of what is no release what it is called.
        day: the evaluation day.
        users: how many held-out users were looked at. users_digest: of their pseudonyms, sorted.
        metrics: that were computed, sorted.
    """

    by: str
    release: str
    day: str
    users: int
    users_digest: str
    metrics: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return {**asdict(self), "metrics": list(self.metrics)}


def opened(by: str, releases: Sequence[str], day: str, users: Sequence[str], metrics: Sequence[str]) -> list[Opening]:
    """What a command opened of the holdout: an entry a release, each name once."""
    whom, said = digest(sorted(users)), tuple(sorted(metrics))
    return [Opening(by, release, day, len(users), whom, said) for release in dict.fromkeys(releases)]

"""Whether a release that learnt from users may be judged on a lake: only where the same people are held out."""

from __future__ import annotations

from bench.lakes import landed
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.training.catalog import population_digest
from runtime.errors import UsageError


def refuse_other_people(lake: Lake, release: Release) -> None:
    """Refuse a release trained under another pseudonym key: whom this lake holds out, it may have learnt from.

    Raises:
        UsageError: the users of its training day are others here.
    """
    if not release.training.get("users"):
        return
    day = str(release.training["day"])
    landed.prepare_day(lake, day)
    if population_digest(lake, day) != release.training.get("population"):
        raise UsageError(
            f"The release {release.name} learnt from users of {day} who are others on {lake.root}: it was trained "
            "under another pseudonym key, and may know whom this lake holds out. Train it on this lake."
        )

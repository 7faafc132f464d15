"""A lake keeps its days: they begin by one clock, or rows near midnight would be in two days, or in none."""

from __future__ import annotations

from collections.abc import Collection

from lake.store import objects
from lake.store.location import Lake
from runtime.errors import ConfigurationError

CLOCK = "_landing/clock.json"
# Of lakes from before anybody noted it.
FIRST_CLOCK = "UTC"


def keep(lake: Lake, zone: str, staying: Collection[str]) -> None:
    """See that a lake's days are those of a zone's clock, and note it.

    Args:
        zone: its name. staying: the landed days that are not landed anew now.

    Raises:
        ConfigurationError: they begin by another clock.
    """
    if refuse_another(lake, zone, staying) != zone:
        objects.put(lake, CLOCK, {"zone": zone})


def refuse_another(lake: Lake, zone: str, staying: Collection[str]) -> str:
    """The zone by whose clock a lake's days have begun; ``keep`` says the rest."""
    noted = objects.get(lake, CLOCK)
    before = FIRST_CLOCK if noted is None else str(noted["zone"])
    if before != zone and staying:
        raise ConfigurationError(
            f"The days of the lake {lake.root} begin by the clock of {before}, those of the log by that of {zone} "
            f"(behaviors.days and time_zone of its description). Land all of them anew at once, from {min(staying)} "
            "to the last one, or say what was said before (docs/own_log.md)."
        )
    return before

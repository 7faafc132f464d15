"""Who gets intents on a day. Apart from what agents read, for embedding asks the same and rests on nothing else."""

from __future__ import annotations

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents import population
from runtime.errors import SourceMissing
from schemas import contexts, signals
from settings import InferenceSettings


def eligible(lake: Lake, day: str, settings: InferenceSettings, users: int) -> list[str]:
    """Users with enough history, drawn by a stable hash, sorted.

    Raises:
        SourceMissing: the day's contexts or signals are not published.
    """
    for table in (contexts.TABLE, signals.TABLE):
        if tables.partition_digest(lake, table, day) is None:
            raise SourceMissing(f"The table {table.name} has no day {day} in {lake.root}: publish it first.")
    enough = [
        ("events", ">=", settings.minimum_events),
        ("active_days", ">=", settings.minimum_active_days),
    ]
    found = tables.read(lake, contexts.TABLE, day, columns=["user_id"], filters=enough)
    return population.draw(found["user_id"].to_pylist(), users)

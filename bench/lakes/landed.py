"""A benchmark's own lake: the log until some day, and what inference reads of others. What is there is reused.

The demo log is public, so its users' pseudonyms need not be secret here: under a key that everybody has, the holdout
and all figures are the same on every machine. A shop's own log keeps the key of the settings.
"""

from __future__ import annotations

import hashlib
import os

from bench.lakes.steps import FOLDER, run_and_publish
from lake.delta import tables
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import UsageError
from schemas import behaviors
from settings import load_settings

DEMO = "completejourney"
DEMO_KEY = hashlib.sha256(b"intentflow: pseudonyms of the public demo log").digest()
KEY_SETTING = "INTENTFLOW_SOURCE__PSEUDONYM_KEY"
MARK = "_benchmark.json"


def claim(lake: Lake) -> None:
    """Make a lake the benchmarks' own.

    Raises:
        UsageError: somebody else landed it; under another key, all of it would be landed anew.
    """
    if objects.get(lake, MARK) is None and tables.version(lake, behaviors.TABLE) is not None:
        raise UsageError(f"The lake {lake.root} was not made by a benchmark: leave --lake out, or name a new folder.")
    objects.put_if_absent(lake, MARK, {"source": load_settings().source.name})


def environment() -> dict[str, str]:
    """The settings that landing gets besides those of this process."""
    if load_settings().source.name != DEMO or KEY_SETTING in os.environ:
        return {}
    path = FOLDER / "demo.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DEMO_KEY)
    return {KEY_SETTING: str(path)}


def land_until(lake: Lake, last: str) -> None:
    """Land the log from its first day to ``last``, both included."""
    claim(lake)
    first = load_settings().source.first_day.isoformat()
    run_and_publish(lake, "spark_jobs.land", "--from", first, "--to", last, environment=environment())


def prepare_day(lake: Lake, day: str) -> None:
    """Everything that inference reads for a day: rollups, signals, contexts, vectors."""
    for module in ("spark_jobs.roll_up", "spark_jobs.signals", "spark_jobs.compress", "model_steps.embed"):
        run_and_publish(lake, module, "--day", day)

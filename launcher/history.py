"""Land the log before a day, which the day's contexts are made of; what is landed already is reused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from commands import process
from commands.errors import CommandError, Exit, UsageError
from launcher.environment import airflow_environment
from launcher.watch import Say, say
from settings import ROOT, Settings


class StepFailed(CommandError):
    """A command ended with another exit code than 0."""

    def __init__(self, module: str, result: process.Result) -> None:
        super().__init__(f"`python -m {module}` failed: {result.error}")
        known = result.exit_code in set(Exit) and result.exit_code != Exit.OK
        self.exit_code = Exit(result.exit_code) if known else Exit.INTERNAL


def check_day(day: date, settings: Settings) -> None:
    """Raise UsageError for a day that the log cannot have."""
    source = settings.source
    if day < source.first_day or (source.last_day and day > source.last_day):
        last = f"ends on {source.last_day}" if source.last_day else "goes on"
        raise UsageError(
            f"The log {source.name} begins on {source.first_day} and {last}: {day} is not in it; "
            "choose another day with DAY=YYYY-MM-DD."
        )


def land_history(day: date, settings: Settings, say: Say = say) -> None:
    """Land, audit and publish every day before ``day`` that is not published yet.

    Raises:
        StepFailed: one of the commands failed.
    """
    first, last = settings.source.first_day, day - timedelta(days=1)
    if last < first:
        return
    say(f"Landing the log from {first} to {last}.")
    landed = run_step("spark_jobs.land", "--from", str(first), "--to", str(last), settings=settings, say=say)
    batches = [argument for batch in landed["batches"] for argument in ("--batch", batch)]
    if not batches:
        say("All of it is landed already: reused.")
        return
    run_step("lake.audit", *batches, settings=settings, say=say)
    run_step("lake.publish", *batches, settings=settings, say=say)
    counts = f"{landed['days']} days with {landed['rows']:,} rows; {landed['rows_rejected']:,} were rejected"
    say(f"Landed {counts}.")


def run_step(module: str, *arguments: str, settings: Settings, say: Say) -> Mapping[str, Any]:
    """Run a command as Airflow's tasks do; its lines go to the terminal, its manifest comes back.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    result = process.run(
        [sys.executable, "-m", module, *arguments],
        lambda level, text: say(f"  {text}"),
        directory=ROOT,
        environment=airflow_environment(settings.airflow),
    )
    if result.exit_code != 0 or result.manifest is None:
        raise StepFailed(module, result)
    return result.manifest

"""``make run``: one day of the log, from raw rows to published intents, on a real Airflow."""

from __future__ import annotations

from datetime import date
from typing import Any

from launcher.one_run import one_run
from launcher.report import report
from runtime.errors import UsageError
from settings import Settings

DAG_ID = "daily_refresh"


def check_day(day: date, settings: Settings) -> None:
    """Raise UsageError for a day that the log cannot have."""
    source = settings.source
    if day < source.first_day or (source.last_day and day > source.last_day):
        last = f"ends on {source.last_day}" if source.last_day else "goes on"
        raise UsageError(
            f"The log {source.name} begins on {source.first_day} and {last}: {day} is not in it; "
            "choose another day with DAY=YYYY-MM-DD."
        )


def run_conf(users: int, force: bool) -> dict[str, Any]:
    """What a run is asked for; 0 users leaves it to the settings."""
    return {"force": force, **({"users": users} if users else {})}


def run(day: date, users: int, settings: Settings, *, force: bool = False) -> int:
    """Run the DAG for the day and show the result; nothing that was started stays.

    Args:
        users: how many users get intents, drawn by a stable hash; 0: as the settings say.
        force: compute what is there already again.

    Returns:
        The exit code: 0 when the run succeeded, 1 when it failed.
    """
    check_day(day, settings)
    conf = run_conf(users, force)
    return one_run(settings, "run", DAG_ID, conf, lambda _airflow, _run: report(str(day), settings), str(day))

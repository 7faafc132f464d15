"""``make run``: one day of the log, from raw rows to published intents, on a real Airflow."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from launcher.report import report
from launcher.session import airflow_for
from launcher.watch import explain_failure, follow, say
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
    began = time.monotonic()
    with airflow_for(settings.airflow, "run", DAG_ID) as airflow:
        run = airflow.rest.trigger(DAG_ID, str(day), run_conf(users, force))
        say(f"{DAG_ID} for {day} has started: {airflow.rest.address}/dags/{DAG_ID}/runs/{run.run_id}\n")
        try:
            run = follow(airflow, DAG_ID, run)
        except BaseException:
            airflow.rest.fail_run(DAG_ID, run.run_id)
            raise
        if run.state != "success":
            explain_failure(airflow, DAG_ID, run)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    if run.state != "success":
        say(f"\n{DAG_ID} for {day} failed after {minutes}:{seconds:02} min.")
        return 1
    say("")
    report(str(day), settings)
    say(f"\n{DAG_ID} for {day} took {minutes}:{seconds:02} min in all.")
    return 0

"""``make backfill``: Airflow's own backfill of a range of days, followed live."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from launcher.airflow_processes import Airflow
from launcher.rest import DagRun
from launcher.run import DAG_ID, check_day, run_conf
from launcher.session import airflow_for
from launcher.watch import POLL_SECONDS, explain_failure, follow, say
from runtime.errors import UsageError
from settings import Settings


def backfill(
    first: date, last: date, users: int, settings: Settings, *, reprocess: str, force: bool, dry_run: bool
) -> int:
    """Refresh the days from ``first`` to ``last``, both included, one after another.

    Args:
        users: how many users get intents, drawn by a stable hash; 0: as the settings say.
        reprocess: which days that have run before run again: none, those that failed, or all (``completed``).
        force: compute again what a fingerprint says is there already.
        dry_run: only say which days would run.

    Returns:
        The exit code: 0 when every day succeeded, 1 otherwise.
    """
    if last < first:
        raise UsageError(f"The backfill ends on {last}, before it begins on {first}: exchange FROM and TO.")
    check_day(first, settings)
    check_day(last, settings)
    body = {
        "dag_id": DAG_ID,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "run_backwards": False,
        "reprocess_behavior": reprocess,
        # A day's contexts rest on the days before it.
        "max_active_runs": 1,
        # Who asks for finished days again wants them by this code, and so what they rest on.
        "dag_run_conf": {**run_conf(users, force), "older_code": reprocess == "completed"},
    }
    with airflow_for(settings.airflow, "backfill", DAG_ID) as airflow:
        days = airflow.rest.plan_backfill(body)
        if not days:
            say("No day to run: all of them have run before (REPROCESS=completed runs them again).")
            return 0
        say(f"Days to run: {', '.join(days)}.")
        return 0 if dry_run else _carry_out(airflow, body, days)


def _carry_out(airflow: Airflow, body: dict[str, Any], days: list[str]) -> int:
    backfill_id, created = airflow.rest.start_backfill(body)
    states: dict[str, str] = {}
    run: DagRun | None = None
    try:
        for day in days:
            # Looked up late: Airflow replaces a queued run of the day when somebody clears it meanwhile.
            run = _run_of(airflow, day, created)
            run = follow(airflow, DAG_ID, run, heading=f"{day}  ")
            states[day] = run.state
            if run.state != "success":
                explain_failure(airflow, DAG_ID, run)
    except BaseException:
        airflow.rest.cancel_backfill(backfill_id)
        if run is not None and not run.finished:
            airflow.rest.fail_run(DAG_ID, run.run_id)
        raise
    failed = [day for day, state in states.items() if state != "success"]
    say(f"\n{len(days) - len(failed)} of {len(days)} days succeeded.")
    if failed:
        say(f"Failed: {', '.join(failed)}. `make backfill ... REPROCESS=failed` runs them again.")
    return 1 if failed else 0


def _run_of(airflow: Airflow, day: str, created: Any) -> DagRun:
    """The backfill's run of a day; Airflow creates them within moments."""
    while True:
        airflow.check()
        for run in airflow.rest.runs(DAG_ID, run_type="backfill"):
            if run.partition_key == day and run.queued_at and run.queued_at >= created:
                return run
        time.sleep(POLL_SECONDS)

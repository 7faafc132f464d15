"""One run of a DAG, from its trigger to its end: shown live, explained when it fails, closed when it is interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from launcher.airflow_processes import Airflow
from launcher.rest import DagRun
from launcher.session import airflow_for
from launcher.watch import explain_failure, follow, say
from settings import Settings

Show = Callable[[Airflow, DagRun], None]


def one_run(
    settings: Settings, purpose: str, dag_id: str, conf: Mapping[str, Any], show: Show, day: str | None = None
) -> int:
    """Run a DAG once and show the result; nothing that was started stays.

    Args:
        purpose: the target of ``make`` that asks for it. conf: what the run is asked for.
        show: called with the run when it succeeded, while Airflow is there to be asked.
        day: the run's partition; none of a DAG without partitions.

    Returns:
        The exit code: 0 when the run succeeded, 1 when it failed.
    """
    name = f"{dag_id} for {day}" if day else dag_id
    began = time.monotonic()
    with airflow_for(settings.airflow, purpose, dag_id) as airflow:
        run = airflow.rest.trigger(dag_id, day, conf)
        say(f"{name} has started: {airflow.rest.address}/dags/{dag_id}/runs/{run.run_id}\n")
        try:
            run = follow(airflow, dag_id, run)
        except BaseException:
            airflow.rest.fail_run(dag_id, run.run_id)
            raise
        if run.state == "success":
            say("")
            show(airflow, run)
        else:
            explain_failure(airflow, dag_id, run)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    if run.state != "success":
        say(f"\n{name} failed after {minutes}:{seconds:02} min.")
        return 1
    say(f"\n{name} took {minutes}:{seconds:02} min in all.")
    return 0

"""Follow runs to their end, telling the terminal what happens, and what to look at when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from launcher.airflow_processes import Airflow
from launcher.progress import RunProgress
from launcher.rest import DagRun, TaskInstance
from launcher.task_logs import last_messages, last_progress, log_file

POLL_SECONDS = 1.0
FAILURE_LINES = 30
Say = Callable[[str], None]


def say(line: str) -> None:
    """To the terminal, at once."""
    print(line, flush=True)


def follow(
    airflow: Airflow, dag_id: str, run: DagRun, say: Say = say, heading: str = "", every: float = POLL_SECONDS
) -> DagRun:
    """Show a run's tasks live until it ends; returns it as it ended.

    Args:
        heading: put before each task's name. every: seconds between two looks.

    Raises:
        InfrastructureError: one of Airflow's processes ended.
    """
    home = airflow.settings.home

    def progress_of(task: TaskInstance) -> str | None:
        return last_progress(log_file(home, dag_id, run.run_id, task))

    progress = RunProgress(datetime.now(UTC), progress_of, heading)
    while True:
        airflow.check()
        now = airflow.rest.run(dag_id, run.run_id)  # before its tasks: so the last look at them is complete
        for line in progress.lines(airflow.rest.tasks(dag_id, run.run_id), datetime.now(UTC)):
            say(line)
        if now.finished:
            return now
        time.sleep(every)


def explain_failure(airflow: Airflow, dag_id: str, run: DagRun, say: Say = say) -> None:
    """Name the tasks that failed, with the end of each one's log and where the whole of it lies."""
    for task in failed(airflow.rest.tasks(dag_id, run.run_id)):
        file = log_file(airflow.settings.home, dag_id, run.run_id, task)
        say(f"\n{task.name} failed; the last lines of its log:\n")
        for line in last_messages(file, FAILURE_LINES):
            say(f"    {line}")
        say(f"\nThe whole log: {file}")


def failed(tasks: Iterable[TaskInstance]) -> list[TaskInstance]:
    """The tasks that failed themselves, in the order in which they did."""
    found = [task for task in tasks if task.state == "failed"]
    return sorted(found, key=lambda task: (task.end is None, task.end, task.map_index))

"""Airflow for a piece of work: the one that ``make ui`` keeps, or one of our own that ends with the work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from launcher import lock
from launcher.airflow_processes import FOR_A_RUN, Airflow, running_airflow
from launcher.rest import UNFINISHED, Rest
from launcher.watch import say
from runtime.errors import ConfigurationError, DataError, InfrastructureError
from settings import AirflowSettings

PARSE_SECONDS = 120.0
# The DAGs that ``make`` runs: what a killed launcher left of one of them is taken up by the next one's scheduler.
RUN_BY_MAKE = ("daily_refresh", "calibrate_judge", "retrain")


@contextmanager
def airflow_for(settings: AirflowSettings, purpose: str, dag_id: str) -> Iterator[Airflow]:
    """Airflow with its pools, the DAG parsed and unpaused; a DAG that was paused is paused again at the end.

    Raises:
        Held: another run or backfill is at work here.
        ConfigurationError: ``make ui`` runs Airflow with other settings than these.
        DataError: the DAG's file does not load.
    """
    current = lock.owner(settings.home)
    if current and current.purpose == "ui":
        with _attached(settings, current) as airflow, _unpaused(airflow, dag_id, None):
            yield airflow
        return
    with lock.hold(settings.home, purpose, settings.port):
        started = datetime.now(UTC)

        def prepare(rest: Rest) -> None:
            ensure_pools(rest, settings)
            for known in RUN_BY_MAKE:
                close_cut_off_runs(rest, known)

        with running_airflow(settings, prepare, FOR_A_RUN) as airflow:
            say(f"Airflow is ready after {(datetime.now(UTC) - started).total_seconds():.0f} s.")
            with _unpaused(airflow, dag_id, started):
                yield airflow


def ensure_pools(rest: Rest, settings: AirflowSettings) -> None:
    """A task in a pool that does not exist would wait for ever."""
    rest.ensure_pool(settings.heavy_pool, settings.heavy_slots)
    if settings.gpu_pool and settings.gpu_pool != settings.heavy_pool:
        rest.ensure_pool(settings.gpu_pool, settings.gpu_slots)


def close_cut_off_runs(rest: Rest, dag_id: str) -> None:
    """Close what a killed launcher left unfinished: the scheduler would take it up before our own run."""
    if rest.dag(dag_id) is None:
        return
    for run in rest.runs(dag_id, UNFINISHED):
        say(f"Closing the run of {run.partition_key or dag_id} that was cut off earlier ({run.run_id}).")
        rest.fail_run(dag_id, run.run_id)


@contextmanager
def _attached(settings: AirflowSettings, owner: lock.Owner) -> Iterator[Airflow]:
    if lock.overrides() != owner.overrides:
        raise ConfigurationError(
            f"`make ui` (process {owner.pid}) runs Airflow with other INTENTFLOW_ settings than these: "
            "end it with `make stop`, or give this command the same ones."
        )
    airflow = Airflow(settings.model_copy(update={"port": owner.port}))
    try:
        if airflow.rest.health() is None:
            raise InfrastructureError("`make ui` is still starting Airflow: wait until it prints the address.")
        say(f"Using the Airflow of `make ui` at {airflow.rest.address}.")
        yield airflow
    finally:
        airflow.rest.close()


@contextmanager
def _unpaused(airflow: Airflow, dag_id: str, parsed_since: datetime | None) -> Iterator[None]:
    """A paused DAG leaves the runs one asks for queued. (Its end_date keeps its schedule quiet.)"""
    dag = wait_for_dag(airflow, dag_id, parsed_since)
    if not dag["is_paused"]:
        yield
        return
    airflow.rest.set_paused(dag_id, False)
    try:
        yield
    finally:
        airflow.rest.set_paused(dag_id, True)


def wait_for_dag(airflow: Airflow, dag_id: str, parsed_since: datetime | None) -> dict[str, Any]:
    """The DAG, once Airflow has parsed its file as it is now.

    Args:
        parsed_since: an older parse does not count: it may be of yesterday's file.
    """
    deadline = time.monotonic() + PARSE_SECONDS
    while True:
        airflow.check()
        dag = airflow.rest.dag(dag_id)
        fresh = dag is not None and (parsed_since is None or _parsed(dag) >= parsed_since)
        if dag is not None and fresh and not dag["has_import_errors"]:
            return dag
        for file, trace in airflow.rest.import_errors():
            if dag is None or file.endswith(str(dag["relative_fileloc"])):
                raise DataError(f"The DAG file {file} does not load:\n{trace.strip()}")
        if time.monotonic() > deadline:
            raise InfrastructureError(
                f"Airflow does not know the DAG {dag_id} after {PARSE_SECONDS:.0f} s: is its file in "
                f"{airflow.settings.dags}? The parser's log: {airflow.log_file('dag-processor')}."
            )
        time.sleep(0.5)


def _parsed(dag: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(dag["last_parsed_time"])

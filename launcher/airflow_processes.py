"""Start and stop Airflow's processes on one machine.

``airflow standalone`` does not do: its log servers listen on all interfaces, SIGTERM orphans its children,
and tasks that start before the API server listens fail. So the scheduler waits for the API, unless there is
nothing that it could start before it is asked to (``nothing_to_schedule``): then all start at once. Each process
runs below a guard (runtime/guard.py), which ends it and all that it started when it is stopped and when the
launcher is gone, however it went.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

from launcher.environment import HOST, address, airflow_environment, create_home, password_file
from launcher.rest import Rest
from runtime import process
from runtime.errors import InfrastructureError
from settings import ROOT, AirflowSettings

AIRFLOW = (sys.executable, "-m", "airflow")
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    # The logs are read from the folder; a server for them would listen on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# What a run needs; the triggerer serves deferred tasks and those that wait for a person, which only `make ui` keeps.
FOR_A_RUN = ("api-server", "dag-processor", "scheduler")
FOR_THE_UI = (*FOR_A_RUN, "triggerer")
BEFORE_API = ("api-server", "dag-processor")


class Airflow:
    """Airflow's processes, started by ``running_airflow``, or those of another launcher."""

    def __init__(self, settings: AirflowSettings) -> None:
        self.settings = settings
        self.rest = Rest(address(settings), password_file(settings))
        self._guards: dict[str, subprocess.Popen[bytes]] = {}

    def log_file(self, component: str) -> Path:
        return self.settings.home / "logs" / "launcher" / f"{component}.log"

    def check(self) -> None:
        """Raise InfrastructureError when one of the processes has ended."""
        for name, guard in self._guards.items():
            if guard.poll() is not None:
                raise InfrastructureError(
                    f"Airflow's {name} ended with code {guard.returncode}; {_end_of(self.log_file(name))}"
                )

    def start(self, component: str, environment: Mapping[str, str]) -> None:
        log = self.log_file(component)
        log.parent.mkdir(parents=True, exist_ok=True)
        guard = (sys.executable, "-I", "-S", str(process.GUARD), str(os.getpid()))
        with log.open("wb") as output:
            self._guards[component] = subprocess.Popen(
                [*guard, *AIRFLOW, *COMPONENTS[component]],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C comes to the launcher alone.
                start_new_session=True,
                # The API server writes the passwords; what tasks write keeps the user's own mask.
                umask=0o077 if component == "api-server" else -1,
            )

    def stop(self) -> None:
        """End all processes and everything they started; what does not heed SIGTERM is killed after 2 s."""
        self.rest.close()
        for guard in self._guards.values():
            assert guard.stdin is not None
            guard.stdin.close()  # the sign for the guard
        for guard in self._guards.values():
            try:
                guard.wait(process.GRACE_SECONDS + 10)
            except subprocess.TimeoutExpired:
                guard.kill()
        self._guards.clear()


@contextmanager
def running_airflow(
    settings: AirflowSettings, prepare: Callable[[Rest], None], components: Sequence[str] = FOR_THE_UI
) -> Iterator[Airflow]:
    """Start Airflow, and stop it at the end of the block.

    Args:
        prepare: called when the API answers and no task can run yet.
        components: the processes to start.

    Raises:
        InfrastructureError: the port is taken, the database could not be prepared, or a process ended or did
            not become healthy in time.
    """
    check_port(settings.port)
    create_home(settings)
    environment = airflow_environment(settings)
    migrate(settings, environment)
    first = components if nothing_to_schedule(settings, environment) else BEFORE_API
    airflow = Airflow(settings)
    try:
        for component in first:
            airflow.start(component, environment)
        _wait(airflow, lambda health: True, "Airflow's API server does not answer")
        prepare(airflow.rest)
        for component in components:
            if component not in first:
                airflow.start(component, environment)
        airflow.rest.warm_up()
        wanted = {component.replace("-", "_") for component in components} - {"api_server"} | {"metadatabase"}
        _wait(airflow, lambda health: all(health.get(part) == "healthy" for part in wanted), "Airflow is not healthy")
        yield airflow
    finally:
        with undisturbed():
            airflow.stop()


def nothing_to_schedule(settings: AirflowSettings, environment: Mapping[str, str]) -> bool:
    """Whether a scheduler would find no task: no run was cut off, and every DAG is paused.

    Read from the database, for the API does not answer yet. Another database than ours is not looked into.
    """
    if environment.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        return False
    question = (
        "SELECT EXISTS (SELECT 1 FROM dag_run WHERE state IN ('queued', 'running')) "
        "OR EXISTS (SELECT 1 FROM dag WHERE NOT is_paused AND NOT is_stale)"
    )
    try:
        with closing(sqlite3.connect(f"file:{settings.home / 'airflow.db'}?mode=ro", uri=True)) as database:
            return not database.execute(question).fetchone()[0]
    except sqlite3.Error:
        return False


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back signals that would interrupt the block; they arrive after it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(airflow: Airflow, ready: Callable[[Mapping[str, str | None]], bool], problem: str) -> None:
    limit = airflow.settings.start_seconds
    deadline = time.monotonic() + limit
    while True:
        airflow.check()
        health = airflow.rest.health()
        if health is not None and ready(health):
            return
        if time.monotonic() > deadline:
            folder = airflow.log_file("scheduler").parent
            raise InfrastructureError(
                f"{problem} after {limit:.0f} s ({health}): see the logs in {folder}, or allow more time "
                "with INTENTFLOW_AIRFLOW__START_SECONDS."
            )
        time.sleep(0.25)


def check_port(port: int) -> None:
    """Raise InfrastructureError when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise InfrastructureError(
                f"Port {port} on {HOST} is taken by another program: end it, or choose another port with "
                f"INTENTFLOW_AIRFLOW__PORT={port + 1 if port < 65535 else port - 1}."
            ) from None


def migrate(settings: AirflowSettings, environment: Mapping[str, str]) -> None:
    """Bring Airflow's SQLite database to this Airflow's schema, unless it is there already.

    Asking Airflow takes 3 s, so the version it was brought to is kept beside it.
    """
    database, stamp = settings.home / "airflow.db", settings.home / "airflow.db.version"
    wanted = version("apache-airflow")
    if database.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    log = settings.home / "logs" / "launcher" / "migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        result = process.run(
            [*AIRFLOW, "db", "migrate"],
            lambda level, line: print(line, file=output),
            directory=ROOT,
            environment=environment,
        )
    if result.exit_code != 0:
        raise InfrastructureError(f"Airflow's database {database} could not be prepared; {_end_of(log)}")
    stamp.write_text(wanted)


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-20:]
    return f"its log {log} ends:\n" + "\n".join(lines)

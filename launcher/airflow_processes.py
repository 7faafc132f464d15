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
from runtime.errors import ConfigurationError, InfrastructureError
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
# Of which there may be several, that take over from one another.
SEVERAL = "scheduler"
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class Airflow:
    """Airflow's processes, started by ``running_airflow``, or those of another launcher."""

    def __init__(self, settings: AirflowSettings) -> None:
        self.settings = settings
        self.rest = Rest(address(settings), password_file(settings))
        self._guards: dict[str, subprocess.Popen[bytes]] = {}

    def log_file(self, process_name: str) -> Path:
        return self.settings.home / "logs" / "launcher" / f"{process_name}.log"

    def check(self) -> None:
        """Say which of several schedulers has ended, once; the others go on with its work.

        Raises:
            InfrastructureError: another process has ended, or the last scheduler.
        """
        running = {name for name, guard in self._guards.items() if guard.poll() is None}
        for name in self._guards.keys() - running:
            how = f"Airflow's {name} ended with code {self._guards[name].returncode}"
            if not name.startswith(SEVERAL) or not any(other.startswith(SEVERAL) for other in running):
                raise InfrastructureError(f"{how}; {_end_of(self.log_file(name))}")
            print(
                f"{how}. Another takes over: what ran below it is tried again within some minutes. Its log: "
                f"{self.log_file(name)}",
                file=sys.stderr,
                flush=True,
            )
            del self._guards[name]

    def start(self, component: str, environment: Mapping[str, str]) -> None:
        """Start a component: as many processes as the settings say where there may be several."""
        for name in process_names(component, self.settings):
            self._start(name, component, environment)

    def _start(self, name: str, component: str, environment: Mapping[str, str]) -> None:
        log = self.log_file(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        guard = (sys.executable, "-I", "-S", str(process.GUARD), str(os.getpid()))
        with log.open("wb") as output:
            self._guards[name] = subprocess.Popen(
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


def process_names(component: str, settings: AirflowSettings) -> list[str]:
    """``scheduler``, ``scheduler-2``: a name a process."""
    number = settings.schedulers if component == SEVERAL else 1
    return [component, *(f"{component}-{one}" for one in range(2, number + 1))]


def check_schedulers(settings: AirflowSettings, environment: Mapping[str, str]) -> None:
    """Raise ConfigurationError for several schedulers on SQLite, which cannot lock the rows that each takes."""
    named = any(environment.get(f"{DATABASE}{suffix}") for suffix in ("", "_CMD", "_SECRET"))
    if settings.schedulers > 1 and (not named or environment.get(DATABASE, "").startswith("sqlite")):
        raise ConfigurationError(
            f"INTENTFLOW_AIRFLOW__SCHEDULERS is {settings.schedulers}, and Airflow's database is SQLite, which serves "
            f"one: name a PostgreSQL database in {DATABASE} (postgresql+psycopg2://user@host/database), or set it to 1."
        )


@contextmanager
def running_airflow(
    settings: AirflowSettings, prepare: Callable[[Rest], None], components: Sequence[str] = FOR_THE_UI
) -> Iterator[Airflow]:
    """Start Airflow, and stop it at the end of the block.

    Args:
        prepare: called when the API answers and no task can run yet.
        components: the processes to start.

    Raises:
        ConfigurationError: there shall be several schedulers, and the database serves one.
        InfrastructureError: the port is taken, the database could not be prepared, or a process ended or did
            not become healthy in time.
    """
    check_port(settings.port)
    create_home(settings)
    environment = airflow_environment(settings)
    check_schedulers(settings, environment)
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
    if environment.get(DATABASE):
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
    """Bring Airflow's database to this Airflow's schema, unless it is there already.

    Asking Airflow takes 3 s, so the version that SQLite's was brought to is kept beside it. Another is always asked.
    """
    database, stamp = settings.home / "airflow.db", settings.home / "airflow.db.version"
    wanted = version("apache-airflow")
    own = not environment.get(DATABASE)
    if own and database.exists() and stamp.exists() and stamp.read_text() == wanted:
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
        place = database if own else f"that {DATABASE} names"
        raise InfrastructureError(f"Airflow's database {place} could not be prepared; {_end_of(log)}")
    if own:
        stamp.write_text(wanted)


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-20:]
    return f"its log {log} ends:\n" + "\n".join(lines)

"""Ports, locks, secrets: what decides whether Airflow may start here."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import lock
from launcher.airflow_processes import (
    FOR_A_RUN,
    Airflow,
    check_port,
    check_schedulers,
    nothing_to_schedule,
    process_names,
)
from launcher.environment import SILENT, airflow_environment, create_home
from launcher.java import java_home
from launcher.stop import stop
from runtime.errors import ConfigurationError, InfrastructureError
from settings import ROOT, AirflowSettings, Settings

# Holds the lock until it is told to end, as `make ui` does.
HOLDER = """
import signal, sys
from pathlib import Path
from launcher import lock
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with lock.hold(Path(sys.argv[1]), "ui", 18080):
        print("held", flush=True)
        signal.pause()
except KeyboardInterrupt:
    pass
"""


def holder(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(InfrastructureError) as error:
            check_port(port)

    assert f"Port {port} " in str(error.value)
    assert "INTENTFLOW_AIRFLOW__PORT=" in str(error.value)
    check_port(port)  # free again


def test_there_are_as_many_schedulers_as_the_setting_says(tmp_path: Path) -> None:
    settings = AirflowSettings(home=tmp_path, schedulers=3)
    assert process_names("scheduler", settings) == ["scheduler", "scheduler-2", "scheduler-3"]
    assert process_names("api-server", settings) == ["api-server"]
    assert process_names("scheduler", AirflowSettings(home=tmp_path)) == ["scheduler"]


@pytest.mark.parametrize(
    ("schedulers", "database", "refused"),
    [
        (1, {}, False),
        (2, {}, True),
        (2, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////var/airflow.db"}, True),
        (2, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://airflow@host/airflow"}, False),
        (2, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "cat address"}, False),
    ],
)
def test_several_schedulers_want_a_database_that_serves_them(
    tmp_path: Path, schedulers: int, database: dict[str, str], refused: bool
) -> None:
    settings = AirflowSettings(home=tmp_path, schedulers=schedulers)
    if not refused:
        check_schedulers(settings, database)
        return
    with pytest.raises(ConfigurationError, match=r"INTENTFLOW_AIRFLOW__SCHEDULERS is 2.*SQL_ALCHEMY_CONN"):
        check_schedulers(settings, database)


class Begun(Airflow):
    """Airflow whose processes are small ones: those named have ended."""

    def __init__(self, settings: AirflowSettings, ended: set[str]) -> None:
        super().__init__(settings)
        for component in FOR_A_RUN:
            for name in process_names(component, settings):
                code = "raise SystemExit(9)" if name in ended else "input()"
                self._guards[name] = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE)
                if name in ended:
                    self._guards[name].wait(60)
                self.log_file(name).parent.mkdir(parents=True, exist_ok=True)
                self.log_file(name).write_text("the end of its log")


@pytest.mark.parametrize(
    ("schedulers", "ended", "fatal"),
    [
        (1, {"scheduler"}, "scheduler"),
        (2, {"scheduler", "scheduler-2"}, "scheduler"),
        (2, {"dag-processor"}, "dag-processor"),
        (2, {"scheduler", "api-server"}, "api-server"),
        (2, {"scheduler"}, None),
        (2, {"scheduler-2"}, None),
        (3, {"scheduler", "scheduler-3"}, None),
        (2, set(), None),
    ],
)
def test_a_lost_scheduler_is_told_once_where_there_is_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], schedulers: int, ended: set[str], fatal: str | None
) -> None:
    airflow = Begun(AirflowSettings(home=tmp_path, schedulers=schedulers), ended)
    try:
        if fatal:
            with pytest.raises(InfrastructureError, match=rf"(?s){fatal}.* ended with code 9; .*the end of its log"):
                airflow.check()
            return
        airflow.check()
        said = capsys.readouterr().err.splitlines()
        assert sorted(line.split()[1] for line in said) == sorted(ended)
        airflow.check()
        assert capsys.readouterr().err == ""
    finally:
        for guard in airflow._guards.values():
            guard.kill()
            guard.wait()
        airflow.rest.close()


def test_one_launcher_at_a_time(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        found = lock.owner(tmp_path)
        assert found
        assert (found.pid, found.purpose, found.port) == (other.pid, "ui", 18080)
        with (
            pytest.raises(lock.Held, match=r"`make ui` \(process \d+\) is at work.*`make stop`"),
            lock.hold(tmp_path, "run", 18080),
        ):
            pytest.fail("the lock was held")
        other.kill()

    assert lock.owner(tmp_path) is None  # also after SIGKILL
    with lock.hold(tmp_path, "run", 18080):
        pass


def test_stop_ends_the_other_launcher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(airflow=AirflowSettings(home=tmp_path))
    with holder(tmp_path) as other:
        assert stop(settings) == 0
        assert other.wait(10) == 0
    assert "Stopped." in capsys.readouterr().out

    assert stop(settings) == 0
    assert "Nothing of Intentflow runs" in capsys.readouterr().out


def test_no_lock_without_a_home(tmp_path: Path) -> None:
    assert lock.owner(tmp_path / "never made") is None


def test_secrets_are_made_once_for_this_user_alone(tmp_path: Path) -> None:
    settings = AirflowSettings(home=tmp_path / "airflow")
    create_home(settings)
    files = sorted((settings.home / "secrets").iterdir())
    before = {file.name: file.read_text() for file in files}

    create_home(settings)

    assert {file.name: file.read_text() for file in files} == before
    assert set(before) == {"fernet_key", "session_key", "token_key"}
    assert len(set(before.values())) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700


def test_the_environment_of_airflow(tmp_path: Path) -> None:
    settings = AirflowSettings(home=tmp_path / "airflow", port=18080)
    path = os.environ["PATH"]

    environment = airflow_environment(
        settings, {"PATH": path, "PYTHONPATH": "/mine", "NO_PROXY": "example.org", "DO_NOT_TRACK": "0", "MINE": "yes"}
    )

    assert environment["AIRFLOW_CONFIG"] == str(ROOT / "airflow.cfg")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:18080/execution/"
    assert environment["JAVA_HOME"] == str(java_home({"PATH": path}))
    assert environment["PYTHONPATH"] == f"{ROOT}:/mine"
    assert environment["PATH"] == f"{Path(sys.executable).parent}:{path}"
    assert environment["NO_PROXY"] == "127.0.0.1,example.org"
    assert environment["MINE"] == "yes"
    assert environment["DO_NOT_TRACK"] == "0"  # the user's own word goes first
    assert SILENT.keys() <= environment.keys()
    assert not any("secret" in name.lower() or "fernet" in name.lower() for name in environment)


def test_signals_wait_until_the_block_is_through() -> None:
    script = """
import os, signal
from launcher.airflow_processes import undisturbed
try:
    with undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        print("stopped all", flush=True)
    print("not reached")
except KeyboardInterrupt:
    print("interrupted")
"""
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.splitlines() == ["stopped all", "interrupted"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize(
    ("paused", "stale", "state", "quiet"),
    [(1, 0, "success", True), (0, 0, "success", False), (0, 1, "failed", True), (1, 0, "queued", False)],
)
def test_the_scheduler_starts_early_only_where_it_finds_nothing(
    tmp_path: Path, paused: int, stale: int, state: str, quiet: bool
) -> None:
    settings = AirflowSettings(home=tmp_path)
    assert not nothing_to_schedule(settings, {})  # no database yet
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE dag (is_paused BOOLEAN, is_stale BOOLEAN)")
        database.execute("CREATE TABLE dag_run (state TEXT)")
        database.execute("INSERT INTO dag VALUES (?, ?)", (paused, stale))
        database.execute("INSERT INTO dag_run VALUES (?)", (state,))
    database.close()
    assert nothing_to_schedule(settings, {}) is quiet
    assert not nothing_to_schedule(settings, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://elsewhere"})

"""A real Airflow, started by the launcher: who sees it, and what is left of it when the launcher is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from launcher.rest import Rest
from settings import ROOT

READY = "Ctrl-C here"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a number that another process has taken over does not count."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make ui` with a home and a port of its own and no DAG."""
    (tmp_path / "dags").mkdir()
    environment = {
        "INTENTFLOW_AIRFLOW__HOME": str(tmp_path / "airflow"),
        "INTENTFLOW_AIRFLOW__DAGS": str(tmp_path / "dags"),
        "INTENTFLOW_AIRFLOW__PORT": str(free_port()),
        "INTENTFLOW_LAKE__URI": str(tmp_path / "lake"),
        "INTENTFLOW_LAKE__DATA_DOCS": str(tmp_path / "data_docs"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "launcher", "ui"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def check_data_docs(address: str, password_file: Path, folder: Path) -> None:
    """Only who is logged in sees the pages, and nothing but the pages."""
    rest = Rest(address, password_file)
    assert rest._call("GET", "/plugins").json()["plugins"][0]["name"] == "intentflow_data_docs"
    stranger = httpx.Client(base_url=address, trust_env=False)
    user = rest._client
    assert user.get("/data-docs/index.html").status_code == 404
    (folder / ".results").mkdir(parents=True)
    for name in ("index.html", ".results/raw.html", "../outside.html"):
        (folder / name).write_text("<p>audits</p>")

    for path in (
        "/data-docs/index.html",
        "/data-docs/",
        "/data-docs/none.html",
        "/data-docs/docs",
        "/data-docs/x?batch=y",
    ):
        assert stranger.get(path).status_code == 401
    shown = user.get("/data-docs/index.html")
    assert (shown.status_code, shown.text) == (200, "<p>audits</p>")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    for path in ("none.html", ".results/raw.html", "..%2Foutside.html", "%2e%2e/outside.html", "openapi.json"):
        assert user.get(f"/data-docs/{path}").status_code == 404
    assert user.get("/data-docs/").headers["location"] == "/data-docs/index.html"
    assert user.get("/data-docs/", params={"batch": "_batches/../x.json"}).status_code == 422
    missing = user.get("/data-docs/", params={"batch": "_batches/rollups/none.json"})
    assert (missing.status_code, missing.json()["detail"][:34]) == (404, "There is no batch _batches/rollups")


def test_airflow_is_private_and_ends_with_a_killed_launcher(ui: subprocess.Popen[str], tmp_path: Path) -> None:
    assert ui.stdout
    said: list[str] = []
    while not said or READY not in said[-1]:
        line = ui.stdout.readline()
        assert line, "".join(said)
        said.append(line)
    home = tmp_path / "airflow"
    address = said[0].split()[3]
    processes = psutil.Process(ui.pid).children(recursive=True)
    passwords = home / "simple_auth_manager_passwords.json.generated"

    # Healthy, with the pool that the tasks need.
    rest = Rest(address, passwords)
    health = rest.health()
    assert health
    assert set(health.values()) == {"healthy"}
    assert rest._call("GET", "/pools/heavy").json()["slots"] == 1
    assert rest.import_errors() == []

    check_data_docs(address, passwords, tmp_path / "data_docs")

    # Four components, each below its guard.
    assert len(processes) >= 8

    # Nobody else reads the passwords, and every port is this machine's own.
    assert str(passwords) in "".join(said)
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}

    # A launcher that is killed cannot clean up; nothing is left all the same.
    ui.send_signal(signal.SIGKILL)
    ui.wait(10)
    assert wait_until(lambda: not alive(processes), 30), alive(processes)

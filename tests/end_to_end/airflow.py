"""The one Airflow of these tests, as ``make ui`` keeps it, and runs that use it as ``make run`` beside it does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from lake.delta import tables
from lake.store.location import Lake
from launcher.java import java_home
from launcher.rest import Rest
from schemas import days

ROOT = Path(__file__).resolve().parents[2]
DAY = "2017-11-01"
USERS, SHARDS, TAGS = 4, 2, 10
EXPLAINED_TAGS = 1
JUDGED_USERS = 2
READY = "Ctrl-C here"
# Seconds after which a run that hangs is ended; a good one takes some minutes.
HANGS = 1500


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_below(folder: Path) -> dict[str, str]:
    """A month of the demo log, few users in two shards, everything in a folder of its own."""
    return {
        **os.environ,
        "INTENTFLOW_LAKE__URI": str(folder / "lake"),
        "INTENTFLOW_LAKE__DATA_DOCS": str(folder / "data_docs"),
        "INTENTFLOW_AIRFLOW__HOME": str(folder / "airflow"),
        "INTENTFLOW_AIRFLOW__PORT": str(free_port()),
        "INTENTFLOW_SOURCE__FIRST_DAY": "2017-10-02",
        "INTENTFLOW_SOURCE__PSEUDONYM_KEY": str(folder / "key"),
        "INTENTFLOW_INFERENCE__SHARDS": str(SHARDS),
        # One user a chunk, so that there is something to lose; two personas, so that it does not take for ever.
        "INTENTFLOW_INFERENCE__CHUNK_USERS": "1",
        "INTENTFLOW_INFERENCE__PERSONAS": "2",
        "INTENTFLOW_EXPLANATIONS__TAGS": str(EXPLAINED_TAGS),
        # Whatever judge is shipped, and whatever it is worth.
        "INTENTFLOW_JUDGE__SAMPLE_USERS": str(JUDGED_USERS),
        "INTENTFLOW_JUDGE__WITHOUT_STANDING": "true",
        "JAVA_HOME": str(java_home()),
    }


class RunningAirflow:
    """``make ui``: started by ``begin``, ended by its kill or by ``end``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = settings_below(folder)
        self.lake = Lake.open(folder / "lake")
        self.data_docs = folder / "data_docs"
        self.passwords = folder / "airflow" / "simple_auth_manager_passwords.json.generated"
        self.said: list[str] = []

    def begin(self) -> None:
        """Start it and wait until it says that it is ready."""
        self.launcher = subprocess.Popen(
            [sys.executable, "-m", "launcher", "ui"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.launcher.stdout
        while not self.said or READY not in self.said[-1]:
            line = self.launcher.stdout.readline()
            assert line, "".join(self.said)
            self.said.append(line)

    def end(self) -> None:
        """As Ctrl-C; nothing when it has ended already."""
        self.launcher.terminate()
        self.launcher.communicate(timeout=HANGS)

    @property
    def address(self) -> str:
        return self.said[0].split()[3]

    def rest(self) -> Rest:
        """A client of the administrator's."""
        return Rest(self.address, self.passwords)

    def processes(self) -> list[psutil.Process]:
        """Everything that the launcher has started and that still runs."""
        children: list[psutil.Process] = psutil.Process(self.launcher.pid).children(recursive=True)
        return children

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """``make run`` beside it."""
        command = [sys.executable, "-m", "launcher", "run", "--day", DAY, "--users", str(USERS), *options]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=HANGS, check=False
        )

    def command(self, module: str, *arguments: str) -> dict[str, Any]:
        """Run a command that must succeed, as a person would; returns its manifest."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=HANGS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{module} left with {done.returncode}:\n{done.stderr[-3000:]}"
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    def row(self) -> dict[str, Any]:
        """The published day's row."""
        return dict(tables.read(self.lake, days.TABLE, DAY).to_pylist()[0])

    def figures(self) -> dict[str, float]:
        """What the published day says of itself."""
        return {figure["name"]: figure["value"] for figure in self.row()["figures"]}


def working_for(lake: Lake) -> list[psutil.Process]:
    """Processes, whosever children they are, whose settings name this lake."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("INTENTFLOW_LAKE__URI") == lake.root
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue  # It has just ended, or it runs with rights that nothing of ours has.
        if ours:
            found.append(process)
    return found

"""What these tests share: the one Airflow, and a refresh as a row of commands without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lake.store.location import Lake
from launcher.java import java_home
from tests.end_to_end.airflow import RunningAirflow

ROOT = Path(__file__).resolve().parents[2]
RECORDER = Path(__file__).with_name("recorder")
TIMEOUT = 900


@dataclass
class Commands:
    """Runs the project's commands on a lake of its own, as a task or a person would.

    Args:
        code: the folder of the code, this repository or a copy.
        record: where each command's imports are noted, in a file of its module's name; nowhere by default.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    code: Path = ROOT
    record: Path | None = None

    @property
    def lake(self) -> Lake:
        return Lake.open(self.folder / "lake")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "JAVA_HOME": str(java_home()),
            "INTENTFLOW_LAKE__URI": self.lake.root,
            "INTENTFLOW_LAKE__DATA_DOCS": str(self.folder / "data_docs"),
            "INTENTFLOW_SOURCE__PSEUDONYM_KEY": str(self.folder / "key"),
            # Whoever wants captions says so: they cost an engine some seconds.
            "INTENTFLOW_EXPLANATIONS__TAGS": "0",
            **{f"INTENTFLOW_{name}": value for name, value in self.settings.items()},
        }

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        environment = self.environment
        if self.record:
            environment |= {"RECORDED_IMPORTS": str(self.record / module), "PYTHONPATH": str(RECORDER)}
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.code,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def attempt(self, module: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run a command; returns its exit code, its manifest (empty without one) and what it said."""
        process = self.start(module, *arguments)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
        lines = stdout.strip().splitlines()
        return process.returncode, json.loads(lines[-1]) if lines and process.returncode == 0 else {}, stderr

    def run(self, module: str, *arguments: str) -> dict[str, Any]:
        """Run a command that must succeed; returns its manifest."""
        code, manifest, said = self.attempt(module, *arguments)
        assert code == 0, f"{module} left with {code}:\n{said[-3000:]}"
        return manifest

    def publish(self, batches: Sequence[str]) -> None:
        """Audit and publish, as the task after a step does."""
        if batches:
            self.run("lake.audit", "--publish", *(part for batch in batches for part in ("--batch", batch)))

    def land(self, first: str, last: str, *options: str) -> dict[str, Any]:
        manifest = self.run("spark_jobs.land", "--from", first, "--to", last, *options)
        self.publish(manifest["batches"])
        return manifest

    def compress(self, day: str) -> None:
        self.publish(self.run("spark_jobs.roll_up", "--day", day)["batches"])
        signals = self.run("spark_jobs.signals", "--day", day)["batches"]
        self.publish(signals + self.run("spark_jobs.compress", "--day", day)["batches"])

    def infer(self, day: str) -> dict[str, Any]:
        self.run("model_steps.embed", "--day", day)
        manifest = self.run("model_steps.infer", "--day", day, "--shard", "1/1")
        self.publish(manifest["batches"])
        return manifest

    def refresh(self, first: str, day: str) -> dict[str, Any]:
        """Land from first to day, and everything after it for the day; returns the manifest of the published day."""
        self.land(first, day)
        self.compress(day)
        release = self.infer(day)["release"]
        return self.run("lake.publish_day", "--day", day, "--release", release)


def _commands_below(folder: Path) -> Callable[..., Commands]:
    def make(name: str, **settings: str) -> Commands:
        (folder / name).mkdir()
        return Commands(folder / name, settings)

    return make


@pytest.fixture(scope="session")
def make_commands() -> Callable[[Path], Callable[..., Commands]]:
    """``commands`` for a folder of one's own, for fixtures that live longer than a test."""
    return _commands_below


@pytest.fixture
def commands(tmp_path: Path) -> Callable[..., Commands]:
    """Makes ``Commands`` on a fresh folder: ``commands("name", SECTION__NAME=value, ...)``."""
    return _commands_below(tmp_path)


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """Airflow, started once for all tests that need it; one of them ends it."""
    found = RunningAirflow(tmp_path_factory.mktemp("airflow"))
    try:
        found.begin()
        yield found
    finally:
        found.end()

"""One day on the real Airflow scheduler: Spark, the audits, the model on vLLM, three shards, one of them killed.

A month of the demo log, six users. It takes minutes, so one run serves all tests of this file.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from launcher.java import java_home
from schemas import answers, behaviors, contexts, days, failures, intents
from schemas.registry import TABLES

ROOT = Path(__file__).resolve().parents[2]
DAY = "2017-11-01"
USERS, SHARDS, TAGS = 6, 3, 10
VICTIM = "2/3"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _inference_of(shard: str, lake: Lake) -> list[psutil.Process]:
    """Processes that infer this shard for this lake."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if "model_steps.infer" in line and shard in line and process.environ()["INTENTFLOW_LAKE__URI"] == lake.root:
                found.append(process)
        except (psutil.Error, KeyError):
            continue
    return found


class Killer(threading.Thread):
    """Waits until a shard has answers in the lake and is still at work, then kills its process with SIGKILL."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(daemon=True)
        self.lake = lake
        self.finished = threading.Event()
        self.answered: set[str] = set()
        self.killed = False

    def run(self) -> None:
        known: set[str] = set()
        while not self.finished.wait(0.2):
            victims = _inference_of(VICTIM, self.lake)
            now = set(tables.read(self.lake, answers.TABLE, columns=["key"])["key"].to_pylist())
            if not victims:
                known = now
            elif now - known:
                victims[0].send_signal(signal.SIGKILL)
                self.answered, self.killed = now, True
                return


class Refresh:
    """A run of ``make run``'s command with settings of its own."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake.open(folder / "lake")
        self.environment = {
            **os.environ,
            "INTENTFLOW_LAKE__URI": self.lake.root,
            "INTENTFLOW_LAKE__DATA_DOCS": str(folder / "data_docs"),
            "INTENTFLOW_AIRFLOW__HOME": str(folder / "airflow"),
            "INTENTFLOW_AIRFLOW__PORT": str(_free_port()),
            "INTENTFLOW_SOURCE__FIRST_DAY": "2017-10-02",
            "INTENTFLOW_SOURCE__PSEUDONYM_KEY": str(folder / "key"),
            "INTENTFLOW_INFERENCE__SHARDS": str(SHARDS),
            # One user a chunk, so that there is something to lose; two personas, so that it does not take for ever.
            "INTENTFLOW_INFERENCE__CHUNK_USERS": "1",
            "INTENTFLOW_INFERENCE__PERSONAS": "2",
            "JAVA_HOME": str(java_home()),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "launcher", "run", "--day", DAY, "--users", str(USERS), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=1500, check=False
        )

    def figures(self) -> dict[str, float]:
        row = tables.read(self.lake, days.TABLE, DAY).to_pylist()[0]
        return {figure["name"]: figure["value"] for figure in row["figures"]}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Refresh, Killer, Any]:
    refresh = Refresh(tmp_path_factory.mktemp("end_to_end"))
    killer = Killer(refresh.lake)
    killer.start()
    outcome = refresh.run()
    killer.finished.set()
    killer.join()
    print(outcome.stdout[-6000:], outcome.stderr[-3000:])
    return refresh, killer, outcome


def test_the_run_succeeds_and_shows_the_day(refreshed: tuple[Refresh, Killer, Any]) -> None:
    _, _, outcome = refreshed
    assert outcome.returncode == 0
    assert "User " in outcome.stdout
    assert "publish_day" in outcome.stdout


def test_every_user_has_ten_distinct_ranked_tags(refreshed: tuple[Refresh, Killer, Any]) -> None:
    refresh = refreshed[0]
    rows = read_day(refresh.lake, intents.TABLE, DAY).to_pylist()
    failed = read_day(refresh.lake, failures.TABLE, DAY).num_rows
    users = {row["user_id"] for row in rows}
    assert len(users) + failed == USERS
    assert failed <= 1
    for user in users:
        own = [row for row in rows if row["user_id"] == user]
        assert [row["rank"] for row in own] == list(range(1, TAGS + 1))
        assert len({row["tag"] for row in own}) == TAGS
        assert all(row[column] for row in own for column in ("persona", "category", "why", "release"))
    assert users <= set(read_day(refresh.lake, contexts.TABLE, DAY)["user_id"].to_pylist())
    assert max(read_day(refresh.lake, behaviors.TABLE, DAY)["day"].to_pylist()) == DAY


def test_the_killed_shard_resumed_without_asking_again(refreshed: tuple[Refresh, Killer, Any]) -> None:
    refresh, killer, _ = refreshed
    assert killer.killed, "the shard was never seen at work with answers in the lake"
    keys = tables.read(refresh.lake, answers.TABLE)["key"].to_pylist()
    assert killer.answered < set(keys)
    assert max(Counter(keys).values()) == 1
    # What was answered before the kill was answered by cache afterwards: the last attempts asked for the rest only.
    figures = refresh.figures()
    assert figures["infer.shard.cached_answers"] > 0
    assert figures["infer.shard.model_calls"] < len(keys)


def test_nothing_is_left_running(refreshed: tuple[Refresh, Killer, Any]) -> None:
    refresh = refreshed[0]
    left = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if process.environ().get("INTENTFLOW_LAKE__URI") == refresh.lake.root:
                left.append(process.info["cmdline"])
        except psutil.Error:
            continue
    assert left == []


def test_a_second_run_asks_the_model_nothing_and_changes_nothing(refreshed: tuple[Refresh, Killer, Any]) -> None:
    refresh = refreshed[0]
    before = _versions(refresh.lake)
    outcome = refresh.run()
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    assert _versions(refresh.lake) == before


def _versions(lake: Lake) -> dict[str, int | None]:
    return {name: tables.version(lake, table) for name, table in TABLES.items()}

"""One day on the real Airflow scheduler: Spark, the audits, the model on vLLM, two shards, one of them killed.

A month of the demo log, four users. It takes minutes, so one run serves all tests of this file.
"""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from dataclasses import dataclass

import psutil
import pytest

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from schemas import answers, behaviors, contexts, failures, intents
from schemas.registry import TABLES
from tests.end_to_end.airflow import DAY, SHARDS, TAGS, USERS, RunningAirflow, working_for

VICTIM = f"{SHARDS}/{SHARDS}"


def commands_of(lake: Lake, module: str, *arguments: str) -> list[psutil.Process]:
    """Processes that run a command, or any of a room, for this lake."""
    found = []
    for process in working_for(lake):
        try:
            line = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # It has just ended.
        if any(word.startswith(module) for word in line) and set(arguments) <= set(line):
            found.append(process)
    return found


class Killer(threading.Thread):
    """Waits until a shard has answers in the lake and is still at work, then kills its process with SIGKILL."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(daemon=True)
        self.lake = lake
        self.finished = threading.Event()
        self.answered: set[str] = set()
        self.killed = False
        self.mistake: BaseException | None = None

    def run(self) -> None:
        try:
            self._watch()
        except BaseException as mistake:  # It would end in this thread and be seen by nobody.
            self.mistake = mistake

    def _watch(self) -> None:
        known: set[str] = set()
        while not self.finished.wait(0.2):
            victims = commands_of(self.lake, "model_steps.infer", VICTIM)
            now = set(tables.read(self.lake, answers.TABLE, columns=["key"])["key"].to_pylist())
            if not victims:
                known = now
            elif now - known:
                victims[0].kill()
                self.answered, self.killed = now, True
                return


@dataclass
class Refreshed:
    """A run that has ended, and what became of its shard."""

    airflow: RunningAirflow
    killer: Killer
    outcome: subprocess.CompletedProcess[str]

    @property
    def lake(self) -> Lake:
        return self.airflow.lake


@pytest.fixture(scope="module")
def refreshed(airflow: RunningAirflow) -> Refreshed:
    killer = Killer(airflow.lake)
    killer.start()
    outcome = airflow.run()
    killer.finished.set()
    killer.join()
    print(outcome.stdout[-6000:], outcome.stderr[-3000:])
    return Refreshed(airflow, killer, outcome)


def test_the_run_succeeds_and_shows_the_day(refreshed: Refreshed) -> None:
    assert refreshed.outcome.returncode == 0
    assert f"Using the Airflow of `make ui` at {refreshed.airflow.address}" in refreshed.outcome.stdout
    assert "User " in refreshed.outcome.stdout
    assert "publish_day" in refreshed.outcome.stdout


def test_every_user_has_ten_distinct_ranked_tags(refreshed: Refreshed) -> None:
    rows = read_day(refreshed.lake, intents.TABLE, DAY).to_pylist()
    failed = read_day(refreshed.lake, failures.TABLE, DAY).num_rows
    users = {row["user_id"] for row in rows}
    assert len(users) + failed == USERS
    assert failed <= 1
    for user in users:
        tags = [row for row in rows if row["user_id"] == user]
        assert [row["rank"] for row in tags] == list(range(1, TAGS + 1))
        assert len({row["tag"] for row in tags}) == TAGS
        assert all(row[column] for row in tags for column in ("persona", "category", "why", "release"))
    assert users <= set(read_day(refreshed.lake, contexts.TABLE, DAY)["user_id"].to_pylist())
    assert max(read_day(refreshed.lake, behaviors.TABLE, DAY)["day"].to_pylist()) == DAY


def test_the_killed_shard_resumed_without_asking_again(refreshed: Refreshed) -> None:
    assert refreshed.killer.mistake is None
    assert refreshed.killer.killed, "the shard was never seen at work with answers in the lake"
    keys = tables.read(refreshed.lake, answers.TABLE)["key"].to_pylist()
    assert refreshed.killer.answered < set(keys)
    assert max(Counter(keys).values()) == 1
    # What was answered before the kill was answered by cache afterwards: the last attempts asked for the rest only.
    figures = refreshed.airflow.figures()
    assert figures["infer.shard.cached_answers"] > 0
    assert figures["infer.shard.model_calls"] < len(keys)


def test_no_command_is_left_running(refreshed: Refreshed) -> None:
    left = [room for room in ("spark_jobs.", "model_steps.", "lake.") if commands_of(refreshed.lake, room)]
    assert left == []


def test_the_pages_of_its_audits_are_shown(refreshed: Refreshed) -> None:
    airflow = refreshed.airflow
    rest = airflow.rest()
    rest._call("GET", "/plugins")
    index = rest._client.get("/data-docs/index.html")
    assert index.status_code == 200
    pages = [
        path.relative_to(airflow.data_docs).as_posix()
        for path in airflow.data_docs.glob("validations/intents/**/*.html")
    ]
    assert pages
    for page in pages:
        assert page in index.text
        assert rest._client.get(f"/data-docs/{page}").status_code == 200


def test_a_second_run_asks_the_model_nothing_and_changes_nothing(refreshed: Refreshed) -> None:
    before = _versions(refreshed.lake)
    outcome = refreshed.airflow.run()
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    assert _versions(refreshed.lake) == before


def _versions(lake: Lake) -> dict[str, int | None]:
    return {name: tables.version(lake, table) for name, table in TABLES.items()}

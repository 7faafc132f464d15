"""One day on the real Airflow scheduler: Spark, the audits, the model on vLLM, two shards, one of them killed, a judge.

A month of the demo log, four users. It takes minutes, so one run serves all tests of this file.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass

import psutil
import pytest

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import answers, behaviors, caption_verdicts, contexts, explanations, failures, intents, items, verdicts
from schemas.registry import TABLES
from tests.end_to_end.airflow import (
    DAY,
    EXPLAINED_TAGS,
    JUDGED_USERS,
    SHARDS,
    TAGS,
    USERS,
    RunningAirflow,
    working_for,
)

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
    failed = read_day(refreshed.lake, failures.TABLE, DAY, filters=[("step", "=", "infer")]).num_rows
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


def test_best_tags_have_captions_that_the_run_ends_with(refreshed: Refreshed) -> None:
    rows = read_day(refreshed.lake, explanations.TABLE, DAY).to_pylist()
    lost = read_day(refreshed.lake, failures.TABLE, DAY, filters=[("step", "=", "explain")]).num_rows
    wanted = read_day(refreshed.lake, intents.TABLE, DAY).to_pylist()
    users = {row["user_id"] for row in wanted}
    assert 0 < len(rows) <= len(rows) + lost <= len(users) * EXPLAINED_TAGS
    catalog = {row["item_id"]: row["category"] for row in tables.read(refreshed.lake, items.TABLE).to_pylist()}
    tags = {(row["user_id"], row["rank"]): (row["tag"], row["category"]) for row in wanted}
    for row in rows:
        assert tags[row["user_id"], row["rank"]] == (row["tag"], catalog[row["item_id"]])
        assert row["caption"]
        assert row["style"]
    figures = refreshed.airflow.figures()
    assert figures["explanations"] == figures["infer.shard.explanations.captions"] == len(rows)
    assert figures["infer.shard.explanations.pairs_dropped"] == lost
    said = refreshed.outcome.stdout
    assert f"Explained: {len(rows)} captions, {lost} items without one; they added " in said
    shown = said.partition("Captions, ")[2]
    assert shown.count("    style: ") == min(3, len(rows))
    assert [row["caption"] for row in rows if f'"{row["caption"]}"' in shown]


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


def test_all_tags_of_some_users_were_judged(refreshed: Refreshed) -> None:
    rows = read_day(refreshed.lake, verdicts.TABLE, DAY).to_pylist()
    assert len({row["user_id"] for row in rows}) == JUDGED_USERS
    assert len(rows) == JUDGED_USERS * TAGS
    given = {
        (row["user_id"], row["rank"], row["tag"]) for row in read_day(refreshed.lake, intents.TABLE, DAY).to_pylist()
    }
    assert {(row["user_id"], row["rank"], row["tag"]) for row in rows} <= given
    assert refreshed.airflow.row()["judged"] == "yes"
    figures = refreshed.airflow.figures()
    assert (figures["judged_users"], figures["verdicts.outputs"]) == (JUDGED_USERS, JUDGED_USERS * TAGS)
    assert sum(figures[f"verdicts.{name}"] for name in ("superior", "average", "bad")) == pytest.approx(1, abs=1e-3)
    assert f"Judged: {JUDGED_USERS * TAGS} tags of {JUDGED_USERS} users" in refreshed.outcome.stdout
    pages = list(refreshed.airflow.data_docs.glob("validations/verdicts/**/*.html"))
    assert pages
    assert "Tiers of the last days" in pages[0].read_text(encoding="utf-8")


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


# --- last: from here on the day is another one


class JudgeKiller(threading.Thread):
    """Kills the judge of a run with SIGKILL as soon as it is at work."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(daemon=True)
        self.lake = lake
        self.finished = threading.Event()
        self.killed = False

    def run(self) -> None:
        while not self.finished.wait(0.1):
            for victim in commands_of(self.lake, "model_steps.judge_sample"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
                    self.killed = True
                    return


def test_captions_of_the_same_users_were_judged(refreshed: Refreshed) -> None:
    rows = read_day(refreshed.lake, caption_verdicts.TABLE, DAY).to_pylist()
    assert {row["user_id"] for row in rows} <= set(read_day(refreshed.lake, verdicts.TABLE, DAY)["user_id"].to_pylist())
    figures = refreshed.airflow.figures()
    assert figures["caption_verdicts.captions"] == len(rows) > 0
    assert figures["caption_verdicts.passing"] == pytest.approx(
        sum(row["passes"] for row in rows) / len(rows), abs=1e-3
    )


@pytest.fixture(scope="module")
def unjudged(refreshed: Refreshed) -> subprocess.CompletedProcess[str]:
    """A run with other users, so other intents, whose judge is killed; verdicts on the old are there."""
    killer = JudgeKiller(refreshed.lake)
    killer.start()
    outcome = refreshed.airflow.run("--users", str(USERS - 1))
    killer.finished.set()
    killer.join()
    print(outcome.stdout[-6000:], outcome.stderr[-3000:])
    assert killer.killed, "the judge was never seen at work"
    return outcome


def test_a_day_whose_judge_is_killed_is_published_and_says_so(
    refreshed: Refreshed, unjudged: subprocess.CompletedProcess[str]
) -> None:
    assert unjudged.returncode == 0
    assert [line for line in unjudged.stdout.splitlines() if "judge.sample" in line and "FAILED" in line]
    assert "Judged: no: the task judge.sample failed or was ended" in unjudged.stdout
    users = set(read_day(refreshed.lake, intents.TABLE, DAY)["user_id"].to_pylist())
    assert USERS - 2 <= len(users) <= USERS - 1
    assert refreshed.airflow.row()["judged"].startswith("no: the task judge.sample failed")
    assert refreshed.airflow.figures()["judged_users"] == 0
    with pytest.raises(DataError, match="is published without verdicts"):
        read_day(refreshed.lake, verdicts.TABLE, DAY)


@pytest.mark.usefixtures("unjudged")
def test_a_later_verdict_is_pinned_to_the_day(refreshed: Refreshed) -> None:
    airflow = refreshed.airflow
    before = airflow.row()
    (batch,) = airflow.command("model_steps.judge_sample", "--day", DAY)["batches"]
    airflow.command("lake.audit", "--publish", "--batch", batch)
    assert airflow.command("lake.publish_day", "--day", DAY, "--verdicts")["judged"] == "yes"
    rows = read_day(refreshed.lake, verdicts.TABLE, DAY).to_pylist()
    assert len({row["user_id"] for row in rows}) == JUDGED_USERS
    after = airflow.row()
    assert [pin for pin in after["versions"] if pin["table"] != verdicts.TABLE.name] == before["versions"]
    assert airflow.figures()["judged_users"] == JUDGED_USERS


def _versions(lake: Lake) -> dict[str, int | None]:
    return {name: tables.version(lake, table) for name, table in TABLES.items()}

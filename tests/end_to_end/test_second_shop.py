"""A shop's own log, with clicks, carts and searches, from its files to intents, in two formats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lake.delta import tables
from lake.registry.days import read_day
from representation.context import from_row
from schemas import behaviors, contexts, entities, intents

ROOT = Path(__file__).resolve().parents[2]
FIRST, DAY = "2017-10-13", "2017-11-01"
USERS = 2


def test_from_files_to_intents_in_two_formats(tmp_path: Path, commands: Callable[..., Any]) -> None:
    shop = tmp_path / "shop"
    subprocess.run(
        [sys.executable, "examples/second_shop/generate.py", str(shop), "--days", "20", "--users", "12"],
        cwd=ROOT,
        check=True,
    )
    refreshed = commands(
        "second",
        SOURCE__NAME=str(shop / "csv.toml"),
        INFERENCE__USERS=str(USERS),
        INFERENCE__MINIMUM_EVENTS="5",
        INFERENCE__MINIMUM_ACTIVE_DAYS="2",
    )
    day = refreshed.refresh(FIRST, DAY)
    assert not day["empty"]

    rows = read_day(refreshed.lake, intents.TABLE, DAY).to_pylist()
    assert len({row["user_id"] for row in rows}) == USERS
    assert len(rows) == 10 * USERS

    known = {row["entity_id"]: row for row in tables.read(refreshed.lake, entities.TABLE).to_pylist()}
    shown = [
        (group.action, known[entry.entity_id]["kind"])
        for row in read_day(refreshed.lake, contexts.TABLE, DAY).to_pylist()
        for period in from_row(row).periods
        for group in period.actions
        for entry in group.entities
    ]
    assert ("search", "query") in shown
    assert {action for action, _ in shown} <= set(behaviors.RELIABLE_ACTIONS)
    assert {"view", "click"} <= set(read_day(refreshed.lake, behaviors.TABLE, DAY)["action"].to_pylist())

    # The same log as JSON Lines is other files with the same content: landed anew, and nothing after it is.
    refreshed.settings["SOURCE__NAME"] = str(shop / "jsonl.toml")
    assert refreshed.land(FIRST, DAY)["days"] == 20
    assert refreshed.run("spark_jobs.roll_up", "--day", DAY)["batches"] == []
    assert refreshed.run("spark_jobs.compress", "--day", DAY)["reused"]
    refreshed.publish(refreshed.run("spark_jobs.signals", "--day", DAY)["batches"])
    again = refreshed.infer(DAY)
    assert again["reused"]
    published = refreshed.run("lake.publish_day", "--day", DAY, "--release", again["release"])
    assert published["fingerprint"] == day["fingerprint"]
    assert read_day(refreshed.lake, intents.TABLE, DAY).to_pylist() == rows

"""Days refreshed oldest first, newest first, or at once: the same tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lake import tables
from schemas import contexts, intents, rollups, signals

FIRST, LAST_BEFORE = "2017-10-09", "2017-10-31"
DAYS = ("2017-11-01", "2017-11-02", "2017-11-03")
TABLES = (rollups.TABLE, signals.TABLE, contexts.TABLE, intents.TABLE)


class Backfill:
    """A lake with the history landed, whose days are then refreshed in some order."""

    def __init__(self, make: Callable[..., Any], name: str) -> None:
        self.commands = make(
            name, INFERENCE__USERS="3", INFERENCE__PERSONAS="2", INFERENCE__MINIMUM_EVENTS="5", ENGINE__THREADS="1"
        )

    def copy(self, history: Backfill) -> Backfill:
        shutil.copytree(history.commands.folder, self.commands.folder, dirs_exist_ok=True)
        return self

    def day(self, day: str) -> None:
        """What a run of ``daily_refresh`` does."""
        self.commands.land(day, day)
        self.commands.compress(day)
        release = self.commands.infer(day)["release"]
        self.commands.run("lake.publish_day", "--day", day, "--release", release)

    def content(self) -> dict[str, Any]:
        return {
            f"{table.name} {day}": tables.read(self.commands.lake, table, day).to_pylist()
            for table in TABLES
            for day in DAYS
        }


@pytest.mark.proof
def test_order_and_parallelism_do_not_change_content(commands: Callable[..., Any], tmp_path: Path) -> None:
    history = Backfill(commands, "history")
    history.commands.land(FIRST, LAST_BEFORE)
    forward, backward, at_once = (Backfill(commands, name).copy(history) for name in ("forward", "backward", "at_once"))
    for day in DAYS:
        forward.day(day)
    for day in reversed(DAYS):
        backward.day(day)
    with ThreadPoolExecutor(len(DAYS)) as pool:
        list(pool.map(at_once.day, DAYS))

    expected = forward.content()
    assert all(expected[f"intents {day}"] for day in DAYS)
    for name, rows in expected.items():
        assert backward.content()[name] == rows, f"{name} differs when the newest day is refreshed first"
        assert at_once.content()[name] == rows, f"{name} differs when the days are refreshed at once"

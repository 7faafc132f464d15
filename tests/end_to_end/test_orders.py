"""Days refreshed oldest first, newest first, or at once: the same tables.

Minutes long, so not a part of ``make test``: ``make prove-orders`` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lake import tables
from schemas import contexts, intents, rollups, signals

DAYS = ("2017-11-01", "2017-11-02", "2017-11-03")
# The same pseudonyms in all lakes.
KEY = b"k" * 32
TABLES = (rollups.TABLE, signals.TABLE, contexts.TABLE, intents.TABLE)


class Backfill:
    """An empty lake, whose days are refreshed in some order."""

    def __init__(self, make: Callable[..., Any], name: str) -> None:
        self.commands = make(
            name,
            SOURCE__FIRST_DAY="2017-10-09",
            INFERENCE__USERS="3",
            INFERENCE__PERSONAS="2",
            INFERENCE__MINIMUM_EVENTS="5",
            ENGINE__THREADS="1",
        )
        (self.commands.folder / "key").write_bytes(KEY)

    def day(self, day: str) -> None:
        """What a run of ``daily_refresh`` does."""
        self.commands.land(day, day, "--with-earlier-days")
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
def test_order_and_parallelism_do_not_change_content(commands: Callable[..., Any]) -> None:
    forward, backward, at_once = (Backfill(commands, name) for name in ("forward", "backward", "at_once"))
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

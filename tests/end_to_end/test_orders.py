"""Days refreshed oldest first, newest first, or at once: the same tables.

Minutes long, so not a part of ``make test``: ``make prove-orders`` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables
from schemas import days
from schemas.registry import TABLES

DAYS = ("2017-11-01", "2017-11-02", "2017-11-03")
# The same pseudonyms in all lakes.
KEY = b"k" * 32
# Tables that say by whose work a row came, or in which order, are left out.
COMPARED = [table for name, table in TABLES.items() if name not in ("answers", "days", "entity_vectors", "holdout")]


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
        found = {table.name: _rows(tables.read(self.commands.lake, table)) for table in COMPARED}
        published = tables.read(self.commands.lake, days.TABLE, columns=["day", "fingerprint", "history"])
        return {**found, "days": _rows(published)}


def _rows(found: pa.Table) -> list[str]:
    """Rows whatever their order."""
    return sorted(map(str, found.to_pylist()))


@pytest.mark.proof
def test_order_and_parallelism_do_not_change_content(commands: Callable[..., Any]) -> None:
    forward, backward, at_once = (Backfill(commands, name) for name in ("forward", "backward", "at_once"))
    for day in DAYS:
        forward.day(day)
    for day in reversed(DAYS):
        backward.day(day)
    with ThreadPoolExecutor(len(DAYS)) as pool:
        list(pool.map(at_once.day, DAYS))

    expected, *others = forward.content(), backward.content(), at_once.content()
    assert len(expected["intents"]) == 3 * 10 * len(DAYS)
    for order, found in zip(("newest first", "at once"), others, strict=True):
        for name, rows in expected.items():
            assert found[name] == rows, f"{name} differs when the days are refreshed {order}"

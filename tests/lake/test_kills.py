"""A publisher that is killed at any moment: readers see the old day or the new one, and the next run ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lake.delta import tables
from lake.store.location import Lake
from schemas import rollups
from tests.lake.killed import publish_day

ROOT = Path(__file__).resolve().parents[2]
KILLED = Path(__file__).with_name("killed.py")
DAY = "2017-11-01"


def publish_and_die(lake: Lake, moment: int, user: str) -> bool:
    """Whether the publisher was killed; it had fewer moments otherwise, and ended well."""
    command = [sys.executable, str(KILLED), lake.root, str(moment), DAY, user]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def users(lake: Lake) -> list[str]:
    return [str(user) for user in tables.read(lake, rollups.TABLE, DAY)["user_id"].to_pylist()]


@pytest.mark.parametrize("there_before", [False, True], ids=["empty day", "published day"])
def test_killed_at_any_moment_the_day_is_whole_and_the_next_run_ends_it(lake: Lake, there_before: bool) -> None:
    before: list[str] = []
    if there_before:
        publish_day(lake, DAY, "first")
        before = ["first"]
    new_day_was_seen = []
    moment = 1
    while publish_and_die(lake, moment, user := f"user{moment}"):
        found = users(lake)
        assert found in (before, [user]), f"killed at moment {moment}"
        new_day_was_seen.append(found == [user])
        publish_day(lake, DAY, user)
        assert users(lake) == [user]
        before, moment = [user], moment + 1
    # Of many moments only the last comes after the commit.
    assert len(new_day_was_seen) > 5
    assert new_day_was_seen == [False] * (moment - 2) + [True]

"""A frozen holdout stays what it is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from evaluation.freeze import freeze
from evaluation.holdout import digest_of, freeze_day, read_frozen
from lake.delta import tables, writing
from lake.registry.splits import Registry
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing, UsageError
from schemas import holdout

ROOT = Path(__file__).resolve().parents[2]
DAY = "2017-03-10"
DAYS = ("2017-03-09", "2017-03-10", "2017-03-11", "2017-03-12", "2017-03-13")
Land = Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]

USERS = [f"user{number}" for number in range(20)]
LOG = [("ann", "2017-03-09T10:00:00", "purchase", "eggs")]
for _user in USERS:
    LOG += [(_user, "2017-03-10T10:00:00", "purchase", "milk"), (_user, "2017-03-12T10:00:00", "purchase", "eggs")]
HELD = [user for user in USERS if Registry().split_of(user) == "holdout"]


@pytest.fixture
def landed(land: Land) -> Lake:
    return land(LOG, DAYS)


def test_what_is_frozen_are_the_held_out_users_outcomes(landed: Lake, small: Registry) -> None:
    manifest = freeze(landed, small)
    rows = read_frozen(landed, small, DAY).to_pylist()
    assert [row["user_id"] for row in rows] == sorted(HELD)
    assert {tuple(row["new_categories"]) for row in rows} == {("eggs",)}
    assert {row["outcomes_until"] for row in rows} == {"2017-03-14"}
    assert (manifest["days"][0]["users"], manifest["days"][0]["new"], manifest["waiting"]) == (len(HELD), True, [])


def test_a_second_run_finds_it_frozen(landed: Lake, small: Registry) -> None:
    first = freeze(landed, small)
    version = tables.version(landed, holdout.TABLE)
    again = freeze(landed, small)
    assert (again["rule_new"], again["days"]) == (False, [{**first["days"][0], "new": False}])
    assert tables.version(landed, holdout.TABLE) == version


def test_a_log_that_changes_later_changes_nothing(landed: Lake, land: Land, small: Registry) -> None:
    freeze(landed, small)
    before = read_frozen(landed, small, DAY)
    land([(user, at, action, "milk") for user, at, action, _ in LOG], DAYS)
    assert freeze(landed, small)["days"][0]["new"] is False
    assert read_frozen(landed, small, DAY).equals(before)


def test_another_rule_is_refused(landed: Lake, small: Registry) -> None:
    freeze(landed, small)
    with pytest.raises(DataError, match="a frozen rule does not change"):
        freeze(landed, replace(small, holdout=0.5))


def test_rows_that_are_not_those_frozen_are_refused(landed: Lake, small: Registry) -> None:
    freeze(landed, small)
    row = {**read_frozen(landed, small, DAY).to_pylist()[0], "user_id": "intruder"}
    writing.insert_new(landed, holdout.TABLE, pa.Table.from_pylist([row], holdout.TABLE.schema))
    with pytest.raises(DataError, match="other rows of 2017-03-10"):
        read_frozen(landed, small, DAY)
    with pytest.raises(DataError, match="other rows of 2017-03-10"):
        freeze(landed, small)


def test_killed_between_digest_and_rows_it_goes_on(landed: Lake, small: Registry) -> None:
    freeze(landed, small)
    rows = read_frozen(landed, small, DAY)
    shutil.rmtree(Path(landed.root, holdout.TABLE.name))
    with pytest.raises(DataError, match="other rows"):
        read_frozen(landed, small, DAY)
    assert freeze_day(landed, small, DAY)["new"] is False
    assert digest_of(read_frozen(landed, small, DAY)) == digest_of(rows)


def test_racing_writers_freeze_one_and_the_same(landed: Lake, small: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: freeze(landed, small), range(4)))
    assert len({one["days"][0]["digest"] for one in found}) == 1
    assert sum(one["rule_new"] for one in found) == 1
    assert read_frozen(landed, small, DAY).num_rows == len(HELD)


def test_a_day_waits_until_its_outcomes_are_landed(land: Land, small: Registry) -> None:
    lake = land(LOG, DAYS[:-1])
    assert freeze(lake, small)["waiting"] == [DAY]
    with pytest.raises(SourceMissing, match=r"1 of these days are not landed .*2017-03-13 first"):
        freeze(lake, small, (DAY,))
    with pytest.raises(SourceMissing, match="is not frozen"):
        read_frozen(lake, small, DAY)


def test_only_evaluation_days_are_frozen(landed: Lake, small: Registry) -> None:
    with pytest.raises(UsageError, match="2017-03-11 is no evaluation day; they are 2017-03-10"):
        freeze(landed, small, ("2017-03-11",))


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evaluation.freeze", "--lake", str(tmp_path / "lake")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    manifest = json.loads(done.stdout.splitlines()[-1])
    assert (manifest["rule"], manifest["waiting"]) == (Registry().digest, list(Registry().days))

"""A frozen holdout stays what it is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest

from evaluation.freeze import freeze
from evaluation.holdout import digest_of, freeze_day, read_frozen
from lake.delta import tables, writing
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import holdout
from settings import SourceSettings
from tests.evaluation.conftest import SMALL

ROOT = Path(__file__).resolve().parents[2]
DAY = "2017-03-10"
DAYS = ("2017-03-09", "2017-03-10", "2017-03-11", "2017-03-12", "2017-03-13")
Land = Callable[[Sequence[tuple[str, str, str, str]], Sequence[str]], Lake]

USERS = [f"user{number}" for number in range(20)]
LOG = [("ann", "2017-03-09T10:00:00", "purchase", "eggs")]
for _user in USERS:
    LOG += [(_user, "2017-03-10T10:00:00", "purchase", "milk"), (_user, "2017-03-12T10:00:00", "purchase", "eggs")]
HELD = [user for user in USERS if SMALL.split_of(user) == "holdout"]


@pytest.fixture
def landed(land: Land) -> Lake:
    return land(LOG, DAYS)


def test_what_is_frozen_are_the_held_out_users_outcomes(landed: Lake, small: SplitRule) -> None:
    manifest = freeze(landed, small)
    rows = read_frozen(landed, small, DAY).to_pylist()
    assert [row["user_id"] for row in rows] == sorted(HELD)
    assert {tuple(row["new_categories"]) for row in rows} == {("eggs",)}
    assert {row["outcomes_until"] for row in rows} == {"2017-03-14"}
    assert (manifest["days"][0]["users"], manifest["days"][0]["new"], manifest["waiting"]) == (len(HELD), True, [])


def test_a_second_run_finds_it_frozen(landed: Lake, small: SplitRule) -> None:
    first = freeze(landed, small)
    version = tables.version(landed, holdout.TABLE)
    again = freeze(landed, small)
    assert (again["rule_new"], again["days"]) == (False, [{**first["days"][0], "new": False}])
    assert tables.version(landed, holdout.TABLE) == version


def test_a_log_that_changes_later_changes_nothing(landed: Lake, land: Land, small: SplitRule) -> None:
    freeze(landed, small)
    before = read_frozen(landed, small, DAY)
    land([(user, at, action, "eggs" if user == "ann" else "milk") for user, at, action, _ in LOG], DAYS)
    assert freeze(landed, small)["days"][0]["new"] is False
    assert read_frozen(landed, small, DAY).equals(before)


def test_a_catalog_with_other_names_than_were_frozen_is_refused(landed: Lake, land: Land, small: SplitRule) -> None:
    freeze(landed, small)
    land([(user, at, action, f"fresh {category}") for user, at, action, category in LOG], DAYS)
    with pytest.raises(DataError) as refused:
        read_frozen(landed, small, DAY)
    assert f"Of the {len(HELD)} outcomes that were frozen for {DAY}" in str(refused.value)
    assert "its catalog no longer has ('eggs' is one)" in str(refused.value)
    assert "INTENTFLOW_SOURCE__READABLE_LABELS=false" in str(refused.value)


def test_a_category_in_a_hundred_may_leave_the_catalog(land: Land, small: SplitRule) -> None:
    many = [(user, "2017-03-12T10:00:00", "purchase", f"thing {n}") for user in HELD for n in range(120)]
    lake = land([*LOG, *many], DAYS)
    freeze(lake, small)
    kept = [row for row in [*LOG, *many] if row[3] != "thing 7"]
    land(kept, DAYS)
    assert read_frozen(lake, small, DAY).num_rows == len(HELD)
    land([row for row in kept if row[3] != "thing 8"], DAYS)
    with pytest.raises(DataError, match="landed with other names since"):
        read_frozen(lake, small, DAY)


def test_another_rule_is_refused(landed: Lake, small: SplitRule) -> None:
    freeze(landed, small)
    with pytest.raises(DataError, match="a frozen rule does not change"):
        freeze(landed, replace(small, holdout=0.5))


def before_days_were_apart(lake: Lake, rule: SplitRule) -> str:
    """Name rule and day as lakes of before have them, days and all; returns that name."""
    former = digest(asdict(rule))
    document = {"digest": former, "rule": {**asdict(rule), "days": list(rule.days)}}
    objects.put(lake, "_holdout/registry.json", document)
    for day in rule.days:
        frozen = objects.get(lake, f"_holdout/{day}.json") or {}
        objects.put(lake, f"_holdout/{day}.json", {**frozen, "rule": former})
    return former


def test_a_lake_of_before_is_read_on_and_takes_a_later_day(landed: Lake, small: SplitRule) -> None:
    freeze(landed, small)
    former = before_days_were_apart(landed, small)
    documents = [Path(landed.root, "_holdout", name) for name in ("registry.json", f"{DAY}.json")]
    before, rows = [path.read_bytes() for path in documents], read_frozen(landed, small, DAY)
    later = replace(small, days=(*small.days, "2017-03-11"))
    assert former not in (small.digest, later.digest)
    manifest = freeze(landed, later)
    assert [day["new"] for day in manifest["days"]] == [False]
    assert manifest["waiting"] == ["2017-03-11"]
    assert [path.read_bytes() for path in documents] == before
    assert read_frozen(landed, later, DAY).equals(rows)
    with pytest.raises(DataError, match="a frozen rule does not change"):
        freeze(landed, replace(small, holdout=0.5))
    with pytest.raises(DataError, match="was frozen under the rule"):
        read_frozen(landed, replace(small, holdout=0.5), DAY)


def test_a_later_day_is_added_and_leaves_the_frozen_ones(land: Land, small: SplitRule) -> None:
    lake = land(LOG, DAYS)
    first = freeze(lake, small)
    # The days after it, with the log that gives the frozen day as it was.
    land([*LOG, *((user, "2017-03-14T10:00:00", "purchase", "milk") for user in USERS)], [*DAYS, "2017-03-14"])
    later = replace(small, days=(*small.days, "2017-03-11"))
    manifest = freeze(lake, later)
    assert manifest["days"][0] == {**first["days"][0], "new": False}
    assert (manifest["days"][1]["day"], manifest["days"][1]["new"]) == ("2017-03-11", True)
    assert manifest["days"][1]["rule"] == first["days"][0]["rule"]
    assert read_frozen(lake, small, DAY).equals(read_frozen(lake, later, DAY))


@pytest.mark.parametrize("days", [("2017-03-09", DAY), ("2017-03-11",)])
@pytest.mark.parametrize("of_before", [False, True])
def test_the_first_day_stays_the_first(landed: Lake, small: SplitRule, days: tuple[str, ...], of_before: bool) -> None:
    """Models were trained until then: an earlier one would judge them on what they know, a later one lets more in."""
    freeze(landed, small)
    if of_before:
        before_days_were_apart(landed, small)
    with pytest.raises(DataError):
        freeze(landed, replace(small, days=days))


def test_rows_that_are_not_those_frozen_are_refused(landed: Lake, small: SplitRule) -> None:
    freeze(landed, small)
    row = {**read_frozen(landed, small, DAY).to_pylist()[0], "user_id": "intruder"}
    writing.insert_new(landed, holdout.TABLE, pa.Table.from_pylist([row], holdout.TABLE.schema))
    with pytest.raises(DataError, match="other rows of 2017-03-10"):
        read_frozen(landed, small, DAY)
    with pytest.raises(DataError, match="other rows of 2017-03-10"):
        freeze(landed, small)


def test_killed_between_digest_and_rows_it_goes_on(landed: Lake, small: SplitRule) -> None:
    freeze(landed, small)
    rows = read_frozen(landed, small, DAY)
    shutil.rmtree(Path(landed.root, holdout.TABLE.name))
    with pytest.raises(DataError, match="other rows"):
        read_frozen(landed, small, DAY)
    assert freeze_day(landed, small, DAY)["new"] is False
    assert digest_of(read_frozen(landed, small, DAY)) == digest_of(rows)


def test_racing_writers_freeze_one_and_the_same(landed: Lake, small: SplitRule) -> None:
    with ThreadPoolExecutor(4) as pool:
        manifests = list(pool.map(lambda _: freeze(landed, small), range(4)))
    assert len({manifest["days"][0]["digest"] for manifest in manifests}) == 1
    assert sum(manifest["rule_new"] for manifest in manifests) == 1
    assert read_frozen(landed, small, DAY).num_rows == len(HELD)


def test_a_day_waits_until_its_outcomes_are_landed(land: Land, small: SplitRule) -> None:
    lake = land(LOG, DAYS[:-1])
    assert freeze(lake, small)["waiting"] == [DAY]
    with pytest.raises(SourceMissing, match=r"1 of these days are not landed .*2017-03-13 first"):
        freeze(lake, small, (DAY,))
    with pytest.raises(SourceMissing, match="is not frozen"):
        read_frozen(lake, small, DAY)


def test_only_evaluation_days_are_frozen(landed: Lake, small: SplitRule) -> None:
    with pytest.raises(UsageError, match="2017-03-11 is no evaluation day; they are 2017-03-10"):
        freeze(landed, small, ("2017-03-11",))


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evaluation.freeze", "--lake", str(tmp_path / "lake")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    manifest = json.loads(done.stdout.splitlines()[-1])
    rule = read_rule(SourceSettings())
    assert (manifest["rule"], manifest["waiting"]) == (rule.digest, list(rule.days))

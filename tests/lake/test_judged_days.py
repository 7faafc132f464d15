"""A day is published with verdicts only where they are of its rows; without them it is published and says so."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.publish_day import DAY_TABLES, pin_verdicts, publish_day
from lake.registry import judged_days
from lake.registry.days import read_day
from lake.registry.judged_days import JUDGED_FROM, JudgedDay, contents_digest
from lake.store.location import Lake
from runtime.errors import DataError, Exit
from schemas import behaviors, days, intents, verdicts
from schemas.table import Table

DAY = "2017-11-01"
HALF = {"value": 0.5, "low": 0.2, "high": 0.8}
NONE = {"value": None, "low": None, "high": None}

PublishRows = Callable[..., Batch]
RunModule = Callable[..., subprocess.CompletedProcess[str]]


def note_of(contents: str, **changed: Any) -> JudgedDay:
    told: dict[str, Any] = {
        "contents": contents,
        "judge": "judge-1",
        "standing": "valid",
        "users": 2,
        "outputs": 4,
        "flagged": 1,
        "shares": {"S": HALF, "A": {"value": 0.0, "low": 0.0, "high": 0.3}, "B": HALF},
        "superior_corrected": {"value": 0.4, "low": 0.1, "high": 0.7},
        "not_estimable": None,
        "alarms": [],
    }
    return JudgedDay(**{**told, **changed})


def intent(user: str, tag: str) -> dict[str, Any]:
    named = {"category": "SOUP", "category_similarity": 1.0, "persona": "cook", "why": "soup", "expert": 1}
    return {"user_id": user, "rank": 1, "tag": tag, **named, "chosen_by": "probability", "release": "experts-1"}


def verdict(user: str) -> dict[str, Any]:
    own = {"item_id": f"tag-{user}", "user_id": user, "rank": 1, "tag": "soup", "category": "SOUP", "tier": "S"}
    rest = {"confidence": 0.9, "findings": [], "flags": [], "threshold": 0.75, "judge": "judge-1"}
    return {**own, **rest, "release": "experts-1"}


@pytest.fixture
def put(lake: Lake, make_batch: Callable[..., Batch], approve: Callable[..., list[Batch]]) -> PublishRows:
    """Publish rows of a table's day."""

    def add(table: Table, rows: list[dict[str, Any]], fingerprint: str = "work") -> Batch:
        values = " ".join("infer" if name == "step" else DAY for name in table.partition_by)
        batch = make_batch(
            {values: pa.Table.from_pylist(rows, table.file_schema)}, table=table, fingerprint=fingerprint
        )
        publish(lake, approve(batch))
        return batch

    return add


@pytest.fixture
def made(lake: Lake, put: PublishRows) -> Lake:
    """A day with all that is needed to publish it, two users' intents among it."""
    for table in DAY_TABLES:
        put(table, [intent("anna", "soup"), intent("bert", "tea")] if table is intents.TABLE else [])
    return lake


def contents(lake: Lake) -> str:
    return contents_digest({table.name: tables.partition_digest(lake, table, DAY) for table in JUDGED_FROM})


@pytest.fixture
def judge(made: Lake, put: PublishRows) -> Callable[..., Batch]:
    """Publish verdicts on the day as it is now."""

    def give(*users: str, fingerprint: str = "judged", **told: Any) -> Batch:
        now = contents(made)
        batch = put(verdicts.TABLE, [verdict(user) for user in users], fingerprint)
        judged_days.put(made, DAY, batch.partitions[0].files[0].path, note_of(now, **told))
        return batch

    return give


def row(lake: Lake) -> dict[str, Any]:
    (found,) = tables.read(lake, days.TABLE, DAY).to_pylist()
    found["figures"] = {figure["name"]: figure["value"] for figure in found["figures"]}
    found["pinned"] = {entry["table"] for entry in found["versions"]}
    return dict(found)


def test_verdicts_on_the_days_intents_are_pinned(made: Lake, judge: Callable[..., Batch]) -> None:
    judge("anna")
    manifest = publish_day(made, DAY, "experts-1", {"run.seconds": 9.0}, why_unjudged="the judge failed")
    assert manifest["judged"] == "yes", "verdicts of these intents stand, whatever became of this run's judge"
    found = row(made)
    assert found["judged"] == "yes"
    assert found["pinned"] == {table.name for table in DAY_TABLES} | {"verdicts"}
    assert {name: value for name, value in found["figures"].items() if name.startswith(("verdicts", "judged"))} == {
        "judged_users": 2.0,
        "verdicts.outputs": 4.0,
        "verdicts.flagged_outputs": 1.0,
        "verdicts.alarms": 0.0,
        "verdicts.superior": 0.5,
        "verdicts.superior_low": 0.2,
        "verdicts.superior_high": 0.8,
        "verdicts.average": 0.0,
        "verdicts.bad": 0.5,
        "verdicts.superior_corrected": 0.4,
        "verdicts.superior_corrected_low": 0.1,
        "verdicts.superior_corrected_high": 0.7,
    }
    assert read_day(made, verdicts.TABLE, DAY)["user_id"].to_pylist() == ["anna"]


def test_a_day_without_a_judge_is_published_and_says_why(made: Lake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "intentflow"):
        manifest = publish_day(made, DAY, "experts-1", {}, why_unjudged="the judge has no standing. It is old.")
    assert manifest["judged"] == row(made)["judged"] == "no: the judge has no standing. It is old"
    assert f"{DAY} is published without verdicts: the judge has no standing. It is old." in caplog.text
    assert manifest["figures"]["judged_users"] == 0
    assert not [name for name in manifest["figures"] if name.startswith("verdicts")]
    with pytest.raises(DataError, match=r"published without verdicts \(the judge has no standing"):
        read_day(made, verdicts.TABLE, DAY)
    with pytest.raises(DataError, match="is no part of a day"):
        read_day(made, days.TABLE, DAY)


def test_verdicts_of_other_intents_are_not_pinned(made: Lake, put: PublishRows, judge: Callable[..., Batch]) -> None:
    """The run after a judged one changed the intents, and its judge failed: the old verdicts are still there."""
    judge("anna")
    publish_day(made, DAY, "experts-1", {})
    put(intents.TABLE, [intent("anna", "soup"), intent("bert", "wine")], "rerun")
    manifest = publish_day(made, DAY, "experts-1", {})
    assert manifest["judged"] == "no: its verdicts are of other intents, contexts or signals than it has now"
    assert (manifest["figures"]["judged_users"], "verdicts" in row(made)["pinned"]) == (0, False)
    # Anna's intents are what they were; but her verdict is a sample of what the day no longer is.
    judge("anna", fingerprint="again")
    assert publish_day(made, DAY, "experts-1", {})["judged"] == "yes"


@pytest.mark.parametrize("table", JUDGED_FROM, ids=lambda table: str(table.name))
def test_verdicts_are_of_the_evidence_too(table: Table) -> None:
    digests: dict[str, str | None] = {each.name: "a" for each in JUDGED_FROM}
    assert contents_digest({**digests, table.name: "b"}) != contents_digest(digests)
    assert contents_digest({**digests, "behaviors": "b"}) == contents_digest(digests)


def test_verdicts_that_nobody_noted_anything_of_are_not_pinned(made: Lake, put: PublishRows) -> None:
    batch = put(verdicts.TABLE, [verdict("anna")], "by hand")
    assert publish_day(made, DAY, "experts-1", {})["judged"] == "no: nobody noted of which intents its verdicts are"
    # A note that is broken holds no day back either.
    place = Path(made.root, "_judged", DAY, f"{Path(batch.partitions[0].files[0].path).stem}.json")
    for broken in ("{", '{"contents": "x"}'):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(broken)
        assert publish_day(made, DAY, "experts-1", {})["judged"].startswith("no: nobody noted")


def test_a_later_verdict_is_pinned_and_all_else_stays(
    made: Lake, put: PublishRows, judge: Callable[..., Batch]
) -> None:
    publish_day(made, DAY, "experts-1", {"run.seconds": 9.0, "judge.sample.seconds": 3.0})
    before = row(made)
    with pytest.raises(DataError, match="for there are no verdicts on it: run `python -m model_steps"):
        pin_verdicts(made, DAY)
    judge("anna", "bert", superior_corrected=NONE, not_estimable="too few")
    # What was landed since is no part of the day as it was published.
    at = {"action": "purchase", "entity_id": "milk", "quantity": 1}
    late = pa.scalar(0, pa.timestamp("us", "UTC")).as_py()
    put(behaviors.TABLE, [{**at, "at": late, "user_id": "late"}], "later")
    manifest = pin_verdicts(made, DAY)
    assert (manifest["judged"], manifest["reused"], manifest["release"]) == ("yes", False, "experts-1")
    after = row(made)
    assert {key: after[key] for key in ("release", "history", "empty")} == {
        key: before[key] for key in ("release", "history", "empty")
    }
    assert [entry for entry in after["versions"] if entry["table"] != "verdicts"] == before["versions"]
    assert (after["figures"]["run.seconds"], after["figures"]["judged_users"]) == (9.0, 2.0)
    assert after["figures"]["judge.sample.seconds"] == 3.0
    assert "verdicts.superior_corrected" not in after["figures"]
    assert pin_verdicts(made, DAY)["reused"]


def test_a_refresh_of_what_was_pinned_later_changes_nothing(made: Lake, judge: Callable[..., Batch]) -> None:
    publish_day(made, DAY, "experts-1", {})
    judge("anna")
    pinned = pin_verdicts(made, DAY)
    again = publish_day(made, DAY, "experts-1", {})
    assert (again["reused"], again["fingerprint"]) == (True, pinned["fingerprint"])


def test_older_figures_of_verdicts_go_when_newer_ones_are_pinned(made: Lake, judge: Callable[..., Batch]) -> None:
    judge("anna")
    publish_day(made, DAY, "experts-1", {})
    judge("anna", "bert", fingerprint="newer", superior_corrected=NONE, not_estimable="too few", alarms=["S is 0."])
    figures = pin_verdicts(made, DAY)["figures"]
    assert figures["verdicts.alarms"] == 1
    assert "verdicts.superior_corrected" not in figures


def test_verdicts_of_other_intents_are_not_pinned_later(
    made: Lake, put: PublishRows, judge: Callable[..., Batch]
) -> None:
    publish_day(made, DAY, "experts-1", {})
    put(intents.TABLE, [intent("anna", "wine")], "rerun")
    judge("anna")
    with pytest.raises(DataError, match="are of other intents, contexts or signals"):
        pin_verdicts(made, DAY)
    with pytest.raises(DataError, match="is not published"):
        pin_verdicts(made, "2017-11-02")


def test_the_command_pins_and_asks_for_what_it_needs(
    made: Lake, judge: Callable[..., Batch], run_module: RunModule
) -> None:
    of_day = ("--lake", made.root, "--day", DAY)
    refused = run_module("lake.publish_day", *of_day)
    assert (refused.returncode, "--release is needed" in refused.stderr) == (Exit.USAGE, True)
    unjudged = run_module("lake.publish_day", *of_day, "--release", "experts-1", "--why-unjudged", "it hung")
    assert json.loads(unjudged.stdout)["judged"] == "no: it hung"
    judge("anna")
    pinned = run_module("lake.publish_day", *of_day, "--verdicts")
    assert json.loads(pinned.stdout)["judged"] == "yes", pinned.stderr

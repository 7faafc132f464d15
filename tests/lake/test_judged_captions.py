"""A day pins verdicts on its captions only where they are of its rows; tags' verdicts and these come and go apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lake.delta import tables
from lake.delta.staging import Batch
from lake.publish_day import DAY_TABLES, pin_verdicts, publish_day
from lake.registry import judged_captions
from lake.registry.days import read_day
from lake.registry.judged_captions import JUDGED_FROM, JudgedCaptions, contents_digest
from lake.registry.judged_days import Share
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost
from schemas import caption_verdicts, days, explanations
from tests.lake.test_explained_days import caption
from tests.lake.test_judged_days import DAY, HALF, NONE, PublishRows, judge, made, put, row

__all__ = ["judge", "made", "put"]
GiveVerdicts = Callable[..., Batch]


def verdict(user: str) -> dict[str, Any]:
    own = {"case_id": f"caption-{user}", "user_id": user, "item_id": "soup-1", "caption": "Time for soup again?"}
    return {**own, "tier": "A", "passes": True, "findings": [], "threshold": 0.7, "judge": "caption-judge-1"}


@pytest.fixture
def explained(made: Lake, put: PublishRows) -> Lake:
    """The day with two captions."""
    put(explanations.TABLE, [caption("anna", "soup-1"), caption("bert", "soup-1")])
    return made


@pytest.fixture
def look(explained: Lake, put: PublishRows) -> GiveVerdicts:
    """Publish verdicts on the captions as they are now."""

    def give(*users: str, noted: bool = True, **told: Any) -> Batch:
        digests = {table.name: tables.partition_digest(explained, table, DAY) for table in JUDGED_FROM}
        batch = put(caption_verdicts.TABLE, [verdict(user) for user in users], "looked")
        shares: dict[str, Share] = {"S": HALF, "A": HALF, "B": NONE}
        half: Share = HALF
        note = JudgedCaptions(contents_digest(digests), "c-1", "valid", 1, len(users), half, shares, (), ())
        if noted:
            judged_captions.put(explained, DAY, batch.partitions[0].files[0].path, note)
        return batch

    return give


def told(lake: Lake) -> dict[str, float]:
    prefix = judged_captions.PREFIX
    return {name.removeprefix(prefix): value for name, value in row(lake)["figures"].items() if name.startswith(prefix)}


def test_they_are_pinned_beside_those_on_tags(explained: Lake, judge: GiveVerdicts, look: GiveVerdicts) -> None:
    judge("anna")
    look("anna", "bert")
    manifest = publish_day(explained, DAY, "experts-1", {}, why_captions_unjudged="the judge failed")
    assert (manifest["judged"], manifest["captions_judged"]) == ("yes", "yes")
    pinned = {table.name for table in DAY_TABLES} | {"explanations", "verdicts", "caption_verdicts"}
    assert row(explained)["pinned"] == pinned
    # What is not known has no figure.
    assert told(explained) == {
        "captions": 2, "users": 1, "alarms": 0, "passing": 0.5, "passing_low": 0.2, "passing_high": 0.8,
        "superior": 0.5, "average": 0.5,
    }  # fmt: skip
    assert read_day(explained, caption_verdicts.TABLE, DAY).num_rows == 2


def test_without_them_the_day_is_published_and_says_why(explained: Lake, look: GiveVerdicts, caplog: Any) -> None:
    manifest = publish_day(explained, DAY, "experts-1", {}, why_captions_unjudged="the judge has no standing.")
    assert manifest["captions_judged"] == "no: the judge has no standing"
    assert told(explained) == {"captions": 0}
    assert "published without verdicts on its captions: the judge has no standing." in caplog.text
    look("anna", noted=False)
    manifest = publish_day(explained, DAY, "experts-1", {})
    assert manifest["captions_judged"] == "no: nobody noted of which captions its verdicts are"


def test_a_note_that_cannot_be_read_is_none(explained: Lake, look: GiveVerdicts) -> None:
    look("anna")
    (note,) = (path for path in explained.list(f"_judged/{DAY}") if "/captions/" in path)
    explained.write(note, b'{"captions": 7}')
    assert publish_day(explained, DAY, "experts-1", {})["captions_judged"].startswith("no: nobody noted")


def test_of_other_captions_they_are_not_pinned(explained: Lake, look: GiveVerdicts, put: PublishRows) -> None:
    look("anna")
    put(explanations.TABLE, [caption("anna", "soup-2")])
    manifest = publish_day(explained, DAY, "experts-1", {})
    assert manifest["captions_judged"].startswith("no: its verdicts are of other captions")
    with pytest.raises(DataError, match="No verdicts can be pinned"):
        pin_verdicts(explained, DAY)


def test_later_ones_leave_those_on_tags_and_the_other_way_round(
    explained: Lake, judge: GiveVerdicts, look: GiveVerdicts
) -> None:
    judge("anna")
    publish_day(explained, DAY, "experts-1", {"run.seconds": 9.0})
    look("anna")
    assert pin_verdicts(explained, DAY)["captions_judged"] == "yes"
    found = row(explained)
    assert (found["judged"], found["figures"]["verdicts.outputs"], told(explained)["captions"]) == ("yes", 4, 1)
    assert found["figures"]["run.seconds"] == 9
    judge("anna", "bert", fingerprint="again", outputs=8)
    assert pin_verdicts(explained, DAY)["captions_judged"] == "yes"
    assert row(explained)["figures"]["verdicts.outputs"] == 8
    assert told(explained)["captions"] == 1
    assert pin_verdicts(explained, DAY)["reused"]


def test_a_day_that_is_published_meanwhile_is_not_overwritten(
    explained: Lake, look: GiveVerdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_day(explained, DAY, "experts-1", {})
    look("anna")
    find = judged_captions.verdicts_for

    def meanwhile(*asked: Any) -> Any:
        monkeypatch.setattr(judged_captions, "verdicts_for", find)
        publish_day(explained, DAY, "experts-2", {})
        return find(*asked)

    monkeypatch.setattr(judged_captions, "verdicts_for", meanwhile)
    with pytest.raises(RaceLost, match="Another run published days"):
        pin_verdicts(explained, DAY)
    assert tables.read(explained, days.TABLE, DAY)["release"].to_pylist() == ["experts-2"]
    assert pin_verdicts(explained, DAY)["release"] == "experts-2"

"""The page on a day's verdicts: how tiers were shared on the last days, what was corrected, what set off an alarm."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.audit import audit
from lake.auditing import expectations
from lake.auditing.tier_history import SHOWN_DAYS, tier_history
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.registry import judged_days
from lake.registry.judged_days import JudgedDay
from lake.store.location import Lake
from schemas import days, verdicts

DAY = "2017-11-15"
COUNTS = {"sampled_outputs": 1, "judged_outputs": 1, "flagged_outputs": 0, "broken_verdicts": 0}
NONE = {"value": None, "low": None, "high": None}

Judge = Callable[..., Batch]


def share(value: float) -> dict[str, float | None]:
    return {"value": value, "low": value / 2, "high": (1 + value) / 2}


@pytest.fixture
def judge(lake: Lake, make_batch: Callable[..., Batch]) -> Judge:
    """Stage a day's verdicts with their note."""

    def give(day: str, superior: float, tag: str = "soup", **told: Any) -> Batch:
        own = {"item_id": f"tag-{day}", "user_id": "anna", "rank": 1, "tag": tag, "category": "SOUP", "tier": "S"}
        rest = {"confidence": 0.9, "findings": [], "flags": [], "threshold": 0.75, "judge": "judge-1"}
        data = pa.Table.from_pylist([{**own, **rest, "release": "experts-1"}], verdicts.TABLE.file_schema)
        batch = make_batch({day: data}, table=verdicts.TABLE, metrics=COUNTS, fingerprint=f"work{superior}")
        noted: dict[str, Any] = {
            "contents": "c",
            "judge": "judge-1",
            "standing": "valid",
            "users": 2,
            "outputs": 20,
            "flagged": 0,
            "shares": {"S": share(superior), "A": share(0.9 - superior), "B": share(0.1)},
            "superior_corrected": share(superior - 0.1),
            "not_estimable": None,
            "alarms": [],
        }
        judged_days.put(lake, day, batch.partitions[0].files[0].path, JudgedDay(**{**noted, **told}))
        return batch

    return give


@pytest.fixture
def put_day(lake: Lake, make_batch: Callable[..., Batch], approve: Callable[..., list[Batch]]) -> Callable[..., None]:
    """Publish a day's row, with the verdicts of a batch or with why there are none."""

    def put(day: str, batch: Batch | None, judged: str | None = "yes") -> None:
        pins = []
        if batch is not None:
            publish(lake, approve(batch))
            digest = judged_days.verdicts_for(lake, day, {"intents": "", "contexts": "", "signals": ""})
            assert digest[0] is None, "its contents are none that a lake has"
            pins = [{"table": "verdicts", "version": 0, "digest": _digest(lake, day)}]
        row = {"fingerprint": "f", "release": "experts-1", "empty": False, "judged": judged, "history": None}
        data = pa.Table.from_pylist([{**row, "versions": pins, "figures": []}], days.TABLE.file_schema)
        publish(lake, approve(make_batch({day: data}, table=days.TABLE, fingerprint=day.replace("-", ""))))

    return put


def _digest(lake: Lake, day: str) -> str | None:
    from lake.delta import tables

    return tables.partition_digest(lake, verdicts.TABLE, day)


def history(lake: Lake, batch: Batch) -> list[dict[str, Any]]:
    (found,) = expectations.collect(lake, [batch])
    return tier_history(lake, found)


def test_the_last_days_are_shown_the_newest_first(lake: Lake, judge: Judge, put_day: Callable[..., None]) -> None:
    put_day("2017-11-01", judge("2017-11-01", 0.2))  # Too long ago.
    put_day("2017-11-02", judge("2017-11-02", 0.3))
    put_day("2017-11-10", None, "no: the judge has no standing")
    put_day("2017-11-11", None, None)
    put_day("2017-11-16", judge("2017-11-16", 0.4))  # Later than the day of the page.
    publish_only = judge("2017-11-12", 0.5)  # Judged and not published.
    assert publish_only.partitions
    lines = history(lake, judge(DAY, 0.6))
    assert SHOWN_DAYS == 14
    assert [(line["day"], line["judged"]) for line in lines] == [
        (DAY, True),
        ("2017-11-11", False),
        ("2017-11-10", False),
        ("2017-11-02", True),
    ]
    assert [line.get("why") for line in lines[1:3]] == ["published without verdicts", "the judge has no standing"]
    assert [line["shares"]["superior"]["value"] for line in (lines[0], lines[3])] == [0.6, 0.3]
    assert lines[3]["corrected"]["value"] == pytest.approx(0.2)


def test_verdicts_that_were_replaced_are_not_shown_as_the_published_ones(
    lake: Lake, judge: Judge, put_day: Callable[..., None], approve: Callable[..., list[Batch]]
) -> None:
    put_day("2017-11-14", judge("2017-11-14", 0.3))
    assert history(lake, judge(DAY, 0.6))[1]["shares"]["superior"]["value"] == 0.3
    publish(lake, approve(judge("2017-11-14", 0.7, tag="tea")))
    assert history(lake, judge(DAY, 0.6))[1]["why"] == "its verdicts were replaced since"


def test_other_tables_have_no_history(lake: Lake, make_batch: Callable[..., Batch]) -> None:
    empty = days.TABLE.file_schema.empty_table()
    assert history(lake, make_batch({DAY: empty}, table=days.TABLE)) == []


def test_the_page_shows_bars_shares_and_alarms(
    lake: Lake, judge: Judge, put_day: Callable[..., None], tmp_path: Path
) -> None:
    put_day("2017-11-13", judge("2017-11-13", 0.3))
    put_day("2017-11-14", None, "no: the task judge.sample <b>failed</b>")
    batch = judge(
        DAY, 0.6, superior_corrected=NONE, not_estimable="Never examined.", alarms=["The share of S is 0.60."]
    )
    record = audit(lake, [batch], tmp_path / "docs")["tables"][0]
    page = (tmp_path / "docs" / record["data_docs"]).read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))
    assert "2017-11-15 60.0% (30.0% to 80.0%) not estimable Never examined. 30.0% 10.0% 20 tags of 2 users" in shown
    assert "alarm The share of S is 0.60." in shown
    assert "2017-11-14 not judged: the task judge.sample <b>failed</b>" in shown
    assert "&lt;b&gt;failed" in page
    assert "2017-11-13 30.0% (15.0% to 65.0%) 20.0% (10.0% to 60.0%) 60.0% 10.0%" in shown
    # 30 % of 200 pixels; the mark of the corrected share stands at 20 %.
    assert '<rect x="0" y="2" width="60.0"' in page
    assert '<line x1="40.0" y1="4" x2="40.0"' in page
    assert page.count("<svg") == 2
    assert "http" not in page

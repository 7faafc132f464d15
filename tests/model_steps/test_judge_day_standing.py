"""Who judges a day: a judge with standing, or one that is let; what is noted of it, and what that rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables, writing
from lake.delta.publishing import _replace
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import judge_records, judged_days
from lake.registry.judge_records import CalibrationRecord, Standing
from lake.registry.judged_days import JUDGED_FROM, contents_digest
from lake.store.location import Lake
from model_steps import judge_sample
from model_steps.judge.case import Case
from schemas import intents
from schemas.table import Table
from schemas.verdicts import TABLE
from settings import JudgeSettings, Settings
from tests.model_steps.test_judge_sample import BASE, DAY, Model, Run, model, run, shop

__all__ = ["model", "run", "shop"]


def harmless(_case: Case) -> list[str]:
    """A guard that flags nothing: the small shop's outputs have no form of the agents."""
    return []


FOUND = Standing("valid", "The judge passed.", "record-1")


def replace_day(lake: Lake, table: Table, partition: StagedPartition) -> None:
    """Make a staged day of a table readable in the place of what is there."""
    delta = writing.create(lake, table)
    before = [file.path for file in tables.live_files(delta, table, {"day": DAY})]
    _replace(delta, table, [partition], {(DAY,): before})


def published(lake: Lake, manifest: dict[str, Any]) -> None:
    (partition,) = Batch.load(lake, manifest["batches"][0]).partitions
    replace_day(lake, TABLE, partition)


def digests_of(lake: Lake) -> dict[str, str | None]:
    return {table.name: tables.partition_digest(lake, table, DAY) for table in JUDGED_FROM}


def stands(monkeypatch: pytest.MonkeyPatch, standing: Standing) -> None:
    monkeypatch.setattr(judge_sample, "standing_of", lambda *_asked: standing)


@pytest.mark.parametrize("state", ["missing", "outdated", "small", "failing", "expired"])
def test_a_judge_without_standing_judges_nothing(
    shop: Lake, run: Run, settings: Settings, model: Model, monkeypatch: pytest.MonkeyPatch, state: Any
) -> None:
    stands(monkeypatch, Standing(state, "So it is.", None))
    manifest = run(without_standing=False)
    assert (manifest["judged"], manifest["batches"], manifest["standing"]) == (False, [], state)
    assert manifest["why"] == f"the judge has no standing ({state}). So it is."
    assert (model.starts, model.asked, lake_has_verdicts(shop)) == (0, [], False)
    # It does not even look for the day.
    asked = settings.model_copy(update={"judge": JudgeSettings()})
    assert not judge_sample.judge_sample(shop, "2017-12-01", asked, BASE, start=model)["judged"]


def lake_has_verdicts(lake: Lake) -> bool:
    return any(True for folder in ("verdicts", "_batches/verdicts", "_judged") for _ in lake.list(folder))


def test_whoever_tries_a_judge_lets_it_judge_and_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stands(monkeypatch, Standing("failing", "It fails.", "record-2"))
    manifest = run(without_standing=True)
    assert (manifest["judged"], manifest["standing"], manifest["record"]) == (True, "failing", "record-2")
    assert manifest["batches"]


def test_a_judge_that_passed_is_asked_for_no_permission(shop: Lake, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {"sensitivity": {"found": 90, "of": 100}, "specificity": {"found": 80, "of": 100}}
    record = CalibrationRecord(BASE.name, "code", {}, "full", DAY, 0.4, {"superior_errors": errors})
    judge_records.put(shop, record)
    stands(monkeypatch, replace(FOUND, record=record.name))
    manifest = run(without_standing=False, guard=harmless)
    # 5 of 6 are S: (5/6 + 0.8 - 1) / (0.9 + 0.8 - 1)
    assert manifest["superior"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert manifest["superior_corrected"]["value"] == pytest.approx((5 / 6 - 0.2) / 0.7, abs=1e-4)
    assert manifest["not_estimable"] is None


def test_the_note_says_of_which_rows_the_verdicts_are(shop: Lake, run: Run) -> None:
    manifest = run()
    published(shop, manifest)
    note, pin, why = judged_days.verdicts_for(shop, DAY, digests_of(shop))
    assert note is not None, why
    assert (note.contents, note.judge) == (contents_digest(digests_of(shop)), "base-judge")
    assert note.standing == "missing"
    assert (note.users, note.outputs, pin["table"]) == (3, 6, "verdicts")
    assert "was never examined" in (note.not_estimable or "")


def test_intents_of_anybody_that_changed_are_judged_anew(shop: Lake, run: Run) -> None:
    """The drawn user's intents stay; verdicts on them are a sample of the day only where they are drawn from it."""
    first = run(sample_users=1)
    published(shop, first)
    unchanged = run(sample_users=1)
    assert (unchanged["reused"], unchanged["tier_shares"]) == (True, first["tier_shares"])
    (drawn,) = {row["user_id"] for row in tables.read(shop, TABLE, DAY).to_pylist()}
    rows = tables.read(shop, intents.TABLE, DAY).to_pylist()
    for row in rows:
        row["why"] = row["why"] if row["user_id"] == drawn else "Bought before: it on 8 days."
    partition = {"day": DAY}
    data = pa.Table.from_pylist(rows, intents.TABLE.schema)
    file = stage(shop, intents.TABLE, data, fingerprint="rerun", partition=partition)
    replace_day(shop, intents.TABLE, StagedPartition(partition, "rerun", (file,)))
    # The verdicts that are there are of what the day was.
    assert judged_days.verdicts_for(shop, DAY, digests_of(shop))[0] is None
    again = run(sample_users=1)
    assert (again["reused"], again["model_calls"], again["batches"] == first["batches"]) == (False, 0, False)
    published(shop, again)
    assert judged_days.verdicts_for(shop, DAY, digests_of(shop))[0] is not None


def test_a_judge_that_passes_later_judges_the_day_anew(shop: Lake, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the day's verdicts say what they are worth; its answers are there."""
    published(shop, run())
    stands(monkeypatch, FOUND)
    again = run(without_standing=False)
    assert (again["reused"], again["model_calls"], again["standing"]) == (False, 0, "valid")


def test_a_changed_band_is_noted_without_judging_again(shop: Lake, run: Run, model: Model) -> None:
    first = run(guard=harmless)
    published(shop, first)
    assert not first["alarm"]
    asked = len(model.asked)
    again = run(guard=harmless, superior_band={"high": 0.5})
    assert (again["reused"], again["alarm"], len(model.asked)) == (True, True, asked)
    note, _, _ = judged_days.verdicts_for(shop, DAY, digests_of(shop))
    assert note is not None
    assert len(note.alarms) == 1

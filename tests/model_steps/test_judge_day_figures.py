"""What a day's verdicts come to: shares, corrected where the judge's errors are known; the judge that is shipped."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.corrected_share import Proportion, corrected_share
from lake.registry import judge_records, releases
from lake.registry.judge_records import CalibrationRecord, Standing
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.judge import shipped
from model_steps.judge.day_figures import judged_day, known_errors, manifest_figures
from runtime.errors import DataError, UsageError
from settings import BandSettings, JudgeSettings

JUDGE = "judge-1"
ERRORS = {"sensitivity": {"found": 90, "of": 100}, "specificity": {"found": 80, "of": 100}}
RECORD = CalibrationRecord(JUDGE, "code 1", {}, "full", "2017-11-01", 0.4, {"superior_errors": ERRORS})


def rows(tiers: str) -> list[dict[str, Any]]:
    """Verdicts, two a user; the first one is flagged."""
    flags = [["tag_empty"], *[[] for _ in tiers[1:]]]
    return [{"user_id": f"u{at // 2}", "tier": tier, "flags": flags[at]} for at, tier in enumerate(tiers)]


def standing(state: Any = "valid", record: str | None = RECORD.name) -> Standing:
    return Standing(state, f"The judge is {state}.", record)


def test_the_share_of_superior_is_shown_raw_and_corrected() -> None:
    errors = (Proportion(90, 100), Proportion(80, 100))
    note = judged_day(rows("SSSSSSAABB"), "c", JUDGE, standing(), errors, JudgeSettings())
    assert (note.users, note.outputs, note.flagged, note.contents, note.standing) == (5, 10, 1, "c", "valid")
    assert {tier: share["value"] for tier, share in note.shares.items()} == {"S": 0.6, "A": 0.2, "B": 0.2}
    # (0.6 + 0.8 - 1) / (0.8 + 0.9 - 1)
    assert note.superior_corrected["value"] == pytest.approx(0.4 / 0.7, abs=1e-4)
    expected = corrected_share(Proportion(6, 10), specificity=errors[1], sensitivity=errors[0])
    assert (note.superior_corrected, note.shares["S"]) == (expected.corrected.as_dict(), expected.raw.as_dict())
    assert (note.not_estimable, note.alarms) == (None, [])
    told = manifest_figures(note)
    assert (told["tier_shares"], told["alarm"]) == ({"S": 0.6, "A": 0.2, "B": 0.2}, False)
    json.dumps(told)


def test_what_cannot_be_corrected_says_why() -> None:
    chance = (Proportion(50, 100), Proportion(50, 100))
    for errors, why in ((chance, "says nothing of the share"), ("The judge is missing.", "The judge is missing.")):
        note = judged_day(rows("SA"), "c", JUDGE, standing(), errors, JudgeSettings())
        assert set(note.superior_corrected.values()) == {None}
        assert why in (note.not_estimable or "")
        assert "verdicts.superior_corrected" not in note.figures()
        assert note.figures()["verdicts.superior"] == 0.5


def test_an_empty_day_has_no_shares_and_no_alarm() -> None:
    note = judged_day([], "c", JUDGE, standing(), "none", JudgeSettings(superior_band=BandSettings(low=0.5)))
    assert (note.outputs, note.alarms, note.shares["S"]["value"]) == (0, [], None)
    assert manifest_figures(note)["tier_shares"] == {"S": 0.0, "A": 0.0, "B": 0.0}


def test_an_alarm_is_among_the_figures() -> None:
    note = judged_day(rows("BBBB"), "c", JUDGE, standing(), "none", JudgeSettings())
    assert [sentence[:16] for sentence in note.alarms] == ["The share of S i", "The share of B i"]
    assert note.figures()["verdicts.alarms"] == 2
    assert manifest_figures(note)["alarm"] is True


@pytest.mark.parametrize("state", ["valid", "failing", "expired"])
def test_errors_are_those_of_the_record_that_gave_the_standing(lake: Lake, state: str) -> None:
    judge_records.put(lake, RECORD)
    # A newer exam that did not count them, and decides about nothing here.
    judge_records.put(lake, replace(RECORD, day="2017-12-01", figures={}))
    assert known_errors(lake, JUDGE, standing(state)) == (Proportion(90, 100), Proportion(80, 100))


@pytest.mark.parametrize("state", ["missing", "outdated", "small"])
def test_another_judges_errors_and_those_of_a_small_exam_correct_nothing(lake: Lake, state: str) -> None:
    judge_records.put(lake, RECORD)
    assert known_errors(lake, JUDGE, standing(state)) == f"The judge is {state}."


@pytest.mark.parametrize(
    "counted",
    [
        None,
        {},
        [],
        {**ERRORS, "specificity": 0.8},
        {**ERRORS, "sensitivity": {"found": 9, "of": 8}},
        {"sensitivity": {}},
    ],
)
def test_errors_that_were_not_counted_are_not_made_up(lake: Lake, counted: Any) -> None:
    record = replace(RECORD, figures={"superior_errors": counted})
    judge_records.put(lake, record)
    assert "did not count its errors" in str(known_errors(lake, JUDGE, standing(record=record.name)))


# --- the judge that is shipped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release with its calibration record beside it; what kind of release does not matter here."""
    place = releases.save(tmp_path, Release("model-1", {"judge": "p-1"}, "embedder@1"), {})
    record = replace(RECORD, judge=place.name)
    (place / judge_records.SHIPPED).mkdir()
    (place / judge_records.SHIPPED / f"{record.name}.json").write_text(json.dumps(asdict(record)))
    return place


def test_a_shipped_judge_comes_with_its_exam(lake: Lake, folder: Path) -> None:
    assert shipped.give(lake, folder) == shipped.give(lake, folder) == folder.name
    assert releases.read(lake, folder.name)[0].name == folder.name
    (record,) = judge_records.records_of(lake, folder.name)
    assert record.figures["superior_errors"] == ERRORS


def test_a_changed_record_or_anothers_is_refused(lake: Lake, folder: Path) -> None:
    (path,) = (folder / judge_records.SHIPPED).iterdir()
    good = path.read_text()
    path.write_text(good.replace('"found": 90', '"found": 99'))
    with pytest.raises(DataError, match="was changed since it was written"):
        shipped.give(lake, folder)
    path.unlink()
    (path.parent / f"{RECORD.name}.json").write_text(json.dumps(asdict(RECORD)))
    with pytest.raises(DataError, match="is a record of the judge judge-1, and lies beside"):
        shipped.give(lake, folder)
    assert judge_records.records_of(lake, folder.name) == []
    with pytest.raises(UsageError, match="is no release"):
        shipped.give(lake, folder.parent)

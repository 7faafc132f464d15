"""A judge's standing follows from the record of its exam, and a changed or missing record is told."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from lake.registry.judge_records import FOLDER, CalibrationRecord, Standing, parse, put, records_of, standing
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError

JUDGE = "judge-0123456789ab"


def figures(low: float | None) -> dict[str, Any]:
    return {"real_outputs": {"kappa": {"agent_tuned": {"value": 0.6, "low": low, "high": 0.7}}}}


PASSED = CalibrationRecord(
    judge=JUDGE,
    decides="code 1",
    data={"labels": "a"},
    preset="full",
    day="2017-11-01",
    minimum_kappa=0.4,
    figures=figures(0.45),
)


def stands(lake: Lake, decides: str = "code 1", day: str = "2017-11-15", minimum: float = 0.4) -> Standing:
    return standing(lake, JUDGE, decides, day, 30, minimum)


def test_a_judge_that_was_never_examined_has_no_standing(lake: Lake) -> None:
    assert stands(lake).state == "missing"


def test_a_passed_exam_holds_for_its_days(lake: Lake) -> None:
    assert put(lake, PASSED)
    assert not put(lake, PASSED), "the same record is there once"
    assert stands(lake) == Standing("valid", f"The judge {JUDGE} passed its exam as of 2017-11-01.", PASSED.name)
    assert stands(lake, day="2017-11-30").state == "valid"
    assert stands(lake, day="2017-12-01").state == "expired"


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (replace(PASSED, figures=figures(0.4)), "failing"),
        (replace(PASSED, figures=figures(None)), "failing"),
        (replace(PASSED, figures=figures(float("nan"))), "failing"),
        (replace(PASSED, figures={}), "failing"),
        (replace(PASSED, preset="small"), "small"),
        (replace(PASSED, decides="code 2"), "outdated"),
    ],
)
def test_what_is_no_passed_exam_gives_no_standing(lake: Lake, record: CalibrationRecord, state: str) -> None:
    put(lake, record)
    assert stands(lake).state == state


def test_a_policy_may_demand_more_than_the_exam_did(lake: Lake) -> None:
    put(lake, PASSED)
    assert stands(lake, minimum=0.5).state == "failing"


def test_the_newest_exam_decides_and_a_small_one_after_it_does_not(lake: Lake) -> None:
    put(lake, PASSED)
    put(lake, replace(PASSED, day="2017-11-10", preset="small"))
    assert stands(lake).state == "valid"
    put(lake, replace(PASSED, day="2017-11-12", figures=figures(0.1)))
    assert stands(lake).state == "failing"
    assert [record.day for record in records_of(lake, JUDGE)] == ["2017-11-01", "2017-11-10", "2017-11-12"]


def test_a_changed_record_is_noticed(lake: Lake) -> None:
    put(lake, PASSED)
    place = f"{FOLDER}/{JUDGE}/{PASSED.name}.json"
    document = objects.get(lake, place)
    assert document is not None
    document["figures"]["real_outputs"]["kappa"]["agent_tuned"]["low"] = 0.9
    objects.put(lake, place, document)
    with pytest.raises(DataError, match="was changed since it was written"):
        stands(lake)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"judge": 1}', json.dumps({"a": asdict(PASSED)}).encode()])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="is no calibration record"):
        parse(content, f"lake/{PASSED.name}.json")

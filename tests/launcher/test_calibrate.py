"""What ``make calibrate`` asks for, and the exam as a person reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.registry.judge_records import CalibrationRecord
from launcher.calibrate import exam_conf, result_lines
from launcher.rest import Rest
from launcher.session import close_cut_off_runs
from runtime.errors import InfrastructureError
from tests.launcher.conftest import Answers

RUN = {"dag_run_id": "manual__1", "state": "queued", "run_type": "manual", "queued_at": None, "partition_key": None}
MANIFEST = {
    "judge": "judge-1",
    "record": "abc",
    "preset": "small",
    "standing": "small",
    "standing_reason": "The judge judge-1 passed the small exam alone, which proves nothing.",
}
KAPPA = {
    "agent_tuned": {"value": 0.5, "low": 0.4, "high": 0.6},
    "one_shot_base": {"value": 0.1, "low": 0.0, "high": 0.2},
}


@pytest.fixture
def rest(answers: Answers, password_file: Path) -> Rest:
    return Rest(answers.address, password_file)


def test_what_a_run_is_asked_for() -> None:
    assert exam_conf("small", "shipped", None, False) == {"preset": "small", "judge": "shipped", "force": False}
    assert exam_conf("full", "tune", 0, True) == {"preset": "full", "judge": "tune", "force": True, "seed": 0}


def test_the_record_is_told_with_its_page() -> None:
    figures = {"attacks": {"empty": 1, "cut": 2}, "real_outputs": {"kappa": KAPPA, "paired": {"a": {"f": 1, "g": 2}}}}
    record = CalibrationRecord("judge-1", "d", {}, "small", "2017-12-31", 0.4, figures)
    lines = result_lines(MANIFEST, record, "http://127.0.0.1:8080/data-docs/judges/judge-1/abc")
    assert lines[:3] == [
        "Judge judge-1, preset small: small",
        "  The judge judge-1 passed the small exam alone, which proves nothing.",
        "  Kappa on outputs really written: 0.500 (0.400 to 0.600)",
    ]
    assert [line.split() for line in lines[4:6]] == [
        ["real", "outputs", "agent", "tuned", "one", "shot", "base"],
        ["kappa", "0.500", "(0.400", "to", "0.600)", "0.100", "(0.000", "to", "0.200)"],
    ]
    assert len(lines) == 8
    assert lines[-1].endswith("http://127.0.0.1:8080/data-docs/judges/judge-1/abc")


def test_a_record_out_of_reach_is_named_all_the_same() -> None:
    lines = result_lines({**MANIFEST, "standing_reason": None}, None, "http://page")
    assert lines == [
        "Judge judge-1, preset small: small",
        "",
        "The record abc, with plots, while `make ui` runs: http://page",
    ]


def test_a_run_without_a_day_is_triggered_and_its_result_read(rest: Rest, answers: Answers) -> None:
    answers.put("POST /dags/calibrate_judge/dagRuns", RUN)
    run = rest.trigger("calibrate_judge", None, {"preset": "small"})
    body = [body for call, body in answers.calls if call.startswith("POST /dags")][-1]
    assert body == {"logical_date": None, "partition_key": None, "conf": {"preset": "small"}}
    path = "/dags/calibrate_judge/dagRuns/manual__1/taskInstances/exam/xcomEntries/return_value"
    answers.put(f"GET {path}", {"key": "return_value", "value": MANIFEST})
    assert rest.result("calibrate_judge", run.run_id, "exam") == MANIFEST
    with pytest.raises(InfrastructureError, match="refused GET"):
        rest.result("calibrate_judge", run.run_id, "tune")


def test_a_run_without_a_day_that_was_cut_off_is_closed_by_its_dags_name(
    rest: Rest, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.put("GET /dags/calibrate_judge", {"dag_id": "calibrate_judge"})
    answers.put("GET /dags/calibrate_judge/dagRuns", {"dag_runs": [RUN]})
    answers.put("PATCH /dags/calibrate_judge/dagRuns/manual__1", {})
    close_cut_off_runs(rest, "calibrate_judge")
    assert capsys.readouterr().out == "Closing the run of calibrate_judge that was cut off earlier (manual__1).\n"
    assert answers.calls[-1] == ("PATCH /dags/calibrate_judge/dagRuns/manual__1", {"state": "failed"})

"""Which days an exam takes, and when the champion writes for it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from deltalake import write_deltalake

from lake.registry.splits import SplitRule
from lake.store.location import Lake
from runtime.process import Result
from schemas import intents
from settings import SourceSettings
from tasks.command import Command
from tasks.exam_days import SIZES, ExamDays, arguments_of, exam_days, has_outputs, log_ends
from tasks.judge_exam import Examine, RecordLink

# Of the demo log: training ends by 2017-09-07.
RULE = SplitRule(days=("2017-09-06", "2017-10-04", "2017-11-01"), leave_out=())
YEAR_ENDS = "2018-01-01"


def test_the_newest_days_with_enough_days_after_them() -> None:
    found = exam_days(RULE, "2017-01-01", YEAR_ENDS, 60, 1)
    # 60 days after 2017-11-01 are over on 2017-12-31; a training day's 60 days end before 2017-09-07.
    assert found == ExamDays("2017-06-28", ("2017-11-01",), "2017-12-31")
    assert exam_days(RULE, "2017-01-01", YEAR_ENDS, 60, 9).evaluation == RULE.days


def test_a_day_whose_outcomes_the_log_does_not_have_yet_is_left_out() -> None:
    found = exam_days(RULE, "2017-01-01", "2017-12-31", 60, 1)
    assert (found.newest, found.landed_until) == ("2017-10-04", "2017-12-03")


@pytest.mark.parametrize(
    ("log_until", "outcome_days", "kind"), [("2017-11-05", 60, "evaluation"), (YEAR_ENDS, 200, "training")]
)
def test_a_log_that_is_too_short_is_told(log_until: str, outcome_days: int, kind: str) -> None:
    with pytest.raises(AirflowFailException, match=f"no {kind} day with {outcome_days} days after it"):
        exam_days(RULE, "2017-01-01", log_until, outcome_days, 1)


def test_a_live_log_has_no_day_that_is_not_over() -> None:
    live = SourceSettings(last_day=None)
    assert log_ends(live, date(2026, 3, 1)) == "2026-03-01"
    assert log_ends(SourceSettings(), date(2026, 3, 1)) == YEAR_ENDS


def test_only_outputs_of_held_out_users_count(lake: Lake) -> None:
    assert not has_outputs(lake.root, RULE, RULE.days)
    users = [f"user-{number}" for number in range(50)]
    train = next(user for user in users if RULE.split_of(user) == "train")
    held_out = next(user for user in users if RULE.split_of(user) == "holdout")

    def publish(user: str) -> None:
        row = {field.name: "" if pa.types.is_string(field.type) else 0 for field in intents.TABLE.schema}
        rows = pa.Table.from_pylist([{**row, "day": "2017-11-01", "user_id": user}], intents.TABLE.schema)
        write_deltalake(lake.uri("intents"), rows, mode="append", partition_by=["day"])

    publish(train)
    assert not has_outputs(lake.root, RULE, RULE.days)
    publish(held_out)
    assert has_outputs(lake.root, RULE, ["2017-11-01"])
    assert not has_outputs(lake.root, RULE, ["2017-10-04"])


@pytest.mark.parametrize(
    ("has_own", "named", "writes", "outputs"),
    [
        (False, [], "yes", ["--intents=L"]),
        (True, [], "", ["--intents=L"]),
        (False, ["a=A"], "", ["--intents=a=A"]),
        (True, ["a=A"], "", ["--intents=a=A", "--intents=L"]),
    ],
)
def test_whose_outputs_are_labelled(has_own: bool, named: list[str], writes: str, outputs: list[str]) -> None:
    days = ExamDays("2017-06-28", ("2017-11-01",), "2017-12-31")
    told = arguments_of(days, SIZES["small"], "L", has_own, named)
    assert told["writes"] == writes
    assert [argument for argument in told["labels"] if argument.startswith("--intents")] == outputs


# --- the tasks


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What commands are told; each leaves a record."""
    found: list[list[str]] = []

    def command(self: Any, module: str, arguments: list[str]) -> Result:
        found.append([module, *arguments])
        return Result(0, {"judge": "judge-1/../x", "record": "abc"}, "", 1.0)

    monkeypatch.setattr(Command, "command", command)
    return found


def test_a_task_that_is_not_needed_is_skipped(asked: list[list[str]]) -> None:
    with pytest.raises(AirflowSkipException, match="does not need it"):
        Command(task_id="tune", module="a.b", when="").execute({})
    assert asked == []
    Command(task_id="tune", module="a.b", when="yes", arguments=["--x=1\n--x=2", "", "--y"]).execute({})
    assert asked == [["a.b", "--x=1", "--x=2", "--y"]]


def test_the_button_leads_to_the_record_and_after_a_failure_to_all(asked: list[list[str]]) -> None:
    exam = Examine(task_id="exam", module="model_steps.calibrate_judge")
    assert RecordLink().get_link(exam, ti_key=None) == "/data-docs/judges"  # type: ignore[arg-type]
    exam.execute({})
    assert RecordLink().get_link(exam, ti_key=None) == "/data-docs/judges/judge-1%2F..%2Fx/abc"  # type: ignore[arg-type]

"""Which candidate a run reviews, what follows from a verdict, and in whose name something is promoted or taken back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from jinja2 import Environment

from lake.registry import evidence
from lake.registry.evidence import Evidence
from lake.store.location import Lake
from runtime.errors import Exit
from runtime.process import Result
from settings import LakeSettings, Settings
from tasks import review, rollback
from tasks.assets import CANDIDATES
from tasks.command import Command
from tasks.review import Gate, HeldBack, PlanReview, PromoteApproved, candidate_of, policy_file
from tasks.rollback import RollBack


class Commands:
    """Stands for the commands of tasks: keeps what was asked, and answers all alike."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, manifest: Mapping[str, Any], code: int = Exit.OK) -> None:
        self.asked: list[list[str]] = []

        def command(_task: Any, module: str, arguments: list[str]) -> Result:
            self.asked.append([module, *(argument for argument in arguments if argument)])
            return Result(code, dict(manifest) if code == Exit.OK else None, "it failed", 1.0)

        monkeypatch.setattr(Command, "command", command)


class Instance:
    def __init__(self, **results: Any) -> None:
        self.results, self.pushed = results, dict[str, Any]()

    def xcom_pull(self, task_ids: str) -> Any:
        return self.results[task_ids]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def test_the_form_is_stronger_than_events_and_the_newest_event_than_others() -> None:
    told = [{"release": "a"}, {"release": "b"}, {"release": "a"}, {"release": "c"}, {}]
    assert candidate_of(None, told) == ("c", ["a", "b"])
    assert candidate_of("b", told) == ("b", ["a", "c"])
    assert candidate_of("x", []) == ("x", [])
    with pytest.raises(AirflowFailException, match="This run has no candidate"):
        candidate_of(None, [{}])


def test_the_plan_is_asked_for_the_candidate_of_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(monkeypatch, {"candidate": "c"})
    told = {CANDIDATES: [SimpleNamespace(extra={"release": "b"}), SimpleNamespace(extra={"release": "c"})]}
    task = PlanReview(task_id="plan")
    task.arguments = ["", "--day=2017-11-01"]
    found: Any = {"triggering_asset_events": told, "params": {"candidate": None}}
    assert task.execute(found) == {"candidate": "c"}
    assert commands.asked == [["evaluation.review_plan", "--candidate=c", "--day=2017-11-01"]]


def test_a_policy_is_a_file_beside_that_of_the_settings() -> None:
    def rendered(policy: str | None) -> str:
        return Environment(autoescape=False).from_string(policy_file()).render({"params": {"policy": policy}})

    folder = Settings().gate.policy.parent
    assert (rendered(None), rendered("mild")) == ("", f"--policy={folder}/mild.yaml")


@pytest.mark.parametrize(
    ("verdict", "skipped"), [("GO", "held_back"), ("NO-GO", "approval"), ("INCONCLUSIVE", "approval")]
)
def test_only_after_go_somebody_is_asked(verdict: str, skipped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Commands(monkeypatch, {"verdict": verdict, "evidence": "e"})
    instance = Instance()
    task = Gate(task_id="gate", module="model_steps.gate")
    with pytest.raises(DownstreamTasksSkipped) as left:
        task.execute({"ti": instance})  # type: ignore[typeddict-item]
    assert list(left.value.tasks) == [skipped]
    assert instance.pushed["return_value"]["evidence"] == "e"


def test_a_gate_that_failed_by_itself_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    Commands(monkeypatch, {}, Exit.GATE)
    with pytest.raises(AirflowFailException, match="it failed"):
        Gate(task_id="gate", module="model_steps.gate").execute({"ti": Instance()})  # type: ignore[typeddict-item]


def test_who_is_held_back_is_seen_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "load_settings", lambda: Settings(lake=LakeSettings(uri=str(tmp_path))))
    made = Evidence("new", "old", 1, "2017-11-01", "NO-GO", ("judge: MISSING. None.",), "shipped", {}, "then", "me")
    name = evidence.put(Lake.open(tmp_path), made, {}).name
    with pytest.raises(AirflowFailException, match=f"NO-GO: new is not promoted.*judge: MISSING.*{name}"):
        HeldBack(task_id="held_back", evidence=name).execute({})


def test_a_comment_is_one_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(monkeypatch, {"number": 2})
    task = PromoteApproved(task_id="promote", module="lake.promote", arguments=["--evidence=e", "--reviewer=anna"])
    comment = "two\n--reviewer=eve"
    task.execute({"ti": Instance(approval={"comment": comment})})  # type: ignore[typeddict-item]
    assert commands.asked == [["lake.promote", "--evidence=e", "--reviewer=anna", f"--comment={comment}"]]


def test_a_rollback_is_in_the_name_of_who_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(monkeypatch, {"number": 3})
    asked: Any = {
        "params": {"reason": "worse\n--record=1", "record": 2},
        "dag_run": SimpleNamespace(triggering_user_name="ben"),
    }
    RollBack(task_id="roll_back", module="lake.roll_back").execute(asked)
    assert commands.asked == [["lake.roll_back", "--reason=worse\n--record=1", "--record=2", "--reviewer=ben"]]

    def refused() -> None:
        raise AirflowFailException("nobody is named")

    monkeypatch.setattr(rollback, "refuse_unnamed", refused)
    with pytest.raises(AirflowFailException, match="nobody is named"):
        RollBack(task_id="roll_back", module="lake.roll_back").execute(asked)
    assert len(commands.asked) == 1

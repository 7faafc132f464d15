"""The order of a review, what its commands are told, which verdict leads where; and the rollback."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from jinja2 import Environment

from settings import load_settings
from tasks.approval import COMMENT, SEEN
from tasks.assets import CANDIDATES
from tests.dags.parsers import parser_of
from tests.dags.scheduling import FAILED, NEVER, SKIPPED, SUCCESS, run, succeeds

PLAN: Mapping[str, Any] = {
    "candidate": "experts-1",
    "champion": "experts-0",
    "record": 1,
    "day": "2017-11-01",
    "until": "2017-11-15",
    "lands": False,
    "compressed": ["2017-08-23", "2017-11-01"],
}
LEFT: Mapping[str, Any] = {
    "plan": PLAN,
    "measure.candidate": {"results": "_results/2017-11-01/a.parquet"},
    "measure.champion": {"results": "_results/2017-11-01/b.parquet"},
    "gate": {"evidence": "0123456789abcdef", "verdict": "GO"},
    "approval": {"evidence": "0123456789abcdef", "reviewer": "anna", "comment": ""},
}


@pytest.fixture
def review(dags: Mapping[str, Any]) -> Any:
    return dags["review"]


def told(dag: Any, left: Mapping[str, Any] = LEFT, **params: Any) -> dict[str, tuple[str, list[str]]]:
    """By task that is not skipped: its module, and the arguments that its command gets."""
    # All defaults are none; a rollback without its reason would be refused here.
    values = dict.fromkeys(dag.params) | params

    class Instance:
        def xcom_pull(self, task_ids: str) -> Any:
            return left.get(task_ids)

    def rendered(template: str) -> str:
        of_run = {"params": values, "ti": Instance()}
        return Environment(autoescape=False).from_string(template).render(of_run)

    found = {}
    for task in dag.tasks:
        if task.is_mapped or not hasattr(task, "arguments") or (task.when is not None and not rendered(task.when)):
            continue
        lines = [line for argument in task.arguments for line in rendered(argument).splitlines()]
        found[task.task_id] = (task.module, lines)
    return found


def test_order(review: Any) -> None:
    assert {task.task_id: task.upstream_task_ids for task in review.tasks} == {
        "plan": set(),
        "land.stage": {"plan"},
        "land.publish": {"land.stage"},
        "land.roll_up": {"land.publish"},
        "land.publish_roll_up": {"land.roll_up"},
        "compress.days": {"land.publish_roll_up"},
        "compress.signals": {"compress.days"},
        "compress.contexts": {"compress.days"},
        "compress.publish": {"compress.signals", "compress.contexts"},
        "freeze": {"compress.publish"},
        "embed": {"freeze"},
        "measure.candidate": {"embed"},
        "measure.champion": {"measure.candidate"},
        "judge.candidate": {"measure.champion"},
        "judge.champion": {"judge.candidate"},
        "captions.candidate": {"judge.champion"},
        "captions.champion": {"captions.candidate"},
        "check_release": {"captions.champion"},
        "gate": {"check_release"},
        "held_back": {"gate"},
        "approval": {"gate"},
        "promote": {"approval"},
    }


def test_a_candidate_starts_it_and_one_is_reviewed_at_a_time(review: Any) -> None:
    assert review.max_active_runs == 1
    assert review.schedule == [CANDIDATES]


def test_what_is_skipped_skips_nothing_but_its_publication(review: Any) -> None:
    strict = {"land.publish", "land.publish_roll_up", "compress.signals", "compress.contexts", "compress.publish"}
    strict |= {"plan", "held_back", "approval", "promote"}
    rules = {task.task_id: task.trigger_rule for task in review.tasks}
    assert {name for name, rule in rules.items() if rule == "all_success"} == strict
    assert {rule for name, rule in rules.items() if name not in strict} == {"none_failed"}


SCHEDULES = {
    # Landed already, everything compressed, and a GO that somebody approves.
    "go": ({"land.stage": SKIPPED, "land.roll_up": SKIPPED, "compress.publish": SKIPPED}, "held_back", SUCCESS),
    "no champion": (
        {"measure.champion": SKIPPED, "judge.champion": SKIPPED, "captions.champion": SKIPPED},
        "held_back",
        SUCCESS,
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_after_go_a_person_is_asked_and_then_promoted(review: Any, name: str) -> None:
    ends, skipped, promoted = SCHEDULES[name]
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(review))
    states = run(scheduled, ends, {"gate": skipped})
    assert (states["approval"], states["promote"], states["held_back"]) == (SUCCESS, promoted, SKIPPED)
    assert succeeds(scheduled, states)


def test_without_go_nobody_is_asked_and_the_run_is_red(review: Any) -> None:
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(review))
    states = run(scheduled, {"held_back": FAILED}, {"gate": "approval"})
    assert (states["approval"], states["promote"], states["held_back"]) == (SKIPPED, SKIPPED, FAILED)
    assert not succeeds(scheduled, states)


def test_nobody_is_promoted_before_somebody_answers_or_after_a_gate_that_failed(review: Any) -> None:
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(review))
    assert "promote" not in run(scheduled, {"approval": NEVER}, {"gate": "held_back"})
    for broken in ("gate", "measure.champion", "judge.candidate", "check_release", "approval"):
        states = run(scheduled, {broken: FAILED}, {"gate": "held_back"})
        assert states["promote"] not in (SUCCESS, SKIPPED), broken
        assert not succeeds(scheduled, states)


def test_a_rejection_is_green_and_promotes_nobody(review: Any) -> None:
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(review))
    # As ``ApproveEvidence`` skips it; the gate's own skip is that of held_back.
    states = run(scheduled, {"held_back": SKIPPED}, {"approval": "promote"})
    assert (states["approval"], states["promote"]) == (SUCCESS, SKIPPED)
    assert succeeds(scheduled, states)


def test_both_are_measured_on_the_same_and_the_gate_gets_both(review: Any) -> None:
    by_task = told(review)
    settings = load_settings().review
    sizes = [f"--users={settings.users}", f"--tuning-users={settings.tuning_users}"]
    module = "model_steps.evaluate"
    assert by_task["measure.candidate"] == (module, ["--release=experts-1", "--day=2017-11-01", *sizes])
    assert by_task["measure.champion"] == (module, ["--release=experts-0", "--day=2017-11-01", *sizes])
    assert by_task["check_release"][1] == ["--release=experts-1", "--day=2017-11-01"]
    for role, release, results in (("candidate", "experts-1", "a"), ("champion", "experts-0", "b")):
        kept = f"--results=_results/2017-11-01/{results}.parquet"
        command = ("model_steps.judge_candidate", [f"--release={release}", "--day=2017-11-01", kept])
        assert by_task[f"judge.{role}"] == command
        assert by_task[f"captions.{role}"] == ("model_steps.judge_candidate_captions", command[1])
    both = ["--results=_results/2017-11-01/a.parquet", "--champion-results=_results/2017-11-01/b.parquet"]
    assert by_task["gate"] == ("model_steps.gate", ["--candidate=experts-1", *both])
    assert by_task["freeze"] == ("evaluation.freeze", ["--day=2017-11-01"])
    assert by_task["promote"] == ("lake.promote", ["--evidence=0123456789abcdef", "--reviewer=anna"])
    assert not {"land.stage", "land.roll_up"} & set(by_task)


def test_a_lake_without_champion_and_without_a_landed_log(review: Any) -> None:
    alone = {**LEFT, "plan": {**PLAN, "champion": "", "lands": True}, "measure.champion": None}
    by_task = told(review, alone)
    assert not {"measure.champion", "judge.champion", "captions.champion"} & by_task.keys()
    assert by_task["gate"][1] == ["--candidate=experts-1", "--results=_results/2017-11-01/a.parquet"]
    assert by_task["land.stage"][1] == ["--from", "2017-11-15", "--to", "2017-11-15", "--with-earlier-days"]


def test_policy_and_day_of_the_form_reach_plan_and_gate(review: Any) -> None:
    by_task = told(review, policy="mild", day="2017-10-04")
    policy = f"--policy={load_settings().gate.policy.parent}/mild.yaml"
    assert by_task["plan"][1] == [policy, "--day=2017-10-04"]
    assert by_task["gate"][1][-1] == policy


# What operators add to their templated arguments.
ADDED = {
    "evaluation.review_plan": ["--candidate=experts-1"],
    "lake.promote": ["--comment=two\nlines"],
    "lake.roll_back": ["--reason=worse", "--record=2", "--reviewer=ben"],
}


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("module", [*ADDED, "evaluation.freeze", "model_steps.evaluate", "model_steps.gate"])
def test_each_command_understands_what_it_is_told(
    dags: Mapping[str, Any], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [told(dags["review"]), told(dags["review"], policy="mild", day="2017-10-04"), told(dags["rollback"])]
    lines = [lines for by_task in runs for of_module, lines in by_task.values() if of_module == module]
    assert lines, f"no task runs {module}"
    parser = parser_of(module, monkeypatch)
    for line in lines:
        parser.parse_args([*line, *ADDED.get(module, ())])


@pytest.mark.parametrize(
    ("dag_id", "name", "good", "bad"),
    [
        ("review", "candidate", [None, "experts-1"], [""]),
        ("review", "policy", [None, "mild", "two_2"], ["../mild", "a/b", "", "Mild", "a b", "x' + y"]),
        ("review", "day", [None, "2017-11-01"], ["yesterday", 20171101]),
        ("rollback", "reason", ["worse"], [None, "", "x" * 1001]),
        ("rollback", "record", [None, 1], [0, "1"]),
    ],
)
def test_form_refuses_what_makes_no_sense(
    dags: Mapping[str, Any], dag_id: str, name: str, good: list[Any], bad: list[Any]
) -> None:
    # Resolving one keeps the value, and the DAG is everybody's.
    param = deepcopy(dags[dag_id].params.get_param(name))
    for value in good:
        assert param.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_reviewers_see_their_own_form_and_not_the_runs(review: Any) -> None:
    approval = review.get_task("approval")
    assert set(approval.serialized_params) == {COMMENT, SEEN}
    assert approval.defaults == ["Reject"]
    # The time to answer is another one than the time to begin asking, and the first must not end the second.
    assert approval.execution_timeout < approval.response_timeout
    # What comes from an item's text is never a template.
    assert set(approval.template_fields) == {"evidence"}


def test_a_rollback_is_one_task_that_is_tried_once(dags: Mapping[str, Any]) -> None:
    (task,) = dags["rollback"].tasks
    assert (task.module, task.retries) == ("lake.roll_back", 0)
    assert dags["rollback"].max_active_runs == 1

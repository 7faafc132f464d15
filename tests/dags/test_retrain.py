"""The order of a retraining, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from runtime.process import Result
from tasks.assets import CANDIDATES
from tasks.candidate import MakeCandidate

TRAINED = {"folder": "var/training/experts/abc", "examples": 40, "validation": {"4": {"recall": 0.4}}, "release": None}


@pytest.fixture
def retrain(dags: Mapping[str, Any]) -> Any:
    return dags["retrain"]


def test_order(retrain: Any) -> None:
    assert {task.task_id: task.upstream_task_ids for task in retrain.tasks} == {
        "champion": set(),
        "examples": {"champion"},
        "publish": {"examples"},
        "experts": {"publish"},
        "candidate": {"experts"},
    }


def test_examples_that_are_there_do_not_stop_the_training(retrain: Any) -> None:
    assert retrain.get_task("experts").trigger_rule == "none_failed"
    assert retrain.get_task("candidate").trigger_rule == "none_failed"


def test_both_steps_learn_of_as_many_days(retrain: Any) -> None:
    wanted = "{{ '--newest=%d' % params.days if params.days else '' }}"
    for step in ("examples", "experts"):
        assert wanted in retrain.get_task(step).arguments


class Events(dict[Any, Any]):
    """Stands for Airflow's events of a task's outlets."""

    class Event:
        extra: dict[str, Any]

    def __missing__(self, asset: Any) -> Event:
        self[asset] = found = self.Event()
        return found


def made(new: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[Events, list[list[str]], Any]:
    asked: list[list[str]] = []

    def command(self: Any, module: str, arguments: list[str]) -> Result:
        asked.append([module, *arguments])
        told = {"candidate": "experts-1", "beside": "experts-0", "new": new, "files": {"a": "digest"}}
        return Result(0, told, "", 1.0)

    monkeypatch.setattr(MakeCandidate, "command", command)
    events = Events()
    task = MakeCandidate(task_id="candidate", experts=TRAINED, beside="experts-0")
    return events, asked, lambda: task.execute({"outlet_events": events})


def test_the_event_names_the_candidate_and_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    events, asked, execute = made(True, monkeypatch)
    execute()
    extra = events[CANDIDATES].extra
    assert extra["release"] == "experts-1"
    assert extra["beside"] == "experts-0"
    assert extra["figures"]["experts.examples"] == 40
    assert extra["figures"]["experts.validation.4.recall"] == 0.4
    assert asked == [
        [
            *("model_steps.release", "--out", "var/releases", "--experts", "var/training/experts/abc"),
            *("--candidate-beside", "experts-0"),
        ]
    ]


def test_a_champion_trained_again_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    events, _, execute = made(False, monkeypatch)
    with pytest.raises(AirflowSkipException, match="nothing to judge"):
        execute()
    assert not events

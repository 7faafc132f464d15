"""Which days a retraining takes, and what its commands run in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from lake.registry.splits import SplitRule
from settings import PREFIX, AirflowSettings, RetrainingSettings, Settings
from tasks import policy
from tasks.retraining import PresetCommand
from tasks.retraining_days import retraining_days

# Of the demo log: training ends by 2017-09-07.
RULE = SplitRule(days=("2017-09-06", "2017-10-04"), leave_out=())
YEAR_ENDS = "2018-01-01"


def test_the_newest_training_days() -> None:
    found = retraining_days(RULE, "2017-01-01", YEAR_ENDS, 60, 1, 3)
    assert found.tuned == ("2017-08-23",)
    assert found.reinforced == ("2017-08-23", "2017-08-09", "2017-07-26")
    # The 60 days after it end before 2017-09-07, and those after 2017-07-12 do not.
    assert found.labelled == "2017-06-28"
    assert found.landed_until == "2017-09-06"


def test_a_log_that_is_younger_than_the_first_evaluation_day() -> None:
    # The outcomes of 2017-08-23 end with 2017-09-06: a log until the day before has not all of them.
    found = retraining_days(RULE, "2017-01-01", "2017-09-06", 30, 9, 1)
    assert found.tuned[0] == "2017-08-09"
    assert found.labelled == "2017-07-26"
    # Outcomes of 2017-08-09 until 2017-08-23, labels of 2017-07-26 until 2017-08-25.
    assert found.landed_until == "2017-08-25"


@pytest.mark.parametrize(
    ("first_day", "outcome_days", "sentence"),
    [
        ("2017-08-01", 60, "No day has 90 days of history and 14 days of outcomes"),
        ("2017-01-01", 200, "No training day has 200 days after it"),
    ],
)
def test_a_log_that_is_too_short_is_told(first_day: str, outcome_days: int, sentence: str) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        retraining_days(RULE, first_day, YEAR_ENDS, outcome_days, 1, 1)


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_sizes_of_a_preset_are_settings(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in RetrainingSettings().preset(name).environment(PREFIX, {}).items():
        monkeypatch.setenv(key, value)
    found = Settings()
    if name == "tiny":
        assert (found.experts.steps, found.experts.expected, found.reward.steps) == (8, 0, 4)
        assert found.judge_labels.users == 12
    if name == "small":
        assert found.experts == Settings().experts


def test_what_is_set_by_hand_is_stronger_than_a_preset() -> None:
    tiny = RetrainingSettings().tiny
    given = {"INTENTFLOW_EXPERTS__STEPS": "9", "intentflow_reward__steps": "9"}
    found = tiny.environment(PREFIX, given)
    assert not {name.upper() for name in given} & set(found)
    assert found["INTENTFLOW_JUDGE_LABELS__USERS"] == "12"


PRINTS = """
import json, os
print(json.dumps({"steps": os.environ.get("INTENTFLOW_EXPERTS__STEPS"), "home": os.environ.get("HOME")}))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "prints_its_environment.py").write_text(PRINTS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "prints_its_environment"


def run(task: PresetCommand) -> Any:
    task.allow_nested_operators = True
    context: Any = {}
    return task.execute(context)


def test_a_command_finds_the_sizes_in_its_environment(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    task = PresetCommand(task_id="experts", module=module, preset="tiny")
    assert run(task) == {"steps": "8", "home": "/somewhere"}
    monkeypatch.setenv("INTENTFLOW_EXPERTS__STEPS", "9")
    assert run(task)["steps"] == "9"


def test_a_launcher_starts_a_command_in_place_of_python(module: str) -> None:
    task = PresetCommand(task_id="reinforce", module=module, preset="tiny", launch=["env", "HOME=/x", sys.executable])
    assert run(task)["home"] == "/x"
    missing = PresetCommand(task_id="reinforce", module=module, preset="tiny", launch=["no-such-launcher"])
    with pytest.raises(AirflowException, match="no-such-launcher"):
        run(missing)


def test_training_and_inference_move_to_a_pool_of_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy.model_pool() == "heavy"
    on_a_cluster = Settings(airflow=AirflowSettings(gpu_pool="gpu"))
    monkeypatch.setattr(policy, "load_settings", lambda: on_a_cluster)
    assert (policy.model_pool(), policy.heavy_pool()) == ("gpu", "heavy")

"""The order of a retraining, what a preset skips in it, what its commands are told, and what its event tells."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, ParamValidationError
from jinja2 import Environment

from runtime.process import Result
from settings import JudgeSettings, Settings, load_settings
from tasks.assets import CANDIDATES
from tasks.candidate import MakeCandidate
from tasks.retraining_days import RetrainingDays, arguments_of
from tests.dags.parsers import parser_of

DAYS = RetrainingDays(("2017-08-23",), ("2017-08-23", "2017-08-09"), "2017-06-28", "2017-09-06")
LANDS = {"land.stage", "land.roll_up"}
# What tasks leave, as far as later ones ask for it.
LEFT = {
    "champion": {"release": "experts-0", "dtype": "float32"},
    "experts": {"folder": "var/training/experts/abc"},
    "judge": {"release_folder": "releases/judge-1"},
    "reward": {"folder": "var/training/reward/abc/reward-1"},
    "reinforce": {"folder": "var/training/reinforcement/abc"},
    "captions": {"folder": "var/training/captions/abc"},
}


@pytest.fixture
def retrain(dags: Mapping[str, Any]) -> Any:
    return dags["retrain"]


def told(dag: Any, rolled_up: set[str], **params: Any) -> dict[str, tuple[str, list[str]]]:
    """By task that is not skipped: its module, and the arguments that its command gets."""
    values = {name: dag.params[name] for name in dag.params} | params
    settings = Settings(judge=JudgeSettings(release=Path("releases/judge-1")))
    preset = settings.retraining.preset(values["preset"])
    results = {**LEFT, "days": arguments_of(DAYS, preset, settings, rolled_up)}

    class Instance:
        def xcom_pull(self, task_ids: str) -> Any:
            return results[task_ids]

    def rendered(template: str) -> str:
        of_run = {"params": values, "ti": Instance(), "run_id": "manual__2026-01-01T00:00:00+00:00"}
        return Environment(autoescape=False).from_string(template).render(of_run)

    found = {}
    for task in dag.tasks:
        if not hasattr(task, "arguments") or (task.when is not None and not rendered(task.when)):
            continue
        lines = [line for argument in task.arguments for line in rendered(argument).splitlines()]
        found[task.task_id] = (task.module, lines)
    return found


def test_order(retrain: Any) -> None:
    after = {task.task_id: task.upstream_task_ids for task in retrain.tasks}
    trained = {"adaptor", "experts", "reward", "reinforce", "captions", "reinforce_captions", "evaluate"}
    assert after == {
        "champion": set(),
        "days": {"champion"},
        "land.stage": {"days"},
        "land.publish": {"land.stage"},
        "land.roll_up": {"land.publish"},
        "land.publish_roll_up": {"land.roll_up"},
        "compress.signals": {"land.publish_roll_up"},
        "compress.contexts": {"land.publish_roll_up"},
        "compress.publish": {"compress.signals", "compress.contexts"},
        "embed": {"compress.publish"},
        "examples": {"embed"},
        "publish": {"examples"},
        "adaptor": {"publish"},
        "experts": {"adaptor"},
        "labels": {"experts"},
        "judge": {"labels"},
        "reward": {"judge"},
        "reinforce": {"reward"},
        "captions": {"reinforce"},
        "reinforce_captions": {"captions"},
        "evaluate": {"reinforce_captions"},
        "candidate": trained,
    }


def test_one_at_a_time_when_somebody_asks(retrain: Any) -> None:
    assert retrain.max_active_runs == 1
    assert retrain.schedule is None


def test_what_is_skipped_skips_nothing_but_its_publication(retrain: Any) -> None:
    for task in retrain.tasks:
        publishes = task.task_id.rpartition(".")[2].startswith("publish")
        if task.upstream_list and task.task_id != "days":
            # Contexts are published where signals are skipped: only an adaptor's training wants these.
            alone = publishes and len(task.upstream_list) == 1
            assert task.trigger_rule == ("all_success" if alone else "none_failed"), task.task_id
    assert len(retrain.get_task("compress.publish").upstream_list) == 2


def test_steps_that_use_the_model_share_a_pool(retrain: Any) -> None:
    pool = load_settings().airflow.heavy_pool
    light = {task.task_id for task in retrain.tasks if task.pool != pool}
    assert light == {
        *("champion", "days", "candidate", "publish"),
        *("land.publish", "land.publish_roll_up", "compress.publish"),
    }


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("preset", ["tiny", "small", "paper"], [None, "full", ""]),
        ("days", [None, 1, 6], [0, "1", 1.5]),
        ("force", [True, False], [None, "yes"]),
    ],
)
def test_form_refuses_what_makes_no_sense(retrain: Any, name: str, good: list[Any], bad: list[Any]) -> None:
    # Resolving one keeps the value, and the DAG is everybody's.
    param = deepcopy(retrain.params.get_param(name))
    for value in good:
        assert param.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_a_landed_lake_is_not_landed_and_the_champions_adaptor_is_kept(retrain: Any, year: set[str]) -> None:
    by_task = told(retrain, year, preset="tiny")
    assert not LANDS & set(by_task)
    assert not {"adaptor", "compress.signals"} & set(by_task)
    assert by_task["compress.contexts"][1] == ["--day=2017-08-23"]


def test_a_fresh_lake_is_landed_until_the_last_outcome(retrain: Any, year: set[str]) -> None:
    by_task = told(retrain, year - {"2017-09-06"}, preset="tiny")
    assert by_task["land.stage"][1] == ["--from", "2017-09-06", "--to", "2017-09-06", "--with-earlier-days"]
    assert by_task["land.roll_up"][1] == ["--day", "2017-09-06"]
    # A later day is none of this run's.
    assert not LANDS & set(told(retrain, year - {"2017-09-07"}, preset="tiny"))


def test_each_step_begins_with_what_the_one_before_it_left(retrain: Any, year: set[str]) -> None:
    by_task = told(retrain, year, preset="small")
    both = ["--day=2017-08-23", "--day=2017-08-09"]
    assert by_task["examples"] == ("spark_jobs.examples", both)
    assert by_task["adaptor"] == ("model_steps.train_adaptor", ["--day=2017-08-23"])
    assert by_task["experts"] == ("model_steps.train_experts", ["--day=2017-08-23"])
    assert by_task["labels"] == ("model_steps.build_judge_labels", ["--day=2017-06-28"])
    judge = f"--keep={load_settings().lake.first_release.parent / 'judge-1'}"
    assert by_task["judge"] == ("model_steps.train_judge", ["--day=2017-06-28", judge])
    assert by_task["reward"] == ("model_steps.train_reward", ["--judge=releases/judge-1", "--day=2017-06-28"])
    assert by_task["reinforce"] == (
        "model_steps.reinforce_experts",
        [
            "--start=var/training/experts/abc",
            "--reward=var/training/reward/abc/reward-1",
            *both,
            "--preset=small",
        ],
    )
    assert by_task["captions"] == ("model_steps.train_captions", ["--day=2017-08-23"])
    assert by_task["reinforce_captions"] == (
        "model_steps.reinforce_captions",
        ["--start=var/training/captions/abc", "--day=2017-08-23", "--preset=small"],
    )
    assert by_task["evaluate"] == (
        "model_steps.evaluate_experts",
        [
            "--candidate=var/training/reinforcement/abc",
            "--before=var/training/experts/abc",
            "--champion=experts-0",
            "--day=2017-08-23",
            "--users=64",
        ],
    )


def test_who_forces_a_run_gets_folders_of_its_own(retrain: Any, year: set[str]) -> None:
    forced = told(retrain, year, preset="small", force=True)
    folder = load_settings().retraining.folder / "forced/manual__2026-01-01T00-00-00-00-00"
    for task in ("adaptor", "experts", "judge", "reward", "reinforce", "captions", "reinforce_captions", "evaluate"):
        assert forced[task][1][-1] == f"--out={folder}/{task}"
    assert forced["examples"][1][-1] == "--force"


@pytest.fixture
def year() -> set[str]:
    return {f"2017-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 32)}


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize(
    "module",
    [
        "model_steps.build_judge_labels",
        "model_steps.evaluate_experts",
        "model_steps.reinforce_captions",
        "model_steps.reinforce_experts",
        "model_steps.train_adaptor",
        "model_steps.train_captions",
        "model_steps.train_experts",
        "model_steps.train_judge",
        "model_steps.train_reward",
        "spark_jobs.examples",
    ],
)
def test_each_command_understands_what_it_is_told(
    retrain: Any, year: set[str], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [told(retrain, year, preset="small", force=force) for force in (False, True)]
    lines = [lines for by_task in runs for of_module, lines in by_task.values() if of_module == module]
    assert lines, f"no task runs {module}"
    if find_spec(module) is None:
        pytest.skip(f"{module} is not there yet")
    parser = parser_of(module, monkeypatch)
    for line in lines:
        parser.parse_args(line)


# --- the candidate

TRAINED = {
    "adaptor": None,
    "experts": {"folder": "var/training/experts/abc", "examples": 40, "reused": True},
    "reinforce": {
        "folder": "var/training/reinforcement/abc",
        "work": "w",
        "validation": {"4": {"recall": 0.4}},
        "release": None,
    },
    "evaluate": {"recall_at_30": {"candidate": {"value": 0.3, "low": 0.2, "high": 0.4}}},
}


class Events(dict[Any, Any]):
    """Stands for Airflow's events of a task's outlets."""

    class Event:
        extra: dict[str, Any]

    def __missing__(self, asset: Any) -> Event:
        self[asset] = found = self.Event()
        return found


class Told:
    """Stands for an event of before."""

    def __init__(self, release: str, beside: str) -> None:
        self.extra = {"release": release, "beside": beside}


class Made:
    """A candidate task with what it told, asked and pushed."""

    def __init__(self, new: bool, monkeypatch: pytest.MonkeyPatch, trained: Mapping[str, Any] = TRAINED) -> None:
        self.events, self.pushed = Events(), dict[str, Any]()
        self.asked: list[list[str]] = []

        def command(_task: Any, module: str, arguments: list[str]) -> Result:
            self.asked.append([module, *arguments])
            manifest = {"candidate": "experts-1", "beside": "experts-0", "new": new, "files": {"a": "digest"}}
            return Result(0, {**manifest, "record": "lake/_releases/experts-1/release.json"}, "", 1.0)

        monkeypatch.setattr(MakeCandidate, "command", command)
        self.task = MakeCandidate(task_id="candidate", trained=trained, beside="experts-0", preset="tiny")

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def execute(self, *before: Told) -> dict[str, Any]:
        context: Any = {"outlet_events": self.events, "inlet_events": {CANDIDATES: before}, "ti": self}
        return self.task.execute(context)


def test_the_event_names_the_candidate_its_trainings_and_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(True, monkeypatch)
    made.execute()
    extra = made.events[CANDIDATES].extra
    assert {name: extra[name] for name in ("release", "beside", "preset", "files", "record")} == {
        "release": "experts-1",
        "beside": "experts-0",
        "preset": "tiny",
        "files": {"a": "digest"},
        "record": "lake/_releases/experts-1/release.json",
    }
    assert extra["training"] == {
        "experts": {"folder": "var/training/experts/abc"},
        "reinforce": {"folder": "var/training/reinforcement/abc", "work": "w"},
        "evaluate": {},
    }
    assert extra["figures"]["experts.examples"] == 40
    assert extra["figures"]["reinforce.validation.4.recall"] == 0.4
    assert extra["figures"]["evaluate.recall_at_30.candidate.low"] == 0.2
    assert made.asked == [
        [
            *("model_steps.release", "--out", "var/releases", "--experts", "var/training/reinforcement/abc"),
            *("--candidate-beside", "experts-0"),
        ]
    ]


def test_a_trained_adaptor_is_the_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(True, monkeypatch, {**TRAINED, "adaptor": {"folder": "var/training/adaptor/abc"}})
    made.execute()
    assert made.asked[0][-2:] == ["--adaptor", "var/training/adaptor/abc"]


def test_a_trained_explainer_is_the_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(True, monkeypatch, {**TRAINED, "reinforce_captions": {"folder": "var/training/captions/abc"}})
    made.execute()
    assert made.asked[0][-2:] == ["--explainer", "var/training/captions/abc"]
    assert made.events[CANDIDATES].extra["training"]["reinforce_captions"] == {"folder": "var/training/captions/abc"}


def test_a_champion_trained_again_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(False, monkeypatch)
    with pytest.raises(AirflowSkipException, match="nothing to judge"):
        made.execute()
    assert not made.events
    assert made.pushed["return_value"]["candidate"] == "experts-1"


def test_a_candidate_is_told_once_beside_one_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(True, monkeypatch)
    with pytest.raises(AirflowSkipException, match="experts-1 was told before"):
        made.execute(Told("experts-2", "experts-0"), Told("experts-1", "experts-0"))
    assert not made.events
    assert made.pushed["return_value"]["new"] is False
    made.execute(Told("experts-1", "another"), Told("experts-2", "experts-0"))
    assert made.events[CANDIDATES].extra["release"] == "experts-1"

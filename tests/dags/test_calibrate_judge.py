"""The order of a judge's exam, what is skipped in it, and that its commands understand what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy, deepcopy
from importlib.util import find_spec
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from jinja2 import Environment, StrictUndefined

from settings import load_settings
from tasks.exam_days import SIZES, ExamDays, arguments_of
from tests.dags.parsers import parser_of

DAYS = ExamDays("2017-06-28", ("2017-10-04", "2017-11-01"), "2017-12-31")
WRITES = {"compress.signals", "compress.contexts", "infer.stage", "champion"}


@pytest.fixture
def calibrate(dags: Mapping[str, Any]) -> Any:
    return dags["calibrate_judge"]


class Instance:
    """Stands for a task instance: what the tasks before it have returned."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.results = results

    def xcom_pull(self, task_ids: str) -> Any:
        return self.results[task_ids]


def told(dag: Any, has_own: bool, named: list[str], **params: Any) -> dict[str, tuple[str, list[str]]]:
    """By task that is not skipped: its module, and the arguments that its command gets."""
    values = {name: dag.params[name] for name in dag.params} | params
    results: dict[str, Any] = {
        "days": arguments_of(DAYS, SIZES[values["preset"]], "var/lake", has_own, named),
        "champion": {"release": "experts-1", "dtype": "float32"},
        "tune": {"release_folder": "var/releases/judge-2"},
    }
    context: Any = {"params": values, "ti": Instance(results), "partition_key": None}
    found = {}
    for task in dag.topological_sort():
        if "arguments" not in task.template_fields:
            continue
        ran = copy(task)
        ran.render_template_fields(context, Environment(autoescape=False, undefined=StrictUndefined))
        if ran.when is not None and not ran.when:
            # As Airflow has it: what was skipped returned nothing.
            results[task.task_id] = None
        else:
            found[task.task_id] = (ran.module, [line for argument in ran.arguments for line in argument.splitlines()])
    return found


def test_order(calibrate: Any) -> None:
    assert {task.task_id: task.upstream_task_ids for task in calibrate.tasks} == {
        "days": set(),
        "champion": {"days"},
        "land.stage": {"champion"},
        "land.publish": {"land.stage"},
        "compress.roll_up": {"land.publish"},
        "compress.publish_roll_up": {"compress.roll_up"},
        "compress.signals": {"compress.publish_roll_up"},
        "compress.contexts": {"compress.publish_roll_up"},
        "compress.publish": {"compress.signals", "compress.contexts"},
        "embed": {"compress.publish"},
        "infer.stage": {"embed"},
        "infer.publish": {"infer.stage"},
        "freeze": {"infer.publish"},
        "labels": {"freeze"},
        "tune": {"labels"},
        "exam": {"tune"},
    }


def test_one_at_a_time_when_somebody_asks(calibrate: Any) -> None:
    assert calibrate.max_active_runs == 1
    assert calibrate.schedule is None


def test_what_is_skipped_skips_nothing_but_its_publication(calibrate: Any) -> None:
    for task in calibrate.tasks:
        publishes = task.task_id.rpartition(".")[2].startswith("publish")
        if task.upstream_list and task.task_id != "champion":
            assert task.trigger_rule == ("all_success" if publishes else "none_failed"), task.task_id


def test_heavy_tasks_share_a_pool(calibrate: Any) -> None:
    heavy = {"land.stage", "compress.roll_up", "compress.signals", "compress.contexts", "embed", "infer.stage"}
    pool = load_settings().airflow.heavy_pool
    assert {task.task_id for task in calibrate.tasks if task.pool == pool} == {*heavy, "labels", "tune", "exam"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("preset", ["small", "full"], [None, "medium", ""]),
        ("judge", ["shipped", "tune"], [None, "other"]),
        ("outputs", [[], ["var/other", "bad=var/third"]], [None, "var/other", [""], [1]]),
        ("seed", [None, 0, 7], [-1, "7", 1.5]),
        ("force", [True, False], [None, "yes"]),
    ],
)
def test_form_refuses_what_makes_no_sense(calibrate: Any, name: str, good: list[Any], bad: list[Any]) -> None:
    # Resolving one keeps the value, and the DAG is everybody's.
    param = deepcopy(calibrate.params.get_param(name))
    for value in good:
        assert param.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            param.resolve(value)
    assert param.description


def test_a_fresh_lake_gets_what_the_champion_writes(calibrate: Any) -> None:
    by_task = told(calibrate, has_own=False, named=[])
    assert set(by_task) >= WRITES
    assert "tune" not in by_task
    assert by_task["land.stage"][1] == ["--from", "2017-12-31", "--to", "2017-12-31", "--with-earlier-days"]
    assert by_task["compress.roll_up"][1] == ["--day", "2017-11-01"]
    assert by_task["embed"][1] == ["--day=2017-11-01", "--users=16"]
    release = ["--release=experts-1", "--dtype=float32"]
    assert by_task["infer.stage"][1] == ["--day", "2017-11-01", "--users=16", *release]
    days = ["--day=2017-10-04", "--day=2017-11-01"]
    assert by_task["freeze"] == ("evaluation.freeze", days)
    assert by_task["labels"][1] == ["--day=2017-06-28", *days, "--users=32", "--intents=var/lake"]
    assert by_task["exam"] == ("model_steps.calibrate_judge", ["--preset=small"])


def test_where_outputs_are_nothing_is_written(calibrate: Any) -> None:
    for has_own, named in ((True, []), (False, ["bad=var/other"])):
        by_task = told(calibrate, has_own=has_own, named=named)
        assert not WRITES & set(by_task)
        assert by_task["embed"][1] == ["--categories"]


def test_a_tuned_judge_is_the_one_that_is_examined(calibrate: Any) -> None:
    by_task = told(calibrate, True, ["a=var/a"], preset="full", judge="tune", seed=7, force=True)
    assert by_task["tune"] == ("model_steps.train_judge", [])
    assert by_task["exam"][1] == ["--preset=full", "--judge=var/releases/judge-2", "--seed=7", "--force"]
    assert by_task["labels"][1][-2:] == ["--intents=a=var/a", "--intents=var/lake"]
    assert not [argument for argument in by_task["labels"][1] if argument.startswith("--users")]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize(
    "module",
    [
        "evaluation.freeze",
        "lake.champion",
        "model_steps.build_judge_labels",
        "model_steps.calibrate_judge",
        "model_steps.embed",
        "model_steps.infer",
        "model_steps.train_judge",
        "spark_jobs.compress",
        "spark_jobs.land",
        "spark_jobs.roll_up",
        "spark_jobs.signals",
    ],
)
def test_each_command_understands_what_it_is_told(calibrate: Any, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = told(calibrate, False, [])
    later = told(calibrate, True, ["a=var/a"], preset="full", judge="tune", seed=7, force=True)
    lines = [lines for by_task in (fresh, later) for of_module, lines in by_task.values() if of_module == module]
    assert lines, f"no task runs {module}"
    if find_spec(module) is None:
        pytest.skip(f"{module} is not there yet")
    parser = parser_of(module, monkeypatch)
    for line in lines:
        parser.parse_args(line)

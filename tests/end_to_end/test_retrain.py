"""``make retrain`` at its tiny preset on a landed lake: from examples to a candidate, once, on a real Airflow.

Minutes long, so not a part of ``make test``: ``make prove-retraining`` runs it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lake.delta import tables
from lake.registry import releases
from lake.registry.releases import EXPERTS
from launcher.airflow_processes import FOR_A_RUN, Airflow, running_airflow
from launcher.rest import Rest
from model_steps.training.record import read_experts
from schemas import examples, holdout
from settings import AirflowSettings
from tests.end_to_end.airflow import HANGS, ROOT, RunningAirflow

MOST_SECONDS = 10 * 60
DAG_ID = "retrain"
UNTIL = "2017-09-06"
TRAINED = ("experts", "reward", "reinforce", "evaluate")
# What a threshold decides about, and nothing else does.
THRESHOLD = {"INTENTFLOW_REINFORCEMENT__TAU_DIVERSITY": "0.01"}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> RunningAirflow:
    """A lake with the log of the training days landed and rolled up, and no Airflow yet: each run starts its own."""
    found = RunningAirflow(tmp_path_factory.mktemp("retraining"))
    for name in ("SOURCE__FIRST_DAY", "INFERENCE__PERSONAS"):
        del found.environment[f"INTENTFLOW_{name}"]
    folders = {name: str(found.folder / "training" / name.lower()) for name in ("EXPERTS", "REWARD", "REINFORCEMENT")}
    folders |= {name: str(found.folder / "training" / name.lower()) for name in ("JUDGE_TRAINING", "RETRAINING")}
    found.environment |= {f"INTENTFLOW_{name}__FOLDER": folder for name, folder in folders.items()}
    publish(found, found.command("spark_jobs.land", "--from", UNTIL, "--to", UNTIL, "--with-earlier-days"))
    publish(found, found.command("spark_jobs.roll_up", "--day", UNTIL))
    return found


def publish(airflow: RunningAirflow, manifest: dict[str, Any]) -> None:
    named = (part for batch in manifest["batches"] for part in ("--batch", batch))
    airflow.command("lake.audit", "--publish", *named)


def retrain(airflow: RunningAirflow, **settings: str) -> tuple[str, float]:
    """``make retrain PRESET=tiny``; returns what it said, and its seconds."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "retrain", "--preset", "tiny"],
        cwd=ROOT,
        env={**airflow.environment, **settings},
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout, time.monotonic() - began


def told(airflow: RunningAirflow) -> tuple[dict[str, str | None], dict[str, Any], list[dict[str, Any]]]:
    """Of the newest run the tasks' states and manifests, and the events on the asset, oldest first."""
    settings = AirflowSettings(
        home=airflow.folder / "airflow", port=int(airflow.environment["INTENTFLOW_AIRFLOW__PORT"])
    )
    with running_airflow(settings, lambda _rest: None, FOR_A_RUN) as running:
        return of_newest_run(running)


def of_newest_run(running: Airflow) -> tuple[dict[str, str | None], dict[str, Any], list[dict[str, Any]]]:
    rest: Rest = running.rest
    run = rest.runs(DAG_ID)[-1]
    states = {task.task_id: task.state for task in rest.tasks(DAG_ID, run.run_id)}
    manifests = {name: rest.result(DAG_ID, run.run_id, name) for name in (*TRAINED, "judge", "candidate")}
    events = rest._call("GET", "/assets/events", parameters={"order_by": "timestamp"}).json()["asset_events"]
    return states, manifests, [event["extra"] for event in events if event["name"] == "candidates"]


def weights(training: Mapping[str, Any]) -> str:
    """Digest of the adapter that a training's manifest tells the folder of."""
    return str(read_experts(Path(training["folder"])).record["adapter"])


@pytest.mark.proof
def test_a_landed_lake_gets_a_candidate_and_a_second_run_does_nothing(landed: RunningAirflow) -> None:
    airflow, lake = landed, landed.lake
    said, seconds = retrain(airflow)
    states, made, events = told(airflow)
    assert seconds < MOST_SECONDS
    assert {name for name, state in states.items() if state == "skipped"} >= {"land.stage", "land.roll_up", "adaptor"}
    assert not any(made[name].get("reused") for name in TRAINED)

    (event,) = events
    release, _ = releases.read(lake, event["release"])
    assert f"Candidate {event['release']} beside the champion {event['beside']}" in said
    assert release.training[EXPERTS]["work"] == event["training"]["reinforce"]["work"]
    assert release.files == event["files"]
    assert event["figures"]["evaluate.users"] >= 1
    assert event["preset"] == "tiny"
    # Nobody works with it, and the holdout is as closed as before.
    assert event["beside"] != event["release"]
    assert tables.version(lake, holdout.TABLE) is None

    # Started again it does nothing: each step finds its own work, and nobody is told twice.
    version = tables.version(lake, examples.TABLE)
    said, again = retrain(airflow)
    states, reused, events = told(airflow)
    assert again < seconds / 2
    assert all(reused[name]["reused"] for name in (*TRAINED, "judge"))
    assert (states["candidate"], states["publish"]) == ("skipped", "skipped")
    assert events == [event]
    assert "was told before" in said
    assert tables.version(lake, examples.TABLE) == version

    # One changed threshold runs reinforcement and what follows it, and nothing before.
    retrain(airflow, **THRESHOLD)
    _, changed, events = told(airflow)
    assert changed["reinforce"]["folder"] != made["reinforce"]["folder"]
    # Three steps may leave the weights that they began with as the best ones, and the same weights are compared once.
    same = {"evaluate"} if weights(changed["reinforce"]) == weights(made["reinforce"]) else set()
    assert {name for name in TRAINED if changed[name]["reused"]} == {"experts", "reward"} | same
    assert changed["experts"]["folder"] == made["experts"]["folder"]
    assert len(events) == 2

"""Reviews on a real Airflow: every way that one can end, each answered through REST as a reviewer would.

Long, so not a part of ``make test``: ``make prove-review`` runs it. The lake has no champion at first, so floors alone
decide and a mild policy surely says GO, however few users are measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import yaml

from bench.lakes.landed import DEMO_KEY
from lake.registry import canary as canaries
from lake.registry import champions, evidence, releases
from lake.registry.canary import Canary
from lake.registry.champions import Terms
from lake.registry.days import read_day
from launcher.rest import DagRun, Rest
from schemas import intents, personas
from settings import load_settings
from tests.end_to_end.airflow import DAY, RunningAirflow

DAG_ID, TASK = "review", "approval"
MOST_SECONDS = 60 * 60
# A reviewer's time; nobody needs half of it but who is silent.
ANSWER_SECONDS = 240
MILD: Mapping[str, Any] = {
    "name": "mild",
    "holdout_openings": 1_000,
    "judge_minimum_kappa": 0.4,
    "release": {"load_seconds": 3_600, "answer_seconds": 3_600, "memory_gib": 64, "catalog_near": 0},
    "metrics": [
        {"name": "recall_at_30", "tier": "critical", "floor": 0, "allowed_loss": 1, "gain": 0, "least_users": 4}
    ],
}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """The whole demo log under the key that the shipped release was trained with, and that release as candidate."""
    found = RunningAirflow(tmp_path_factory.mktemp("review"))
    for name in ("SOURCE__FIRST_DAY", "INFERENCE__PERSONAS"):
        del found.environment[f"INTENTFLOW_{name}"]
    (found.folder / "key").write_bytes(DEMO_KEY)
    policies = found.folder / "policies"
    policies.mkdir()
    (policies / "mild.yaml").write_text(yaml.safe_dump(dict(MILD)))
    (policies / "shipped.yaml").write_text(load_settings().gate.policy.read_text())
    found.environment |= {
        "INTENTFLOW_GATE__POLICY": str(policies / "shipped.yaml"),
        "INTENTFLOW_REVIEW__USERS": "12",
        "INTENTFLOW_REVIEW__TUNING_USERS": "4",
        "INTENTFLOW_REVIEW__ANSWER_HOURS": str(ANSWER_SECONDS / 3600),
    }
    releases.install(found.lake, *releases.load(load_settings().lake.first_release))
    found.begin()
    for dag_id in (DAG_ID, "rollback"):
        found.rest().set_paused(dag_id, False)
    yield found
    found.end()


def candidate() -> str:
    return load_settings().lake.first_release.name


def begin(airflow: RunningAirflow, release: str, policy: str = "mild") -> str:
    return airflow.rest().trigger(DAG_ID, None, {"candidate": release, "policy": policy}).run_id


def states(airflow: RunningAirflow, run_id: str) -> dict[str, str | None]:
    return {task.task_id: task.state for task in airflow.rest().tasks(DAG_ID, run_id)}


def wait(airflow: RunningAirflow, run_id: str, until: str | None = None) -> DagRun:
    """Wait until a run is over, or its reviewer is asked."""
    give_up = time.monotonic() + MOST_SECONDS
    while time.monotonic() < give_up:
        run = airflow.rest().run(DAG_ID, run_id)
        if run.finished or (until and states(airflow, run_id).get(TASK) == until):
            return run
        time.sleep(2)
    raise AssertionError(f"{run_id} hangs: {states(airflow, run_id)}")


def asked(airflow: RunningAirflow, run_id: str) -> dict[str, Any]:
    """The page and the form that the reviewer sees."""
    run = wait(airflow, run_id, "awaiting_input")
    assert not run.finished, states(airflow, run_id)
    return dict(airflow.rest()._call("GET", hitl(run_id)).json())


def hitl(run_id: str) -> str:
    return f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}/-1/hitlDetails"


def answer(
    airflow: RunningAirflow, run_id: str, choice: str, shown: Mapping[str, Any], who: str = "reviewer", **form: Any
) -> httpx.Response:
    """Send the form as it was shown, with some values changed."""
    values = {name: field["value"] for name, field in shown["params"].items()} | form
    rest = Rest(airflow.address, airflow.passwords, user=who)
    body = {"chosen_options": [choice], "params_input": values}
    return rest._call("PATCH", hitl(run_id), body, allow=(400, 403, 409))


def look_at_pages(airflow: RunningAirflow, run_id: str, decided: str) -> None:
    """Nobody sees a page without a login; a viewer sees all of them, and the tabs lead to what was decided."""
    viewer = Rest(airflow.address, airflow.passwords, user="guest")
    viewer.dag(DAG_ID)  # It logs in.
    user = read_day(airflow.lake, intents.TABLE, DAY)["user_id"][0].as_py()
    tab = f"/gates/run?{urlencode({'dag_id': DAG_ID, 'run_id': run_id, 'task_id': TASK})}"
    shown = {
        "/gates/": decided,
        f"/gates/evidence/{decided}": "mild",
        "/gates/days": DAY,
        f"/gates/days/{DAY}": candidate(),
        f"/gates/users?day={DAY}": user,
        f"/gates/users/{user}?day={DAY}": "Rests on",
        tab: "mild",
    }
    for page, said in shown.items():
        assert httpx.get(f"{airflow.address}{page}", trust_env=False).status_code == 401, page
        answer = viewer._client.get(page, follow_redirects=True)
        assert (answer.status_code, said in answer.text) == (200, True), page


def dividing(record: int, users: set[str]) -> Terms:
    """Terms on which a record's canary serves some of these few users, and not all of them."""
    for percent in range(10, 100, 10):
        sides = {Canary(record, "", "", percent / 100).side_of(user) for user in users}
        if len(sides) == 2:
            return Terms(1, percent / 100)
    raise AssertionError(f"No share divides {users}.")


@pytest.mark.proof
def test_every_end_of_a_review(airflow: RunningAirflow) -> None:
    lake, name = airflow.lake, candidate()

    # A viewer may not answer, nor may an administrator who is no reviewer; what Airflow takes and we refuse ends red.
    run_id = begin(airflow, name)
    shown = asked(airflow, run_id)
    assert name in shown["body"]
    assert answer(airflow, run_id, "Approve", shown, who="guest").status_code == 403
    assert answer(airflow, run_id, "Approve", shown, who="admin").status_code == 403
    assert answer(airflow, run_id, "Approve", shown, comment="x" * 2_000).status_code == 200
    assert answer(airflow, run_id, "Approve", shown).status_code == 409
    assert wait(airflow, run_id).state == "failed"
    assert states(airflow, run_id)["promote"] == "upstream_failed"

    # Rejected, and not answered at all: green, and nobody is promoted.
    run_id = begin(airflow, name)
    assert answer(airflow, run_id, "Reject", asked(airflow, run_id), comment="not now").status_code == 200
    assert (wait(airflow, run_id).state, states(airflow, run_id)["promote"]) == ("success", "skipped")
    run_id = begin(airflow, name)
    assert (wait(airflow, run_id).state, states(airflow, run_id)["promote"]) == ("success", "skipped")
    assert airflow.rest().result(DAG_ID, run_id, TASK)["reviewer"] == ""

    # A gate that is cleared decides anew; the page of before is still shown, and approving it is refused.
    run_id = begin(airflow, name)
    old = asked(airflow, run_id)
    before = airflow.rest().result(DAG_ID, run_id, "gate")["evidence"]
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": ["gate"],
        "include_downstream": True,
        "only_failed": False,
    }
    airflow.rest()._call("POST", f"/dags/{DAG_ID}/clearTaskInstances", body)
    while states(airflow, run_id)["gate"] != "success":
        time.sleep(2)
    shown = asked(airflow, run_id)
    assert airflow.rest().result(DAG_ID, run_id, "gate")["evidence"] != before
    assert shown["body"] == old["body"]
    assert answer(airflow, run_id, "Approve", shown).status_code == 200
    assert wait(airflow, run_id).state == "failed"
    assert champions.current(lake) is None

    # Approved: champion, and the next refresh works with it.
    run_id = begin(airflow, name)
    assert answer(airflow, run_id, "Approve", asked(airflow, run_id), comment="fine").status_code == 200
    assert wait(airflow, run_id).state == "success"
    record = champions.current(lake)
    assert record
    assert (record.release, record.kind, record.reviewer, record.comment) == (name, "promote", "reviewer", "fine")
    assert evidence.read(lake, record.evidence)[0].policy == "mild"
    assert airflow.run().returncode == 0
    assert airflow.row()["release"] == name
    assert read_day(lake, personas.TABLE, DAY).num_rows > 0
    look_at_pages(airflow, run_id, record.evidence)

    # Another champion by an act of its own, as a canary: the next refresh works with both, each for its users.
    untuned = airflow.command("model_steps.release", "--out", str(airflow.folder / "releases"))
    terms = dividing(record.number + 1, set(read_day(lake, intents.TABLE, DAY)["user_id"].to_pylist()))
    promoted = champions.promote(
        lake, airflow.folder / "releases" / untuned["release"], "a try", kind="override", canary=terms
    )
    assert airflow.run().returncode == 0
    canary = canaries.of_row(airflow.row())
    assert canary
    assert (canary.record, canary.release, canary.beside) == (promoted.number, untuned["release"], name)
    served = {row["user_id"]: row["release"] for row in read_day(lake, intents.TABLE, DAY).to_pylist()}
    assert set(served.values()) == {canary.release, canary.beside}
    assert all(release == canary.release_for(user) for user, release in served.items())
    compared = airflow.command("evaluation.compare_canary", "--day", DAY)
    assert sum(compared["users"].values()) <= len(served)
    assert compared["canary"]["release"] == canary.release

    # The rollback returns the one before, and the next refresh uses it alone.
    rolled = airflow.rest().trigger("rollback", None, {"reason": "worse", "record": promoted.number})
    while not (run := airflow.rest().run("rollback", rolled.run_id)).finished:
        time.sleep(2)
    back = champions.current(lake)
    assert back
    assert (run.state, back.release, back.kind, back.reviewer) == ("success", name, "rollback", "admin")
    assert airflow.run("--force").returncode == 0
    assert (airflow.row()["release"], airflow.row()["canary"]) == (name, None)

    # Beside a champion and by the shipped policy so few users prove nothing: nobody is asked, and the run is red.
    run_id = begin(airflow, untuned["release"], "shipped")
    assert wait(airflow, run_id).state == "failed"
    ended = states(airflow, run_id)
    assert (ended["measure.champion"], ended["held_back"], ended[TASK]) == ("success", "failed", "skipped")
    assert evidence.head(lake, airflow.rest().result(DAG_ID, run_id, "gate")["evidence"]).day == DAY

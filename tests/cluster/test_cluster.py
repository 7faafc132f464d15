"""A cluster from settings alone: Spark standalone, S3 with credentials, PostgreSQL, two schedulers, two shards.

One day; the same day again, which is no work; the day once more on an empty lake, where a Spark worker and a scheduler
are lost in its midst. Minutes long, so not a part of ``make test``: ``make prove-cluster`` runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lake.registry.days import read_day
from schemas import failures, intents
from tests.cluster.cluster_site import SHARDS, Losses, Run, Site, content, running_site, versions
from tests.end_to_end.airflow import DAY, TAGS, USERS

pytestmark = pytest.mark.proof

UNDISTURBED, DISTURBED = "undisturbed", "disturbed"
# The commands of a day that compute something.
WORKING = [
    "lake.publish_day",
    "model_steps.embed",
    *["model_steps.infer"] * SHARDS,
    "model_steps.judge_sample",
    "spark_jobs.compress",
    "spark_jobs.land",
    "spark_jobs.roll_up",
    "spark_jobs.signals",
]
# One whole day is reused, or all days that it rests on are.
NO_WORK = re.compile(r"\breused True\b|\bdays 0\b.*\breused_days [1-9]")


@dataclass
class Proof:
    """Three runs that have ended, and what was published between them."""

    site: Site
    first: Run
    again: Run
    disturbed: Run
    before_again: dict[str, Any]
    after_again: dict[str, Any]


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    with (
        running_site(tmp_path_factory.mktemp("cluster")) as (site, server),
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in server.environment.items():
            environment.setenv(name, value)
        first = told("one day", site.run(UNDISTURBED))
        before = versions(site.lake(UNDISTURBED))
        again = told("the same day again", site.run(UNDISTURBED))
        after = versions(site.lake(UNDISTURBED))
        disturbed = told("with losses", site.run(DISTURBED, Losses(site, DISTURBED)))
        yield Proof(site, first, again, disturbed, before, after)


def told(name: str, run: Run) -> Run:
    """Say how a run ended, for the page and for whoever looks for what went wrong."""
    print(f"{name}: exit code {run.exit_code} after {run.seconds:.0f} s")
    for module, summary in run.manifests():
        print(f"  {module}: {summary}")
    for what, processes in run.lost.items():
        print(f"  lost {what} with {len(processes)} processes: {[line[:120] for line in processes]}")
    print(run.said[-6000:])
    assert run.exit_code == 0
    return run


def test_a_day_is_refreshed_on_the_cluster(proof: Proof) -> None:
    lake = proof.site.lake(UNDISTURBED)
    rows = read_day(lake, intents.TABLE, DAY).to_pylist()
    users = {row["user_id"] for row in rows}
    failed = read_day(lake, failures.TABLE, DAY, filters=[("step", "=", "infer")])
    assert len(users) + failed.num_rows == USERS
    assert len(rows) == TAGS * len(users) > 0
    assert [module for module, _ in proof.first.manifests() if module in WORKING] == WORKING


def test_every_task_of_the_same_day_again_says_that_it_reused_its_work(proof: Proof) -> None:
    said = [(module, summary) for module, summary in proof.again.manifests() if module in WORKING]
    assert [module for module, _ in said] == WORKING
    assert [(module, summary) for module, summary in said if not NO_WORK.search(summary)] == []
    assert proof.after_again == proof.before_again


def test_a_worker_and_a_scheduler_are_lost_in_the_midst_and_the_day_is_the_same(proof: Proof) -> None:
    lost = proof.disturbed.lost
    assert any("CoarseGrainedExecutorBackend" in line for line in lost["worker"])
    assert any("model_steps.infer" in line for line in lost["scheduler"])
    lines = [line for task in proof.disturbed.tasks.values() for line in task]
    assert any("Lost executor" in line for line in lines)
    assert re.search(r"Airflow's scheduler(-2)? ended with code -9\. Another takes over", proof.disturbed.said)
    assert re.search(r"infer\.shard.* started again \(try 2\)", proof.disturbed.said)
    expected, found = content(proof.site.lake(UNDISTURBED)), content(proof.site.lake(DISTURBED))
    assert {"intents", "personas", "contexts", "behaviors"} <= expected.keys()
    assert found == expected

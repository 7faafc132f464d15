"""Audit and publish as tasks; the day's row and the event; what a consumer reads. On a real lake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from airflow.sdk import DAG, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped

import settings
from lake.delta import audits, tables
from lake.delta.publishing import publish as publish_batches
from lake.delta.staging import Batch, StagedPartition, stage
from lake.publish_day import DAY_TABLES
from lake.publish_day import publish_day as publish_row
from lake.store.location import Lake
from runtime.errors import Exit
from runtime.process import Result
from schemas import intents
from schemas.table import Table
from tasks.assets import INTENTS
from tasks.command import Command
from tasks.published_day import one_release, publish_day
from tasks.publishing import AuditAndPublish, publish
from tasks.wanted import most_wanted

DAY = "2017-11-01"


@pytest.fixture
def own_lake(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of the settings, also for the commands that tasks start."""
    monkeypatch.setenv("INTENTFLOW_LAKE__URI", lake.root)
    monkeypatch.setenv("INTENTFLOW_LAKE__DATA_DOCS", f"{lake.root}-docs")
    settings.load_settings.cache_clear()
    yield lake
    settings.load_settings.cache_clear()


def staged(
    lake: Lake,
    table: Table,
    rows: list[dict[str, Any]],
    fingerprint: str = "f",
    metrics: Mapping[str, float] | None = None,
) -> Batch:
    """A staged batch of the day."""
    values = {name: "infer" if name == "step" else DAY for name in table.partition_by}
    data = pa.Table.from_pylist([{**values, **row} for row in rows], table.schema)
    file = stage(lake, table, data, fingerprint=fingerprint, partition=values)
    batch = Batch(table.name, "test", (StagedPartition(values, fingerprint, (file,), metrics or {}),))
    batch.save(lake)
    return batch


def passed(lake: Lake, batches: list[Batch]) -> list[Batch]:
    """The batches, each with a verdict as after a passed audit of all of them."""
    for batch in batches:
        audits.record(lake, batch, {"success": True, "co_audited": audits.co_audited(batches)[batch.digest]})
    return batches


def tag(user: str, rank: int, category: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "rank": rank,
        "tag": f"fresh {category}",
        "category": category,
        "category_similarity": 0.5,
        "persona": "cook",
        "why": "cooks",
        "expert": 1,
        "chosen_by": "arbiter",
        "release": "base",
    }


def execute(operator: Any, context: Context | None = None) -> Any:
    operator.allow_nested_operators = True
    return operator.execute(context or Context())


def test_nothing_staged_is_skipped() -> None:
    operator = AuditAndPublish(task_id="publish", manifests=[{"batches": []}, [{"rows": 1}], None])
    with pytest.raises(AirflowSkipException, match="published already"):
        execute(operator)


@pytest.mark.parametrize(("batches", "skipped"), [([], True), (["b"], False), (None, False)])
def test_a_step_that_staged_nothing_skips_its_publication(batches: list[str] | None, skipped: bool) -> None:
    """At the step's own end: for a skip no worker has to start."""
    manifest = {"rows": 0} if batches is None else {"rows": 0, "batches": batches}
    with DAG("skips", schedule=None):
        step = Command(task_id="stage", module="json.tool")
        publish(step.output, task_id="publish")
    pushed: dict[str, Any] = {}
    context = cast(Context, {"ti": SimpleNamespace(xcom_push=pushed.__setitem__)})
    step.command = lambda *_: Result(Exit.OK, manifest, "", 1.0)  # type: ignore[method-assign]
    if skipped:
        with pytest.raises(DownstreamTasksSkipped) as raised:
            execute(step, context)
        assert raised.value.tasks == ["publish"]
        assert pushed == {"return_value": manifest}
    else:
        assert execute(step, context) == manifest


def test_a_publication_of_two_steps_is_skipped_by_neither() -> None:
    with DAG("both", schedule=None):
        steps = [Command(task_id=name, module="json.tool") for name in ("signals", "contexts")]
        publish(*(step.output for step in steps))
    assert [step.publisher for step in steps] == [None, None]


def counted(lake: Lake, *users: str, wrong: int = 0) -> Batch:
    """A shard's staged intents, with the counts that the audit asks for."""
    rows = [tag(user, 1, "soup") for user in users]
    counts = {
        "users_in": len(users),
        "users_published": len(users),
        "users_failed": 0,
        "users_without_evidence": 0,
        "users_with_wrong_tags": wrong,
        "users_of_another_release": 0,
        "tags": len(rows),
    }
    return staged(lake, intents.TABLE, rows, fingerprint="-".join(users), metrics=counts)


def test_shards_are_audited_and_published_together(own_lake: Lake) -> None:
    batches = [counted(own_lake, "a"), counted(own_lake, "b")]
    operator = AuditAndPublish(task_id="publish", manifests=[[{"batches": [batch.path]} for batch in batches]])
    result = execute(operator)
    assert result["batches"] == sorted(batch.path for batch in batches)
    assert (result["published"][0]["rows"], result["reused"]) == (2, 0)
    # A retry after the audit had passed judges nothing again, and finds its rows there.
    again = execute(operator)
    assert (again["published"][0]["unchanged"], again["reused"]) == (1, 1)


def test_what_fails_its_audit_is_not_published_and_not_tried_again(own_lake: Lake) -> None:
    batch = counted(own_lake, "a", wrong=1)
    with pytest.raises(AirflowFailException, match=r"nothing may be published: intents 2017-11-01"):
        execute(AuditAndPublish(task_id="publish", manifests=[{"batches": [batch.path]}]))
    assert tables.version(own_lake, intents.TABLE) is None


def context_of(manifests: dict[str, list[dict[str, Any]]]) -> tuple[Context, SimpleNamespace]:
    """What Airflow hands a task, as far as publishing a day looks at it."""
    partitions: list[str] = []
    event = SimpleNamespace(partitions=partitions, extra={}, add_partitions=partitions.append)
    context = {
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: manifests[task_ids[0]]),
        "dag_run": SimpleNamespace(start_date=datetime.now(UTC)),
        "outlet_events": {INTENTS: event},
    }
    return cast(Context, context), event


def test_empty_day_is_published_and_says_so(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_batches(own_lake, passed(own_lake, [staged(own_lake, table, []) for table in DAY_TABLES]))
    operator = publish_day().operator
    operator.day = DAY
    manifests = {"infer.shard": [{"release": "base", "model_calls": 0, "seconds": 1.5}], "land.audit": [None]}
    monkeypatch.setattr(operator, "get_flat_relative_ids", lambda upstream: set(manifests))
    context, event = context_of(cast(Any, manifests))
    result = execute(operator, context)
    assert (result["day"], result["release"], result["empty"]) == (DAY, "base", True)
    assert event.partitions == [DAY]
    assert event.extra["empty"] is True
    assert event.extra["release"] == "base"
    assert event.extra["figures"]["infer.shard.seconds"] == 1.5
    assert event.extra["figures"]["run.seconds"] >= 0
    assert most_wanted(DAY) == []


def test_consumer_counts_users_through_the_pinned_version(own_lake: Lake) -> None:
    rows = [tag("a", 1, "soup"), tag("a", 2, "soup"), tag("b", 1, "soup"), tag("b", 2, "tea"), tag("c", 1, "milk")]
    others = [staged(own_lake, table, []) for table in DAY_TABLES if table is not intents.TABLE]
    publish_batches(own_lake, passed(own_lake, [staged(own_lake, intents.TABLE, rows), *others]))
    publish_row(own_lake, DAY, "base", {})
    # Somebody publishes the table again; the day's row is not there yet, so the day reads as it was.
    later = staged(own_lake, intents.TABLE, [tag("z", 1, "wine")], fingerprint="g")
    publish_batches(own_lake, passed(own_lake, [later]))
    assert most_wanted(DAY, top=2) == [("soup", 2), ("milk", 1)]


def test_consumer_of_a_day_that_is_not_published(own_lake: Lake) -> None:
    with pytest.raises(AirflowFailException, match="run daily_refresh for it first"):
        most_wanted(DAY)


def test_consumer_without_a_day() -> None:
    with pytest.raises(AirflowFailException, match="This run has no day"):
        most_wanted(None)


CANARY = {"record": 2, "release": "new", "beside": "old", "share": 0.1}


def test_a_day_of_a_canary_is_told_of_it(own_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = publish_day().operator
    operator.day = DAY
    asked: list[str] = []

    def command(module: str, arguments: list[str]) -> Result:
        asked.extend(arguments)
        row = {"day": DAY, "release": "new", "fingerprint": "f", "empty": False, "canary": CANARY}
        return Result(Exit.OK, {**row, "judged": "yes", "captions_judged": "yes", "figures": {}}, "", 1.0)

    monkeypatch.setattr(operator, "command", command)
    shards = [{"release": "old", "shard": "1/2"}, {"release": "new", "shard": "canary-2/2"}]
    manifests = {"champion": [{"release": "new", "canary": CANARY}], "infer.shard": shards}
    monkeypatch.setattr(operator, "get_flat_relative_ids", lambda upstream: set(manifests))
    context, event = context_of(cast(Any, {**manifests, "judge.sample": []}))
    execute(operator, context)
    assert asked[:4] == ["--day", DAY, "--release", "new"]
    assert "--canary=2" in asked
    assert event.extra["canary"] == CANARY


def test_a_canary_has_two_releases_and_no_third() -> None:
    assert one_release([{"release": "old"}, {"release": "new"}], CANARY) == "new"
    with pytest.raises(AirflowFailException, match=r"more than one release \(new, old, other\)"):
        one_release([{"release": release} for release in ("old", "new", "other")], CANARY)


def test_one_release() -> None:
    assert one_release([{"rows": 1}, {"release": "base"}, {"release": "base"}]) == "base"
    with pytest.raises(AirflowFailException, match=r"more than one release \(a, b\)"):
        one_release([{"release": "b"}, {"release": "a"}])
    with pytest.raises(AirflowFailException, match="names its release"):
        one_release([{}])

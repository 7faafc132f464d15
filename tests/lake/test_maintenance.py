"""Others compact, order, checkpoint and clean our tables with deltalake itself; what we read and decide stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.command_line.tables import seal
from lake.delta import contents, tables, writing
from lake.delta.publishing import publish
from lake.delta.renewal import keys_of, renew
from lake.delta.staging import Batch
from lake.delta.work import Step, plan
from lake.publish_day import DAY_TABLES, publish_day
from lake.registry import cleaning
from lake.registry.days import read_day, states
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, SourceMissing
from runtime.fingerprint import fingerprint
from schemas import behaviors, entity_vectors, intents, rollups
from schemas.registry import TABLES
from schemas.table import Table

FIRST, SECOND, THIRD = "2017-11-01", "2017-11-02", "2017-11-03"
STEP = Step("test", __file__, (rollups.TABLE,))
VECTORS = entity_vectors.TABLE
THEN, NOW = (fingerprint("embed", {"embedder": "e"}, {}, code) for code in ("a" * 12, "b" * 12))

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]
Put = Callable[..., None]


def compact(delta: DeltaTable, table: Table) -> None:
    delta.optimize.compact()


def z_order(delta: DeltaTable, table: Table) -> None:
    simple = [field.name for field in table.file_schema if not pa.types.is_nested(field.type)]
    delta.optimize.z_order(simple[:1])


def clean(delta: DeltaTable, table: Table) -> None:
    """Whatever a platform team may run at night, with no mercy for what is younger than its rules say."""
    compact(delta, table)
    z_order(delta, table)
    delta.create_checkpoint()
    log = Path(delta.table_uri.removeprefix("file://"), "_delta_log")
    for file in log.iterdir():
        os.utime(file, (time.time() - 11 * 365 * 86_400,) * 2)
    delta.cleanup_metadata()
    assert len(list(log.glob("*.json"))) == 1
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)


def maintain(lake: Lake, how: Callable[[DeltaTable, Table], None]) -> None:
    for table in TABLES.values():
        if (delta := tables.open_table(lake, table)) is not None:
            how(delta, table)


@pytest.fixture
def put(lake: Lake, make_batch: MakeBatch, approve: Approve) -> Put:
    """Publish a table's day, files by files."""

    def add(table: Table, day: str, files: Sequence[Sequence[Mapping[str, Any]]], work: str = "work") -> None:
        values = " ".join("infer" if name == "step" else day for name in table.partition_by)
        data = [pa.Table.from_pylist(list(rows), table.file_schema) for rows in files]
        publish(lake, approve(make_batch({values: data}, table=table, fingerprint=work)))

    return add


def behavior_rows(day: str, *users: str) -> list[dict[str, Any]]:
    """Rows of which several are equal in the key."""
    at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    row = {"at": at, "action": "purchase", "entity_id": "milk"}
    return [{**row, "user_id": user, "quantity": pieces} for user in users for pieces in (3, 1, 2)]


def rollup(user: str, count: int = 1) -> dict[str, Any]:
    return {"user_id": user, "action": "purchase", "entity_id": "milk", "count": count}


@pytest.fixture
def two_days(lake: Lake, put: Put) -> Lake:
    """Two published days with full, empty and single files, and vectors of two works."""
    for day, users in ((FIRST, ("anna", "bert", "carl")), (SECOND, ("anna",))):
        put(behaviors.TABLE, day, [behavior_rows(day, *users), behavior_rows(day, "zoe")])
        put(rollups.TABLE, day, [[rollup(user) for user in users], [rollup("zoe")]])
        for table in DAY_TABLES:
            if table not in (behaviors.TABLE, rollups.TABLE):
                put(table, day, [[], []] if table is intents.TABLE else [[]])
        publish_day(lake, day, "base-1", {})
    renew(lake, VECTORS, vectors(1, "milk", "soup"), THEN)
    renew(lake, VECTORS, vectors(2, "wine"), NOW)
    return lake


def vectors(value: float, *entities: str) -> pa.Table:
    rows = [{"entity_id": entity, "embedder": "e", "vector": [value]} for entity in entities]
    return pa.Table.from_pylist(rows, VECTORS.schema)


def told(lake: Lake) -> dict[str, Any]:
    """Everything that is decided by, or read from, a lake's tables."""
    found: dict[str, Any] = {"states": [(one.state, one.why_due) for one in states(lake)]}
    for table in TABLES.values():
        files = tables.live_files(tables.open_table(lake, table), table)
        partitions = [dict(file.partition) for file in files]
        found[table.name] = {
            "rows": tables.read(lake, table).to_pylist(),
            "counts": sum(file.rows for file in files),
            "days": sorted({partition["day"] for partition in partitions if "day" in partition}),
            "contents": contents.state_of(table, files),
            "digests": {str(one): tables.partition_digest(lake, table, **one) for one in partitions},
        }
    found["amounts"] = tables.read(lake, behaviors.TABLE, columns=["user_id", "quantity"]).to_pylist()
    found["read"] = {
        (table.name, day): read_day(lake, table, day).to_pylist() for table in DAY_TABLES for day in (FIRST, SECOND)
    }
    works = {FIRST: "work", SECOND: "work"}
    found["plan"] = [dict(plan(lake, STEP, works, parts=parts).due) for parts in (None, range(2))]
    found["keys"] = {work: sorted(keys_of(lake, VECTORS, work)["entity_id"].to_pylist()) for work in (THEN, NOW)}
    return found


@pytest.mark.parametrize("how", [compact, z_order, clean])
def test_whatever_others_do_to_the_files_all_is_read_and_known_as_before(
    two_days: Lake, put: Put, how: Callable[[DeltaTable, Table], None]
) -> None:
    before = told(two_days)
    assert before["plan"] == [{}, {}]
    maintain(two_days, how)
    rewritten = tables.live_files(tables.open_table(two_days, rollups.TABLE), rollups.TABLE)
    assert not any(file.is_staged for file in rewritten)
    assert told(two_days) == before
    # Twice is as once, and a day more is as before, too.
    maintain(two_days, how)
    put(behaviors.TABLE, THIRD, [behavior_rows(THIRD, "anna")])
    assert publish_day(two_days, SECOND, "base-1", {})["reused"]
    assert told(two_days)["read"] == before["read"]
    maintain(two_days, how)
    assert read_day(two_days, behaviors.TABLE, FIRST).to_pylist() == before["read"]["behaviors", FIRST]


def test_what_was_published_is_published_no_second_time(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    (batch,) = approve(make_batch({FIRST: [rollup_rows("anna"), rollup_rows("bert")], SECOND: [rollup_rows()] * 2}))
    publish(lake, [batch])
    maintain(lake, compact)
    (record,) = publish(lake, [batch])
    assert (record["replaced"], record["unchanged"]) == (0, 2)


def test_a_rewritten_day_is_replaced_as_a_whole(two_days: Lake, put: Put) -> None:
    maintain(two_days, clean)
    put(rollups.TABLE, FIRST, [[rollup("dora", 7)]], "other")
    assert tables.read(two_days, rollups.TABLE, FIRST)["user_id"].to_pylist() == ["dora"]
    assert tables.read(two_days, rollups.TABLE, SECOND)["user_id"].to_pylist() == ["anna", "zoe"]
    assert dict(plan(two_days, STEP, {FIRST: "other", SECOND: "work"}).due) == {}
    maintain(two_days, compact)
    assert dict(plan(two_days, STEP, {FIRST: "other", SECOND: "work"}).due) == {}


def test_rows_that_others_delete_are_noticed(two_days: Lake) -> None:
    maintain(two_days, clean)
    digest = tables.partition_digest(two_days, rollups.TABLE, FIRST)
    delta = tables.open_table(two_days, rollups.TABLE)
    assert delta
    delta.delete("user_id = 'anna' and day = '2017-11-01'")
    assert tables.partition_digest(two_days, rollups.TABLE, FIRST) != digest
    assert dict(plan(two_days, STEP, {FIRST: "work", SECOND: "work"}).due) == {FIRST: "work"}


def test_vectors_of_other_code_are_renewed_as_if_nobody_had_laid_them_together(two_days: Lake) -> None:
    maintain(two_days, clean)
    assert renew(two_days, VECTORS, vectors(3, "wine"), NOW) == 0
    assert renew(two_days, VECTORS, vectors(3, "milk"), NOW) == 1
    rows = {row["entity_id"]: row["vector"] for row in tables.read(two_days, VECTORS).to_pylist()}
    assert rows == {"milk": [3], "soup": [1], "wine": [2]}
    assert sorted(keys_of(two_days, VECTORS, NOW)["entity_id"].to_pylist()) == ["milk", "wine"]
    assert keys_of(two_days, VECTORS, THEN)["entity_id"].to_pylist() == ["soup"]


def test_a_restored_version_is_known_as_it_was(two_days: Lake, put: Put) -> None:
    before = told(two_days)
    version = tables.version(two_days, rollups.TABLE)
    assert version is not None
    put(rollups.TABLE, THIRD, [[], []])
    put(rollups.TABLE, FIRST, [[rollup("dora")]])
    writing.restore(two_days, rollups.TABLE, version)
    maintain(two_days, clean)
    assert told(two_days) == before


# --- lakes of before


@pytest.fixture
def unnoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits as they were made before contents were noted, until this is undone."""
    once = writing.one_attempt
    monkeypatch.setattr(writing, "one_attempt", lambda metadata, _noted=None: once(metadata))
    monkeypatch.setattr(writing, "_configuration", lambda _table: {})


@pytest.fixture
def lake_of_before(unnoted: None, two_days: Lake) -> Lake:
    return two_days


def test_a_lake_of_before_is_sealed_once(
    lake_of_before: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = told(lake_of_before)
    monkeypatch.undo()
    assert told(lake_of_before) == before
    seal(lake_of_before, None)  # type: ignore[arg-type]
    assert "rollups is sealed.\n" in capsys.readouterr().out
    seal(lake_of_before, None)  # type: ignore[arg-type]
    assert "rollups was sealed already.\n" in capsys.readouterr().out
    delta = tables.open_table(lake_of_before, rollups.TABLE)
    assert delta
    assert delta.metadata().configuration["delta.deletedFileRetentionDuration"] == "interval 30 days"
    maintain(lake_of_before, clean)
    assert told(lake_of_before) == before


def test_what_was_rewritten_before_it_was_noted_counts_as_changed_and_is_read(
    lake_of_before: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = told(lake_of_before)
    maintain(lake_of_before, compact)
    monkeypatch.undo()
    assert tables.read(lake_of_before, rollups.TABLE).to_pylist() == before["rollups"]["rows"]
    assert dict(plan(lake_of_before, STEP, {FIRST: "work", SECOND: "work"}).due) == {FIRST: "work", SECOND: "work"}
    seal(lake_of_before, None)  # type: ignore[arg-type]
    assert "rollups is sealed; others have rewritten 2 files of it" in capsys.readouterr().out


# --- versions that days pin, and files that wait


def test_a_pinned_version_outlives_the_tables_own_vacuum(two_days: Lake, put: Put) -> None:
    before = read_day(two_days, behaviors.TABLE, FIRST).to_pylist()
    put(behaviors.TABLE, FIRST, [behavior_rows(FIRST, "dora")], "late")
    delta = tables.open_table(two_days, behaviors.TABLE)
    assert delta
    compact(delta, behaviors.TABLE)
    delta.create_checkpoint()
    delta.cleanup_metadata()
    delta.vacuum(dry_run=False, full=True)
    assert read_day(two_days, behaviors.TABLE, FIRST).to_pylist() == before


def test_a_pinned_version_that_was_cleaned_away_is_told_in_a_sentence(two_days: Lake, put: Put) -> None:
    put(behaviors.TABLE, FIRST, [behavior_rows(FIRST, "dora")], "late")
    delta = tables.open_table(two_days, behaviors.TABLE)
    assert delta
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(DataError) as caught:
        read_day(two_days, behaviors.TABLE, FIRST)
    assert str(caught.value) == (
        "The day 2017-11-01 was published with version 1 of the table behaviors, whose rows were replaced since, and "
        "that version cannot be read any more: its files were cleaned away. `make backfill FROM=2017-11-01 "
        "TO=2017-11-01 REPROCESS=completed` publishes the day with the rows there are now."
    )
    maintain(two_days, clean)
    with pytest.raises(DataError, match=r"version 1 of the table behaviors.*its log was cleaned"):
        read_day(two_days, behaviors.TABLE, FIRST)
    assert [one.state for one in states(two_days)] == ["due", "due"]


def test_staged_files_that_others_cleaned_away_are_not_published(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")})))
    (batch,) = approve(make_batch({FIRST: rollup_rows("bert"), SECOND: rollup_rows("bert")}, fingerprint="new"))
    delta = tables.open_table(lake, rollups.TABLE)
    assert delta
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    with pytest.raises(SourceMissing, match=r"rollups/day=2017-11-0./new-00000-.*\.parquet is gone .* stage it again"):
        publish(lake, [batch])
    assert tables.read(lake, rollups.TABLE)["user_id"].to_pylist() == ["anna"]


def test_our_own_cleaning_keeps_what_tells_of_rewritten_files(two_days: Lake) -> None:
    before = told(two_days)
    maintain(two_days, compact)
    for file in two_days.files():
        os.utime(Path(two_days.root, file.path), (0, 0))
    going = cleaning.leftovers(two_days)
    assert any(file.path.startswith(f"{contents.FOLDER}/behaviors/") for file in going)
    cleaning.delete(two_days, going)
    contents._read.cache_clear()
    assert told(two_days) == before


# --- at the same moment


@pytest.mark.parametrize("there_before", [False, True], ids=["empty day", "published day"])
def test_a_compaction_under_a_publishers_hands_is_no_race(
    two_days: Lake, put: Put, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    commit, day = writing.commit, FIRST if there_before else THIRD

    def compact_then_commit(*arguments: Any) -> Any:
        maintain(two_days, compact)
        return commit(*arguments)

    monkeypatch.setattr(writing, "commit", compact_then_commit)
    put(rollups.TABLE, day, [[rollup("dora")], [rollup("emil")]], "other")
    assert tables.read(two_days, rollups.TABLE, day)["user_id"].to_pylist() == ["dora", "emil"]


def test_a_writer_is_told_of_another_one_whose_rows_were_rewritten_meanwhile(
    two_days: Lake, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = writing.commit

    def lose_then_commit(*arguments: Any) -> Any:
        monkeypatch.setattr(writing, "commit", commit)
        put(rollups.TABLE, THIRD, [[rollup("emil")], [rollup("fred")]], "theirs")
        maintain(two_days, compact)
        return commit(*arguments)

    monkeypatch.setattr(writing, "commit", lose_then_commit)
    with pytest.raises(RaceLost):
        put(rollups.TABLE, THIRD, [[rollup("dora")]], "ours")
    assert tables.read(two_days, rollups.TABLE, THIRD)["user_id"].to_pylist() == ["emil", "fred"]

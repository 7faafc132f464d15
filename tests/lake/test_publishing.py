"""Stage, audit, publish: what readers see, and when."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.delta import publishing, tables, writing
from lake.delta.publishing import held, publish
from lake.delta.staging import Batch, read_staged, stage
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, SourceMissing
from schemas import entities, failures, items, rollups

FIRST, SECOND = "2017-11-01", "2017-11-02"

Approve = Callable[..., list[Batch]]
MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]


def users(lake: Lake, day: str | None = None) -> list[str]:
    return [str(user) for user in tables.read(lake, rollups.TABLE, day=day)["user_id"].to_pylist()]


def test_staged_rows_are_invisible_until_published(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    batch = make_batch({FIRST: rollup_rows("anna")})
    assert users(lake) == []
    assert tables.partition_digest(lake, rollups.TABLE, FIRST) is None
    assert read_staged(lake, rollups.TABLE, batch.partitions[0])["user_id"].to_pylist() == ["anna"]

    publish(lake, approve(batch))
    assert users(lake) == ["anna"]

    make_batch({FIRST: rollup_rows("bert")}, fingerprint="other")
    assert users(lake) == ["anna"]


def test_publishing_replaces_its_own_days_alone(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna"), SECOND: rollup_rows("bert")})))
    untouched = tables.partition_digest(lake, rollups.TABLE, SECOND)

    publish(lake, approve(make_batch({FIRST: rollup_rows("carl")}, fingerprint="again")))
    assert users(lake, FIRST) == ["carl"]
    assert users(lake, SECOND) == ["bert"]
    assert tables.partition_digest(lake, rollups.TABLE, SECOND) == untouched


def test_days_published_together_appear_in_one_commit(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    days = {f"2017-10-{day:02d}": rollup_rows(f"user{day}") for day in range(1, 31)}
    (record,) = publish(lake, approve(make_batch(days)))
    assert (record["version"], record["replaced"], record["rows"]) == (1, 30, 30)
    assert sorted(tables.published_days(lake, rollups.TABLE)) == sorted(days)


def test_publishing_again_commits_nothing(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    batches = approve(make_batch({FIRST: rollup_rows("anna"), SECOND: rollup_rows("bert")}))
    before = publish(lake, batches)[0]
    after = publish(lake, [*batches, *batches])[0]
    assert after["version"] == before["version"]
    assert (after["replaced"], after["unchanged"], after["rows"]) == (0, 2, 2)


def test_only_changed_days_of_a_batch_are_replaced(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna"), SECOND: rollup_rows("bert")})))
    later = make_batch({FIRST: rollup_rows("anna"), SECOND: rollup_rows("carl")})
    assert publish(lake, approve(later))[0]["replaced"] == 1
    assert users(lake) == ["anna", "carl"]


def test_publishing_needs_a_passed_audit(lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows) -> None:
    batch = make_batch({FIRST: rollup_rows("anna")})
    with pytest.raises(DataError, match=r"has no passed audit.*lake\.audit"):
        publish(lake, [batch])
    assert users(lake) == []
    assert tables.version(lake, rollups.TABLE) is None


def test_one_unaudited_batch_holds_back_all(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    good = make_batch({FIRST: rollup_rows("anna")})
    unseen = make_batch({SECOND: rollup_rows("bert")})
    with pytest.raises(DataError):
        publish(lake, [*approve(good), unseen])
    assert users(lake) == []


def test_shards_are_published_only_with_those_they_were_audited_with(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    left = make_batch({FIRST: rollup_rows("anna")}, fingerprint="left")
    right = make_batch({FIRST: rollup_rows("bert")}, fingerprint="right", first_file=1)
    approve(left, right)
    with pytest.raises(DataError, match="exactly these shards"):
        publish(lake, [left])
    publish(lake, [left, right])
    assert users(lake, FIRST) == ["anna", "bert"]


def test_a_shard_that_stays_the_same_is_kept_beside_a_new_one(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    left = make_batch({FIRST: rollup_rows("anna")}, fingerprint="left")
    right = make_batch({FIRST: rollup_rows("bert")}, fingerprint="right", first_file=1)
    publish(lake, approve(left, right))
    redone = make_batch({FIRST: rollup_rows("carl")}, fingerprint="redone", first_file=1)
    publish(lake, approve(left, redone))
    assert users(lake, FIRST) == ["anna", "carl"]
    publish(lake, approve(redone))
    assert users(lake, FIRST) == ["carl"]


def test_an_empty_day_is_published_as_a_partition(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows(), SECOND: rollup_rows("bert")})))
    days = tables.published_days(lake, rollups.TABLE)
    assert sorted(days) == [FIRST, SECOND]
    assert [file.rows for file in days[FIRST]] == [0]
    assert users(lake, FIRST) == []
    assert tables.partition_digest(lake, rollups.TABLE, FIRST) is not None


def test_a_day_can_become_empty(lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")})))
    publish(lake, approve(make_batch({FIRST: rollup_rows()}, fingerprint="later")))
    assert users(lake) == []


def test_partitions_of_two_columns_do_not_touch_their_neighbours(
    lake: Lake, make_batch: MakeBatch, approve: Approve
) -> None:
    def failed(key: str) -> pa.Table:
        row = {"key": [key], "reason": ["It broke."], "attempts": [2]}
        return pa.table(row, schema=failures.TABLE.file_schema)

    everywhere = {f"{day} {step}": failed(f"{day}-{step}") for day in (FIRST, SECOND) for step in ("infer", "judge")}
    publish(lake, approve(make_batch(everywhere, table=failures.TABLE)))
    crossed = {f"{FIRST} infer": failed("new"), f"{SECOND} judge": failed("newer")}
    publish(lake, approve(make_batch(crossed, table=failures.TABLE, fingerprint="later")))
    assert sorted(tables.read(lake, failures.TABLE)["key"].to_pylist()) == sorted(
        ["new", "newer", f"{FIRST}-judge", f"{SECOND}-infer"]
    )


def test_a_table_without_partitions_is_replaced_whole(lake: Lake, make_batch: MakeBatch, approve: Approve) -> None:
    def catalog(*names: str) -> pa.Table:
        rows = [
            {"item_id": n, "entity_id": n, "text": n, "category": "Dairy", "category_path": "Food > Dairy"}
            for n in names
        ]
        return pa.Table.from_pylist(rows, schema=items.TABLE.schema)

    publish(lake, approve(make_batch({"": catalog("milk", "cheese")}, table=items.TABLE)))
    publish(lake, approve(make_batch({"": catalog("milk", "butter")}, table=items.TABLE, fingerprint="later")))
    assert tables.read(lake, items.TABLE)["item_id"].to_pylist() == ["butter", "milk"]


def test_an_insert_only_table_keeps_what_it_has(lake: Lake, make_batch: MakeBatch, approve: Approve) -> None:
    def known(**texts: str) -> pa.Table:
        rows = [{"entity_id": key, "text": text, "kind": "item"} for key, text in texts.items()]
        return pa.Table.from_pylist(rows, schema=entities.TABLE.schema)

    publish(lake, approve(make_batch({"": known(a="milk", b="cheese")}, table=entities.TABLE)))
    again = approve(make_batch({"": known(b="CHANGED", c="butter")}, table=entities.TABLE, fingerprint="later"))
    assert publish(lake, again)[0]["inserted"] == 1
    assert publish(lake, again)[0]["inserted"] == 0
    assert tables.read(lake, entities.TABLE)["text"].to_pylist() == ["milk", "cheese", "butter"]


def test_the_commit_carries_the_fingerprint(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")}, fingerprint="abc")))
    newest = DeltaTable(lake.uri("rollups")).history(1)[0]
    assert newest["intentflow.fingerprint"] == "abc"
    (file,) = tables.published_days(lake, rollups.TABLE)[FIRST]
    assert file.works == {"abc"}


def test_equal_content_has_an_equal_digest_whoever_wrote_it(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")}, fingerprint="abc")))
    first = tables.partition_digest(lake, rollups.TABLE, FIRST)
    publish(lake, approve(make_batch({FIRST: rollup_rows("anna")}, fingerprint="def")))
    assert tables.partition_digest(lake, rollups.TABLE, FIRST) == first
    publish(lake, approve(make_batch({FIRST: rollup_rows("bert")}, fingerprint="def")))
    assert tables.partition_digest(lake, rollups.TABLE, FIRST) != first


def test_a_pinned_version_still_reads_the_old_rows(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    version = publish(lake, approve(make_batch({FIRST: rollup_rows("anna")})))[0]["version"]
    publish(lake, approve(make_batch({FIRST: rollup_rows("bert")})))
    pinned = tables.read(lake, rollups.TABLE, day=FIRST, version=version)
    assert pinned["user_id"].to_pylist() == ["anna"]


def test_equal_rows_in_another_order_give_the_same_file(lake: Lake, rollup_rows: RollupRows) -> None:
    def path(rows: pa.Table) -> str:
        return stage(lake, rollups.TABLE, rows, fingerprint="f", partition={"day": FIRST}).path

    one, two = rollup_rows("anna", count=1), rollup_rows("anna", "bert", count=2)
    assert path(pa.concat_tables([one, two])) == path(pa.concat_tables([two, one]))
    # Rows that are equal in the key and differ elsewhere have no order of their own either.
    assert path(two) != path(rollup_rows("anna", "bert", count=3))
    assert path(two).startswith(f"day={FIRST}/f-00000-")


def test_staging_refuses_rows_that_break_the_schema(lake: Lake, rollup_rows: RollupRows) -> None:
    rows = rollup_rows("anna")
    with pytest.raises(ValueError, match="partitioned by"):
        stage(lake, rollups.TABLE, rows, fingerprint="f")
    with pytest.raises(KeyError):
        stage(lake, rollups.TABLE, rows.drop_columns("count"), fingerprint="f", partition={"day": FIRST})
    nobody = rows.set_column(0, "user_id", pa.array([None], pa.string()))
    with pytest.raises(ValueError, match="null"):
        stage(lake, rollups.TABLE, nobody, fingerprint="f", partition={"day": FIRST})


def test_a_batch_is_found_again_under_its_digest(lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows) -> None:
    batch = make_batch({FIRST: rollup_rows("anna"), SECOND: rollup_rows()}, metrics={"lost_behaviors": 0, "x": 0.5})
    loaded = Batch.load(lake, batch.path)
    assert loaded.digest == batch.digest
    assert loaded == batch
    assert make_batch({FIRST: rollup_rows("bert")}).digest != batch.digest
    with pytest.raises(SourceMissing, match="There is no batch"):
        Batch.load(lake, "_batches/rollups/none.json")


def test_equal_work_of_another_run_is_no_lost_race(
    lake: Lake, make_batch: MakeBatch, approve: Approve, rollup_rows: RollupRows
) -> None:
    """Two runs land the same gap: one of the days is there by the time the other commits both."""
    ours = make_batch({"2017-11-01": rollup_rows("anna"), "2017-11-02": rollup_rows("bert")})
    delta = writing.create(lake, rollups.TABLE)
    before = publishing._contents(delta, rollups.TABLE, publishing._all_of(rollups.TABLE, ours.partitions))
    publish(lake, approve(make_batch({"2017-11-01": rollup_rows("anna")})))
    publishing._replace(delta, rollups.TABLE, ours.partitions, before)
    assert list(tables.published_days(lake, rollups.TABLE)) == ["2017-11-01", "2017-11-02"]
    assert tables.read(lake, rollups.TABLE).num_rows == 2

    # Other work in the meantime still is.
    other = make_batch({"2017-11-02": rollup_rows("cleo")})
    seen = held(lake, rollups.TABLE, {"day": "2017-11-02"})
    publish(lake, approve(make_batch({"2017-11-02": rollup_rows("dora")})))
    with pytest.raises(RaceLost, match="2017-11-02"):
        publish(lake, approve(other), seen)

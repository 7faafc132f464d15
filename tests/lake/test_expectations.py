"""Rules applied to counts: what sums, what divides, what is unknown, and how it is said."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa
import pytest

from lake.auditing import expectations
from lake.auditing.expectations import Failure, bound, collect, formula
from lake.delta.staging import Batch
from lake.store.location import Lake
from schemas import behaviors, intents, rollups
from schemas.table import BatchRule

DAY = "2017-11-01"
SHARE = BatchRule("rejected_share", "Too many.", maximum=0.1, plus=("rows_rejected",), over=("rows_in",))
BALANCE = BatchRule("lost", "None may go.", minimum=0, maximum=0, plus=("rows_in",), minus=("rows", "rows_rejected"))
COUNT = BatchRule("seasons", "One.", minimum=1, maximum=1)

MakeBatch = Callable[..., Batch]
RollupRows = Callable[..., pa.Table]


@pytest.mark.parametrize(
    ("rule", "counts", "value"),
    [
        (COUNT, {"seasons": 1}, 1),
        (COUNT, {}, None),
        (COUNT, {"seasons": math.nan}, None),
        (COUNT, {"seasons": math.inf}, None),
        (COUNT, {"seasons": -1}, None),
        (SHARE, {"rows_rejected": 1, "rows_in": 4}, 0.25),
        (SHARE, {"rows_rejected": 0, "rows_in": 0}, 0),
        (SHARE, {"rows_rejected": 1, "rows_in": 0}, None),
        (SHARE, {"rows_rejected": 1}, None),
        (BALANCE, {"rows_in": 10, "rows": 7, "rows_rejected": 3}, 0),
        (BALANCE, {"rows_in": 10, "rows": 8, "rows_rejected": 3}, -1),
        (BALANCE, {"rows_in": 10, "rows_rejected": 3}, None),
    ],
)
def test_a_metric_is_computed_from_counts(rule: BatchRule, counts: Mapping[str, float], value: float | None) -> None:
    assert rule.value(counts) == value


def test_a_rule_reads_as_words() -> None:
    assert (formula(COUNT), bound(COUNT)) == ("", "exactly 1")
    assert (formula(SHARE), bound(SHARE)) == ("rows_rejected / rows_in", "at most 0.1")
    assert (formula(BALANCE), bound(BALANCE)) == ("rows_in - rows - rows_rejected", "exactly 0")
    assert bound(BatchRule("rows", "", minimum=1)) == "at least 1"
    assert bound(BatchRule("rows", "", minimum=1, maximum=5)) == "from 1 to 5"
    assert bound(BatchRule("rows", "")) == "known"
    assert formula(BatchRule("x", "", plus=("a",), minus=("b",), over=("c", "d"))) == "(a - b) / (c + d)"


def test_what_the_audit_counts_itself_comes_from_the_files(
    lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    claims = {"lost_behaviors": 0, "rows": 999, "files": 999}
    batch = make_batch({DAY: [rollup_rows("anna", "bert"), rollup_rows("carl")]}, metrics=claims)
    ((row,),) = (one.partitions for one in collect(lake, [batch]))
    assert row.counts == {"lost_behaviors": 0, "rows": 3, "files": 2, "files_missing": 0}

    lake.delete(f"rollups/{batch.partitions[0].files[0].path}")
    lake.write(f"rollups/{batch.partitions[0].files[1].path}", b"cut short")
    ((row,),) = (one.partitions for one in collect(lake, [batch]))
    assert row.metrics["files_missing"] == 2


def test_shards_of_a_partition_are_summed_before_anything_is_divided(lake: Lake, make_batch: MakeBatch) -> None:
    empty = intents.TABLE.file_schema.empty_table()

    def shard(number: int, **counts: float) -> Batch:
        return make_batch(
            {DAY: empty}, table=intents.TABLE, metrics=counts, first_file=number, fingerprint=f"s{number}"
        )

    left = shard(0, users_in=2, users_published=1, users_failed=1, users_without_evidence=0, users_with_wrong_tags=0)
    right = shard(1, users_in=18, users_published=14, users_failed=0, users_without_evidence=4, users_with_wrong_tags=0)
    (found,) = collect(lake, [left, right, left])
    (row,) = found.partitions
    assert row.counts["files"] == 2
    # Whoever only searched is no outage, and is accounted for.
    assert row.metrics["failed_share"] == 0.05
    assert row.metrics["unaccounted_users"] == 0
    assert found.digest == collect(lake, [right, left])[0].digest
    assert found.digest != collect(lake, [left])[0].digest


def test_a_count_that_one_shard_does_not_state_is_unknown(
    lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows
) -> None:
    left = make_batch({DAY: rollup_rows("anna")})
    right = make_batch({DAY: rollup_rows("bert")}, metrics={"other": 1}, first_file=1)
    ((row,),) = (one.partitions for one in collect(lake, [left, right]))
    assert row.metrics["lost_behaviors"] is None
    assert row.metrics["files"] == 2


@pytest.mark.parametrize("nonsense", [math.nan, -1, "7", None, True])
def test_what_is_no_count_is_unknown(
    lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows, nonsense: object
) -> None:
    batch = make_batch({DAY: rollup_rows("anna")}, metrics={"lost_behaviors": nonsense})
    ((row,),) = (one.partitions for one in collect(lake, [Batch.load(lake, batch.path)]))
    assert row.metrics["lost_behaviors"] is None
    rule = rollups.TABLE.batch_rules[0]
    assert "lost_behaviors is no count" in Failure(rule, row).sentence


def test_partitions_are_told_apart_and_in_order(lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows) -> None:
    batch = make_batch({day: rollup_rows("anna") for day in ("2017-11-03", DAY, "2017-11-02")})
    (found,) = collect(lake, [batch])
    assert [row.partition for row in found.partitions] == [DAY, "2017-11-02", "2017-11-03"]
    assert found.title == "2017-11-01 to 2017-11-03 (3 partitions)"


def test_a_failure_says_what_where_and_why(lake: Lake, make_batch: MakeBatch, rollup_rows: RollupRows) -> None:
    ((row,),) = (one.partitions for one in collect(lake, [make_batch({DAY: rollup_rows("anna")})]))

    def sentence(rule: BatchRule, **counts: float) -> str:
        return Failure(rule, replace(row, counts=counts, metrics={rule.metric: rule.value(counts)})).sentence

    assert sentence(SHARE, rows_rejected=1, rows_in=4) == (
        "2017-11-01: rejected_share (rows_rejected / rows_in) is 0.25, must be at most 0.1. Too many."
    )
    assert "is unknown, for not every batch of the partition states rows_in" in sentence(SHARE, rows_rejected=1)
    assert "is unknown, for it divides by 0" in sentence(SHARE, rows_rejected=1, rows_in=0)


def test_every_table_is_at_least_asked_for_its_files() -> None:
    metrics = [rule.metric for rule in expectations.rules(behaviors.TABLE)]
    assert metrics == [
        "rejected_share",
        "anonymous_excess",
        "unaccounted_rows",
        "rows_outside_day",
        "files",
        "files_missing",
    ]


def test_great_expectations_is_not_imported_before_it_is_needed() -> None:
    """Its import costs seconds; arguments are checked, and audits reused, without it."""
    code = "import sys, lake.audit, lake.publish; print([m for m in sys.modules if m.split('.')[0] in %r])"
    heavy = ("great_expectations", "pandas", "torch", "pyspark")
    ended = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"

"""Raw rows become behaviors or rejected rows: the pure functions of landing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from lake.delta.staging import Batch, StagedPartition
from representation.cleaning import entity_id
from schemas.behaviors import RAW
from spark_jobs.distributed.buckets import bucket_of
from spark_jobs.landing.earlier_days import acceptable
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.queries import query_entities
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, validate, with_outcomes

KEY = b"k" * 32
LANDING = Landing({"1": "milk", "2": "bread"}, KEY, 100, 50, buckets=4, late_days=2, last_day="2017-11-01")


def _raw(**changes: Any) -> dict[str, Any]:
    row = {
        "user": "7",
        "at": datetime(2017, 11, 1, 9, tzinfo=UTC),
        "action": "purchase",
        "item": "1",
        "query": None,
        "quantity": 1,
        "amount": 2.5,
        "session": "b1",
        "day": "2017-11-01",
        "delivery_ends": None,
        "problem": None,
    }
    return {**row, **changes}


DELIVERY = {"delivery_ends": datetime(2017, 11, 2, tzinfo=UTC)}

DIRT: dict[str, dict[str, Any]] = {
    "unreadable": {"problem": "line 3: not JSON"},
    "missing_user": {"user": "  "},
    "missing_time": {"at": None},
    "future_time": {"at": datetime(2017, 11, 2, tzinfo=UTC)},
    "too_late": {"at": datetime(2017, 10, 29, tzinfo=UTC), **DELIVERY},
    "unknown_action": {"action": "teleport"},
    "empty_query": {"action": "search", "item": None, "query": " \u200b"},
    "unknown_item": {"item": "99"},
    "nonpositive_quantity": {"quantity": 0},
    "absurd_quantity": {"quantity": 10**12},
}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, RAW)


def test_each_rule_rejects_its_dirt_and_counts_add_up() -> None:
    rows = [_raw(), *(_raw(session=name, **changes) for name, changes in DIRT.items())]
    good, bad = accepted_and_rejected(with_outcomes(validate(_table(rows), LANDING)))
    assert good.num_rows == 1
    assert dict(zip(bad["rule"].to_pylist(), bad["copies"].to_pylist(), strict=True)) == dict.fromkeys(DIRT, 1)
    assert good.num_rows + sum(bad["copies"].to_pylist()) == len(rows)


def test_duplicates_are_rejected_but_for_the_first() -> None:
    good, bad = accepted_and_rejected(
        with_outcomes(validate(_table([_raw(), _raw(), _raw(), _raw(session="b2")]), LANDING))
    )
    assert good.num_rows == 2
    assert bad.to_pylist()[0]["rule"] == "duplicate"
    assert bad["copies"].to_pylist() == [2]


def test_user_ids_are_pseudonyms_everywhere() -> None:
    good, bad = accepted_and_rejected(
        with_outcomes(validate(_table([_raw(user="secret-id"), _raw(user="secret-id", item="99")]), LANDING))
    )
    assert good["user_id"].to_pylist() == [pseudonym(KEY, "secret-id")] == bad["user_id"].to_pylist()
    assert "secret-id" not in json.dumps([good.to_pylist(), bad.to_pylist()], default=str)


def test_a_search_is_a_behavior_on_its_query() -> None:
    search = _raw(action="search", item=None, query="  Gluten\u200b FREE ", quantity=None)
    validated = validate(_table([search]), LANDING)
    good, _ = accepted_and_rejected(with_outcomes(validated))
    assert good["entity_id"].to_pylist() == [entity_id("query", "gluten free")]
    assert good["quantity"].to_pylist() == [1]
    assert query_entities(validated["query"].to_pylist())["text"].to_pylist() == ["gluten free"]


def test_what_is_carried_along_makes_no_other_row() -> None:
    copies = [_raw(), _raw(extra='{"mood":"good"}'), _raw(extra='{"mood":"bad"}')]
    landing = replace(LANDING, carried={"mood": ("good", "bad")})
    good, bad = accepted_and_rejected(with_outcomes(validate(_table(copies), landing)))
    assert good["extra"].to_pylist() == ['{"mood":"bad"}']
    assert bad["copies"].to_pylist() == [2]


def test_an_earlier_day_with_too_many_unusable_rows_does_not_stop_the_day(caplog: pytest.LogCaptureFixture) -> None:
    def day(name: str, rejected: int) -> StagedPartition:
        return StagedPartition({"day": name}, "f", (), {"rows_in": 100, "rows_rejected": rejected})

    batch = Batch("behaviors", "land", (day("2017-10-30", 11), day("2017-10-31", 10), day("2017-11-01", 50)))
    assert acceptable(batch, {"2017-10-30", "2017-10-31"}) == ["2017-10-31", "2017-11-01"]
    assert "2017-10-30 stays as it was: 11 % of its rows are unusable" in caplog.text


def test_a_user_is_always_in_the_same_bucket() -> None:
    users = pa.array([pseudonym(KEY, str(n)) for n in range(1000)])
    buckets = bucket_of(users, 4).to_pylist()
    assert buckets == bucket_of(users, 4).to_pylist()
    assert min(Counter(buckets).values()) > 150
    assert bucket_of(pa.array([None], pa.string()), 4).to_pylist() == [0]


def test_nothing_in_nothing_out() -> None:
    good, bad = accepted_and_rejected(with_outcomes(validate(RAW.empty_table(), LANDING)))
    assert good.num_rows == bad.num_rows == 0

"""Contexts from rollups: the pure function, on tables small enough to check by eye."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

from representation.calendar import Window
from schemas import profiles, rollups
from spark_jobs.histories.assembly import Compression, assemble

ENTITIES = pa.table(
    {
        "entity_id": ["milk", "bread", "oats", "query"],
        "text": ["whole milk", "rye bread", "rolled oats", "gluten free"],
        "category": pa.array(["dairy", "bakery", "cereal", None], pa.string()),
    }
)
ROWS = [
    ("2017-11-01", "u1", "purchase", "milk", 2),
    ("2017-11-01", "u1", "search", "query", 1),
    ("2017-10-01", "u1", "purchase", "bread", 1),
    ("2017-09-30", "u1", "purchase", "oats", 1),
    ("2017-09-02", "u1", "purchase", "oats", 1),
    ("2017-01-05", "u1", "purchase", "bread", 9),
    ("2017-10-20", "u2", "purchase", "milk", 1),
    ("2017-01-05", "u3", "purchase", "milk", 1),
]


def _rollups(rows: list[tuple[Any, ...]]) -> pa.Table:
    names = ("day", "user_id", "action", "entity_id", "count")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], rollups.TABLE.schema)


def _compression(day: str = "2017-11-01", most: int = 100) -> Compression:
    people = pa.Table.from_pylist(
        [{"user_id": "u1", "attributes": [{"name": "age", "value": "35-44"}]}], profiles.TABLE.schema
    )
    return Compression(Window.of(day, 90), most, 2, ENTITIES, people, "")


def _contexts(rows: list[tuple[Any, ...]], **options: Any) -> dict[str, dict[str, Any]]:
    return {row["user_id"]: row for row in assemble(_rollups(rows), _compression(**options)).to_pylist()}


def _flat(context: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    return [
        (period["period"], group["action"], entry["entity_id"], entry["count"])
        for period in context["periods"]
        for group in period["actions"]
        for entry in group["entities"]
    ]


def test_this_and_last_month_by_day_older_by_month_newest_first() -> None:
    assert _flat(_contexts(ROWS)["u1"]) == [
        ("2017-11-01", "purchase", "milk", 2),
        ("2017-11-01", "search", "query", 1),
        ("2017-10-01", "purchase", "bread", 1),
        ("2017-09", "purchase", "oats", 2),
    ]


def test_long_term_interests_reach_back_beyond_the_history() -> None:
    contexts = _contexts(ROWS)
    assert contexts["u1"]["interests"] == [{"category": "bakery", "count": 10}, {"category": "cereal", "count": 2}]
    assert contexts["u1"]["events"] == 6
    assert (contexts["u1"]["first_day"], contexts["u1"]["last_day"]) == ("2017-09-02", "2017-11-01")
    assert contexts["u1"]["attributes"] == [{"name": "age", "value": "35-44"}]
    assert contexts["u2"]["attributes"] == []


def test_users_without_a_behavior_in_the_history_have_no_context() -> None:
    assert set(_contexts(ROWS)) == {"u1", "u2"}


def test_a_planted_later_behavior_reaches_no_context() -> None:
    planted = [*ROWS, ("2017-11-02", "u1", "purchase", "bread", 50), ("2017-11-02", "u4", "purchase", "milk", 1)]
    assert _contexts(planted) == _contexts(ROWS)


def test_a_user_without_new_behavior_keeps_context_within_the_week() -> None:
    today, tomorrow = _contexts(ROWS), _contexts(ROWS, day="2017-11-02")
    assert today["u2"] == tomorrow["u2"]
    assert today["u1"] == tomorrow["u1"]


def test_the_cap_drops_the_oldest_entries_and_counts_them() -> None:
    context = _contexts(ROWS, most=3)["u1"]
    assert [entry[0] for entry in _flat(context)] == ["2017-11-01", "2017-11-01", "2017-10-01"]
    assert context["dropped_entries"] == 1


def test_order_of_rows_does_not_matter() -> None:
    shuffled = random.Random(7).sample(ROWS, len(ROWS))
    assert _contexts(shuffled) == _contexts(ROWS)


def test_no_rows_no_contexts() -> None:
    assert _contexts([]) == {}


def test_the_history_begins_on_a_monday_that_moves_once_a_week() -> None:
    starts = {Window.of(f"2017-11-{day:02d}", 90).first for day in range(6, 13)}
    assert len(starts) <= 2
    assert Window.of("2017-11-01", 90) == Window("2017-11-01", "2017-07-31", "2017-10-01")
    assert Window.of("2017-01-15", 30).daily_from == "2016-12-01"

"""A small shop: a log of actions by category, in memory or landed in a lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lake.delta import audits
from lake.delta.publishing import publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from schemas import behaviors, items
from schemas.table import Table

# user, time (UTC, ISO 8601), action, category
Action = tuple[str, str, str, str]

# Two days of history, three of outcomes; whoever did one thing is served.
SMALL = SplitRule(
    days=("2017-03-10",), history_days=2, outcome_days=3, minimum_events=1, minimum_active_days=1, leave_out=("fuel",)
)


@pytest.fixture
def small() -> SplitRule:
    return SMALL


@pytest.fixture
def actions() -> Callable[[Sequence[Action]], pl.DataFrame]:
    """Categorized actions, as ``evaluation.actions`` gives them."""

    def make(rows: Sequence[Action]) -> pl.DataFrame:
        return pl.DataFrame(
            [(user, at[:10], datetime.fromisoformat(at).replace(tzinfo=UTC), *rest) for user, at, *rest in rows],
            schema={
                "user_id": pl.String,
                "day": pl.String,
                "at": pl.Datetime("us", "UTC"),
                "action": pl.String,
                "category": pl.String,
            },
            orient="row",
        )

    return make


def put(lake: Lake, table: Table, parts: Mapping[str, pa.Table]) -> None:
    """Publish rows; parts by day, or under an empty name for a table without partitions."""
    staged = []
    for day, rows in parts.items():
        partition = {"day": day} if table.partition_by else {}
        file = stage(lake, table, rows, fingerprint="test", partition=partition)
        staged.append(StagedPartition(partition, "test", (file,)))
    batch = Batch(table.name, "test", tuple(staged))
    audits.record(lake, batch, {"success": True, "co_audited": [batch.digest]})
    publish(lake, [batch])


@pytest.fixture
def land(lake: Lake) -> Callable[[Sequence[Action], Sequence[str]], Lake]:
    """Publish actions as behaviors of days, each category being one item of the department grocery."""

    def publish_all(rows: Sequence[Action], days: Sequence[str]) -> Lake:
        categories = sorted({category for *_, category in rows})
        catalog = [
            {
                "item_id": category,
                "entity_id": category,
                "text": category,
                "category": category,
                "category_path": f"grocery > {category}",
                "brand": None,
            }
            for category in categories
        ]
        put(lake, items.TABLE, {"": pa.Table.from_pylist(catalog, items.TABLE.schema)})
        put(lake, behaviors.TABLE, {day: _behaviors([row for row in rows if row[1][:10] == day]) for day in days})
        return lake

    return publish_all


def _behaviors(rows: Sequence[Action]) -> pa.Table:
    found = [
        {
            "user_id": user,
            "at": datetime.fromisoformat(at).replace(tzinfo=UTC),
            "action": action,
            "entity_id": category,
            "item_id": category,
            "quantity": 1,
            "amount": None,
            "session_id": None,
        }
        for user, at, action, category in rows
    ]
    return pa.Table.from_pylist(found, behaviors.TABLE.file_schema)


def context(user: str, day: str) -> dict[str, Any]:
    """A context without anything in it."""
    empty: dict[str, Any] = {"periods": [], "attributes": [], "interests": []}
    counts = dict.fromkeys(
        ("events", "active_days", "dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid"), 1
    )
    return {"user_id": user, "first_day": day, "last_day": day, "digest": user, **empty, **counts}

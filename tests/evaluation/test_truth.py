"""Outcomes of a small log, by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from evaluation.actions import categorize
from evaluation.truth import served, truth
from lake.registry.splits import SplitRule

Make = Callable[[Sequence[tuple[str, str, str, str]]], pl.DataFrame]
DAY = "2017-03-10"  # history from 2017-03-09 00:00, outcomes from 2017-03-11 00:00 until 2017-03-14 00:00


def test_windows_categories_and_what_is_new(actions: Make, small: SplitRule) -> None:
    log = [
        ("ann", "2017-03-08T23:59:59", "purchase", "beer"),  # before the history
        ("ann", "2017-03-09T00:00:00", "purchase", "milk"),
        ("ann", "2017-03-10T23:59:59", "cart", "eggs"),
        ("ann", "2017-03-11T00:00:00", "cart", "fish"),  # no outcome: not bought
        ("ann", "2017-03-12T08:00:00", "purchase", "milk"),
        ("ann", "2017-03-12T08:00:00", "purchase", "eggs"),
        ("ann", "2017-03-13T23:59:59", "purchase", "beer"),
        ("ann", "2017-03-13T23:59:59", "purchase", "beer"),
        ("ann", "2017-03-14T00:00:00", "purchase", "ham"),  # after the outcomes
        ("bob", "2017-03-10T10:00:00", "purchase", "milk"),  # no outcome
        ("cat", "2017-03-12T10:00:00", "purchase", "milk"),  # no history
    ]
    expected: list[dict[str, Any]] = [
        {
            "day": DAY,
            "user_id": "ann",
            "outcomes_until": "2017-03-14",
            "history_events": 2,
            "active_days": 2,
            "categories": ["beer", "eggs", "milk"],
            "new_categories": ["beer"],
            "next_categories": ["eggs", "milk"],
        }
    ]
    assert truth(actions(log), DAY, small).to_dicts() == expected


def test_served_users_have_enough_history(small: SplitRule) -> None:
    rows = pl.DataFrame({"history_events": [30, 29, 30], "active_days": [5, 9, 4]})
    assert served(rows, SplitRule(days=(DAY,))).to_dicts() == [{"history_events": 30, "active_days": 5}]


def test_categories_come_from_the_catalog_without_what_is_left_out() -> None:
    catalog = pa.table(
        {
            "item_id": ["1", "2", "3"],
            "category": ["milk", "gas", "gas"],
            "category_path": ["grocery > dairy > milk", "fuel > gas", "garden > gas"],
        }
    )
    rows = pa.table(
        {
            "user_id": ["ann"] * 5,
            "day": [DAY] * 5,
            "at": pa.array([0] * 5, pa.timestamp("us", tz="UTC")),
            "action": ["purchase", "purchase", "purchase", "view", "search"],
            "item_id": ["1", "2", "3", "1", None],
        }
    )
    # Fuel is left out as a department, the garden's item of the same leaf stays; a view is no reliable action.
    assert categorize(rows, catalog, ("fuel",))["category"].to_list() == ["milk", "gas"]

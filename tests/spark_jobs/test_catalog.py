"""The catalog's tables from raw items: pure functions."""

from __future__ import annotations

import pyarrow as pa

from spark_jobs.landing.catalog import build_items
from spark_jobs.landing.sources.source import ITEMS


def _items(*rows: tuple[str, str | None, list[str | None] | None]) -> pa.Table:
    return pa.Table.from_pylist([{"item": item, "text": text, "path": path} for item, text, path in rows], ITEMS)


def test_an_item_stands_under_the_levels_that_have_a_name() -> None:
    raw = _items(
        ("1", "Milk", ["Dairy", None, " MILK "]),
        ("2", "Bread", ["Bakery", "\u200b", None]),
        ("1", "another", ["Dairy"]),
    )
    built = build_items(raw, 50).select(["item_id", "text", "category", "category_path"]).to_pylist()
    assert built == [
        {"item_id": "1", "text": "milk", "category": "milk", "category_path": "dairy > milk"},
        {"item_id": "2", "text": "bread", "category": "bakery", "category_path": "bakery"},
    ]


def test_an_item_without_a_text_or_without_a_place_is_none() -> None:
    raw = _items(
        ("1", None, ["Dairy"]), ("2", " ", ["Dairy"]), ("3", "Milk", []), ("4", "Milk", None), ("5", "Milk", [""])
    )
    assert build_items(raw, 50).num_rows == 0
    assert build_items(ITEMS.empty_table(), 50).num_rows == 0

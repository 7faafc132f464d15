"""A small shop whose users can be shown items: the one that experts are reinforced on, with a catalog of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from lake.delta import writing
from lake.store.location import Lake
from representation.cleaning import entity_id
from schemas import items, signals
from tests.model_steps import reinforced_shop
from tests.model_steps.reinforced_shop import CATALOG, DAY, publish

SIZES = ("12 oz", "2 lb")
SIGNALS = [
    {"day": DAY, "week": "2017-08-21", "kind": "season", "text": "summer, week of 2017-08-21", "weight": 1.0},
    {"day": DAY, "week": "2017-08-21", "kind": "holiday", "text": "Labor Day on 2017-09-04", "weight": 0.1},
]


def land(lake: Lake, planted: Sequence[dict[str, Any]] = ()) -> Lake:
    """Catalog with items, contexts, signals, vectors and examples of one day.

    Args:
        planted: further rows of ``examples``.
    """
    # Everybody buys of everything: of what a user never bought the judge finds captions irrelevant.
    reinforced_shop.land(lake, planted, CATALOG)
    rows = []
    for number, category in enumerate(CATALOG):
        for more, size in enumerate(SIZES):
            text = f"{category}, {size}"
            rows.append(
                {
                    "item_id": str(2 * number + more),
                    "entity_id": entity_id("item", text),
                    "text": text,
                    "category": category,
                    "category_path": f"shop > {category}",
                    "brand": None,
                }
            )
    writing.insert_new(lake, items.TABLE, pa.Table.from_pylist(rows, items.TABLE.schema))
    publish(lake, signals.TABLE, SIGNALS)
    return lake

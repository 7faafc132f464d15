"""What users did, by category: the one form that baselines are fitted on and outcomes are taken from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa

from lake.delta import tables
from lake.registry.splits import next_day
from lake.store.location import Lake
from runtime.errors import SourceMissing
from schemas import behaviors, entities, items

# What counts as an outcome: the paper's "next interacted item" (PAPER 3.2) is here the next that is bought.
OUTCOMES = ("purchase",)
PATH_SEPARATOR = " > "


def categorize(rows: pa.Table, catalog: pa.Table, leave_out: Sequence[str]) -> pl.DataFrame:
    """Reliable actions on items, with the item's category: user_id, day, at, action, category.

    Args:
        rows: of ``behaviors``.
        catalog: of ``items``.
        leave_out: departments whose items do not count.
    """
    known = (
        pl.DataFrame(pl.from_arrow(catalog))
        .filter(~pl.col("category_path").str.split(PATH_SEPARATOR).list.first().is_in(list(leave_out)))
        .select("item_id", "category")
    )
    return (
        pl.DataFrame(pl.from_arrow(rows))
        .filter(pl.col("action").is_in(list(behaviors.RELIABLE_ACTIONS)))
        .join(known, on="item_id")
        .select("user_id", "day", "at", "action", "category")
    )


def read(lake: Lake, first: str, last: str, leave_out: Sequence[str]) -> pl.DataFrame:
    """The categorized actions of the days from first to last, both included.

    Raises:
        SourceMissing: some of the days are not landed.
    """
    landed = tables.published_days(lake, behaviors.TABLE)
    if missing := [day for day in _days(first, last) if day not in landed]:
        raise SourceMissing(
            f"What users did from {first} to {last} is needed, and {len(missing)} of these days are not landed in "
            f"{lake.root} ({missing[0]} first): land them with `python -m spark_jobs.land`."
        )
    columns = ["user_id", "day", "at", "action", "item_id"]
    rows = tables.read(lake, behaviors.TABLE, columns=columns, filters=[("day", ">=", first), ("day", "<=", last)])
    return categorize(rows, tables.read(lake, items.TABLE, columns=["item_id", "category", "category_path"]), leave_out)


def known_categories(lake: Lake) -> list[str]:
    """All categories that outcomes or tags can have; also those that the catalog no longer lists."""
    wanted = [("kind", "=", "category")]
    return list(tables.read(lake, entities.TABLE, columns=["category"], filters=wanted)["category"].to_pylist())


def _days(first: str, last: str) -> Iterator[str]:
    day = first
    while day <= last:
        yield day
        day = next_day(day)


def between(actions: pl.DataFrame, first: str, until: str) -> pl.DataFrame:
    """The actions from one day's 00:00 until another's, half-open."""
    return actions.filter(pl.col("day").is_between(pl.lit(first), pl.lit(until), closed="left"))

"""A catalog from a log of events that say what their items are called: what was said last of each item."""

from __future__ import annotations

import polars as pl


def last_said(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an item: the last that has a text and a category, else the last.

    Args:
        rows: ``item``, ``text``, ``path 0`` ..., ``_problem``. Without an item, or where it could not be read, a row
            says nothing of one: as a behavior it is told of.
    """
    levels = [name for name in rows.columns if name.startswith("path ")]
    whole = pl.col("text").is_not_null() & pl.any_horizontal(pl.col(name).is_not_null() for name in levels)
    said = rows.filter(pl.col("item").is_not_null() & pl.col("_problem").is_null())
    return (
        said.with_columns(whole=whole)
        .sort("whole", maintain_order=True)
        .unique("item", keep="last", maintain_order=True)
        .drop("whole")
    )

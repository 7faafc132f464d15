"""Contexts from rollups: the pure function that Spark distributes (PAPER 1.1, 1.2, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from spark_jobs.calendar import Window


@dataclass(frozen=True)
class Compression:
    """What workers need besides rollups."""

    window: Window
    maximum_entities: int
    interests: int
    entities: pa.Table  # entity_id, text, category
    profiles: pa.Table
    tokenizer: str  # the model's tokenizer as JSON


def assemble(rows: pa.Table, compression: Compression) -> pa.Table:
    """Contexts of the users of some rollups, without token counts and digest.

    ``schemas.rollups`` in, the other columns of ``schemas.contexts`` out. Rollups may reach back beyond the window:
    they count for the long-term interests. Users without a behavior in the window have no context.
    """
    window = compression.window
    all_rows = pl.DataFrame(pl.from_arrow(rows))
    history = all_rows.filter(pl.col("day").is_between(pl.lit(window.first), pl.lit(window.day)))
    entries = (
        history.with_columns(
            period=pl.when(pl.col("day") >= window.daily_from)
            .then(pl.col("day"))
            .otherwise(pl.col("day").str.slice(0, 7))
        )
        .group_by("user_id", "period", "action", "entity_id")
        .agg(pl.col("count").sum())
        .sort("user_id", "period", "count", "action", "entity_id", descending=[False, True, True, False, False])
    )
    kept = entries.filter(pl.int_range(pl.len()).over("user_id") < compression.maximum_entities)
    periods = (
        kept.sort("user_id", "period", "action", "count", "entity_id", descending=[False, True, False, True, False])
        .group_by("user_id", "period", "action", maintain_order=True)
        .agg(entities=pl.struct("entity_id", "count"))
        .group_by("user_id", "period", maintain_order=True)
        .agg(actions=pl.struct("action", "entities"))
        .group_by("user_id", maintain_order=True)
        .agg(periods=pl.struct("period", "actions"))
    )
    figures = history.group_by("user_id").agg(
        events=pl.col("count").sum().cast(pl.Int32),
        active_days=pl.col("day").n_unique().cast(pl.Int32),
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
    )
    dropped = entries.group_by("user_id").len().join(kept.group_by("user_id").len(name="kept"), on="user_id")
    return (
        periods.join(figures, on="user_id")
        .join(dropped.select("user_id", dropped_entries=(pl.col("len") - pl.col("kept")).cast(pl.Int32)), on="user_id")
        .join(_interests(all_rows, compression), on="user_id", how="left")
        .join(pl.DataFrame(pl.from_arrow(compression.profiles)), on="user_id", how="left")
        .with_columns(pl.col("interests").fill_null([]), pl.col("attributes").fill_null([]))
        .to_arrow()
    )


def _interests(rows: pl.DataFrame, compression: Compression) -> pl.DataFrame:
    """The categories a user acted on most in all of history (PAPER 1.1: U_int)."""
    categories = pl.DataFrame(pl.from_arrow(compression.entities)).select("entity_id", "category").drop_nulls()
    return (
        rows.filter(pl.col("day") <= compression.window.day)
        .join(categories, on="entity_id")
        .group_by("user_id", "category")
        .agg(pl.col("count").sum())
        .sort("user_id", "count", "category", descending=[False, True, False])
        .group_by("user_id", maintain_order=True)
        .agg(interests=pl.struct("category", "count").head(compression.interests))
    )

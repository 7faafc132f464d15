"""Contexts from rollups: the pure function that Spark distributes (PAPER 1.1, 1.2, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from representation.calendar import Window
from representation.category_days import EvidenceWindow


@dataclass(frozen=True)
class Compression:
    """What workers need besides rollups."""

    window: Window
    maximum_entities: int
    interests: int
    entities: pa.Table  # entity_id, text, category, and for evidence category_path
    profiles: pa.Table
    tokenizer: str  # the model's tokenizer as JSON
    evidence: EvidenceWindow | None = None  # none: contexts without evidence


def coded(rows: pa.Table) -> pl.DataFrame:
    """Rollups with codes for texts, in the order of the texts: grouping and sorting them costs what numbers cost."""
    frame = pl.DataFrame(pl.from_arrow(rows))
    return frame.with_columns(
        pl.col(name).cast(pl.Enum(frame[name].unique().sort())) for name in ("day", "user_id", "action", "entity_id")
    )


def texts_of(codes: pl.Series) -> list[str]:
    """The texts that a coded column's codes stand for, code by code."""
    kind = codes.dtype
    assert isinstance(kind, pl.Enum)
    return kind.categories.to_list()


def within(rows: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    """The coded rows of the days from first to last, both included."""
    wanted = [first <= day <= last for day in texts_of(rows["day"])]
    return rows.filter(pl.Series(wanted, dtype=pl.Boolean).gather(rows["day"].to_physical()))


def entries_of(history: pl.DataFrame, compression: Compression) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The entries of contexts (user, period, action, entity, count), in their order; and each user's dropped entries.

    Args:
        history: coded rows within the window.
    """
    entries = (
        history.with_columns(period=_periods(history, compression.window))
        .group_by("user_id", "period", "action", "entity_id")
        .agg(pl.col("count").sum())
    )
    most = compression.maximum_entities
    sizes = entries.group_by("user_id").len(name="entries")
    dropped = sizes.select("user_id", dropped_entries=(pl.col("entries").cast(pl.Int32) - most).clip(0))
    large = sizes.filter(pl.col("entries") > most).select("user_id")
    if len(large):
        newest = pl.struct("period", -pl.col("count"), "action", "entity_id").rank("ordinal").over("user_id")
        kept = entries.join(large, on="user_id").filter(newest <= most)
        entries = pl.concat([entries.join(large, on="user_id", how="anti"), kept])
    order = ("user_id", "period", "action", "count", "entity_id")
    return entries.sort(order, descending=[name == "count" for name in order]), dropped


def _periods(history: pl.DataFrame, window: Window) -> pl.Series:
    """Each row's period, newest first: its day, or its month where that is older than last month."""
    days = texts_of(history["day"])
    named = [day if day >= window.daily_from else day[:7] for day in days]
    names = pl.Enum(sorted(set(named), reverse=True))
    return pl.Series(named, dtype=names).gather(history["day"].to_physical())


def assemble(rows: pa.Table, compression: Compression) -> pa.Table:
    """Contexts of the users of some rollups, without evidence, token counts and digest.

    ``schemas.rollups`` in, the other columns of ``schemas.contexts`` out. Rollups may reach back beyond the window:
    they count for the long-term interests. Users without a behavior in the window have no context.
    """
    known = coded(rows)
    history = within(known, compression.window.first, compression.window.day)
    entries, dropped = entries_of(history, compression)
    return nested(entries, dropped, history, known, compression).to_arrow()


def nested(
    entries: pl.DataFrame,
    dropped: pl.DataFrame,
    history: pl.DataFrame,
    known: pl.DataFrame,
    compression: Compression,
) -> pl.DataFrame:
    """One row a user: entries by period and action, figures of the history, interests and profile."""
    periods = (
        entries.group_by("user_id", "period", "action", maintain_order=True)
        .agg(entities=pl.struct(pl.col("entity_id").cast(pl.String), "count"))
        .group_by("user_id", "period", maintain_order=True)
        .agg(actions=pl.struct(pl.col("action").cast(pl.String), "entities"))
        .group_by("user_id", maintain_order=True)
        .agg(periods=pl.struct(pl.col("period").cast(pl.String), "actions"))
    )
    figures = history.group_by("user_id").agg(
        events=pl.col("count").sum().cast(pl.Int32),
        active_days=pl.col("day").n_unique().cast(pl.Int32),
        first_day=pl.col("day").min().cast(pl.String),
        last_day=pl.col("day").max().cast(pl.String),
    )
    return (
        periods.join(figures, on="user_id")
        .join(dropped, on="user_id")
        .join(_interests(known, compression), on="user_id", how="left")
        .with_columns(pl.col("user_id").cast(pl.String))
        .join(pl.DataFrame(pl.from_arrow(compression.profiles)), on="user_id", how="left")
        .with_columns(pl.col("interests").fill_null([]), pl.col("attributes").fill_null([]))
    )


def _interests(known: pl.DataFrame, compression: Compression) -> pl.DataFrame:
    """The categories a user acted on most in all of history (PAPER 1.1: U_int)."""
    catalog = pl.DataFrame(pl.from_arrow(compression.entities)).select("entity_id", "category").drop_nulls()
    catalog = catalog.with_columns(
        pl.col("entity_id").cast(known.schema["entity_id"], strict=False),
        pl.col("category").cast(pl.Enum(catalog["category"].unique().sort())),
    ).drop_nulls()
    return (
        within(known, "", compression.window.day)
        .join(catalog, on="entity_id")
        .group_by("user_id", "category")
        .agg(pl.col("count").sum())
        .sort("user_id", "count", "category", descending=[False, True, False])
        .group_by("user_id", maintain_order=True)
        .agg(interests=pl.struct(pl.col("category").cast(pl.String), "count").head(compression.interests))
    )

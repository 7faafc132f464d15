"""Contexts from rollups: assembled, with evidence, their lengths and the digest of what a prompt can show."""

from __future__ import annotations

import hashlib

import polars as pl
import pyarrow as pa

from representation.category_days import evidence_lists
from runtime.errors import SourceMissing
from schemas import contexts
from spark_jobs.histories import assembly, token_counts
from spark_jobs.histories.assembly import Compression
from spark_jobs.histories.tokens import TokenCounter

EVIDENCE = pl.DataFrame(pl.from_arrow(contexts.TABLE.schema.empty_table())).schema["evidence"]


def contexts_of(rollups: pa.Table, compression: Compression) -> pa.Table:
    """``schemas.contexts`` of the users of some rollups.

    Raises:
        SourceMissing: the catalog lacks an entity.
    """
    if not rollups.num_rows:
        return contexts.TABLE.schema.empty_table()
    all_history = assembly.coded(rollups)
    history = assembly.within(all_history, compression.window.first, compression.window.day)
    entries, dropped = assembly.entries_of(history, compression)
    frame = assembly.nested(entries, dropped, history, all_history, compression)
    frame = frame.join(_evidence(rollups, compression), on="user_id", how="left")
    frame = frame.with_columns(pl.col("evidence").fill_null([]))
    lengths = _lengths(history, entries, compression)
    day = pl.lit(compression.window.day).alias("day")
    measured = frame.with_columns(day, digest=_digest(frame)).join(lengths, on="user_id").sort("user_id")
    return measured.select(contexts.TABLE.schema.names).to_arrow().cast(contexts.TABLE.schema)


def _evidence(rollups: pa.Table, compression: Compression) -> pl.DataFrame:
    """What examples of experts would show of each user: user_id, evidence."""
    if compression.evidence is None:
        return pl.DataFrame(schema={"user_id": pl.String, "evidence": EVIDENCE})
    return evidence_lists(rollups, compression.entities, compression.evidence)


def _lengths(history: pl.DataFrame, entries: pl.DataFrame, compression: Compression) -> pl.DataFrame:
    """PAPER 1.2's three lengths of each user's history, in tokens: full text, aggregated text, hybrid."""
    counter = TokenCounter(compression.tokenizer)
    texts = _texts(history, compression)
    return (
        token_counts.of_aggregated_text(entries, texts, counter)
        .join(token_counts.of_hybrid(entries, counter), on="user_id")
        .join(token_counts.of_full_text(history, texts, compression.window.day, counter), on="user_id")
        .with_columns(pl.col("user_id").cast(pl.String))
    )


def _texts(history: pl.DataFrame, compression: Compression) -> pl.DataFrame:
    """The text of each entity of the history: entity_id (coded as there), text."""
    catalog = pl.DataFrame(pl.from_arrow(compression.entities)).select("entity_id", "text")
    catalog = catalog.with_columns(pl.col("entity_id").cast(history.schema["entity_id"], strict=False)).drop_nulls()
    wanted = history.select(pl.col("entity_id").unique())
    lost = wanted.join(catalog, on="entity_id", how="anti")["entity_id"]
    if len(lost):
        first = min(lost.cast(pl.String).to_list())
        raise SourceMissing(f"{len(lost)} entities of the rollups are not in the table entities, {first} first.")
    return wanted.join(catalog, on="entity_id")


def _digest(frame: pl.DataFrame) -> pl.Series:
    """Digest of everything that a prompt can show; the user id is not shown."""
    shown = frame.select(pl.struct("periods", "attributes", "interests", "evidence").struct.json_encode()).to_series()
    return pl.Series([hashlib.sha256(text.encode()).hexdigest()[:16] for text in shown], dtype=pl.String)

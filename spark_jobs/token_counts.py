"""How long a context is in the model's own tokens: full text, aggregated text, hybrid (PAPER 1.2's three lengths)."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from commands.errors import ConfigurationError, SourceMissing
from schemas import contexts
from spark_jobs.assembly import Compression


def tokenizer_of(model: Path) -> str:
    """The tokenizer of a model folder, as JSON.

    Raises:
        ConfigurationError: the folder has none.
    """
    try:
        return (model / "tokenizer.json").read_text()
    except FileNotFoundError:
        raise ConfigurationError(
            f"No tokenizer.json in {model}: run `python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL."
        ) from None


def with_tokens(assembled: pa.Table, rows: pa.Table, compression: Compression) -> pa.Table:
    """Add the three lengths (tokens) and the digest: what ``assemble`` left out of ``schemas.contexts``.

    Raises:
        SourceMissing: the catalog lacks an entity.
    """
    if not assembled.num_rows:
        return contexts.TABLE.schema.empty_table()
    tokens = Tokens(compression.tokenizer)
    frame = pl.DataFrame(pl.from_arrow(assembled))
    texts = pl.DataFrame(pl.from_arrow(compression.entities)).select("entity_id", "text")
    entries = _entries(frame)
    lost = entries.join(texts, on="entity_id", how="anti")["entity_id"].unique()
    if len(lost):
        raise SourceMissing(
            f"{len(lost)} entities of the rollups are not in the table entities, {min(lost.to_list())} first."
        )
    lengths = (
        _aggregated_text(entries, texts, tokens)
        .join(_hybrid(entries, tokens), on="user_id")
        .join(_full_text(rows, texts, compression, tokens), on="user_id")
    )
    day = pl.lit(compression.window.day).alias("day")
    joined = frame.with_columns(day, digest=_digest(frame)).join(lengths, on="user_id").sort("user_id")
    return joined.select(contexts.TABLE.schema.names).to_arrow().cast(contexts.TABLE.schema)


class Tokens:
    """Lengths in the model's tokens. A text's parts may be counted apart where it has a space or a line break between
    them: there the tokenizer splits first."""

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = _load(tokenizer)

    def of(self, texts: pl.Series) -> pl.Series:
        """Each text's length; equal texts are counted once."""
        distinct = texts.unique().drop_nulls()
        encoded = self._tokenizer.encode_batch_fast(distinct.to_list(), add_special_tokens=False)
        lengths = pl.Series([len(one) for one in encoded], dtype=pl.Int32)
        return texts.replace_strict(distinct, lengths, return_dtype=pl.Int32)

    def one(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))


def _digest(frame: pl.DataFrame) -> pl.Series:
    """Digest of everything that a prompt can show; the user id is not shown."""
    shown = frame.select(pl.struct("periods", "attributes", "interests").struct.json_encode()).to_series()
    return pl.Series([hashlib.sha256(one.encode()).hexdigest()[:16] for one in shown], dtype=pl.String)


def _entries(frame: pl.DataFrame) -> pl.DataFrame:
    """One row an entity of an action of a period, in the order of the context."""
    return (
        frame.select("user_id", "periods")
        .explode("periods")
        .unnest("periods")
        .explode("actions")
        .unnest("actions")
        .explode("entities")
        .unnest("entities")
        .with_row_index("position")
    )


def _aggregated_text(entries: pl.DataFrame, texts: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Length of what ``representation.text.render_history`` writes: a line for the entities of the same times."""
    times = (
        entries.group_by("user_id", "entity_id", "period")
        .agg(pl.col("action").sort().str.join(", "), pl.col("count").sum(), pl.col("position").min())
        .join(_times(entries, tokens), on=("period", "action"))
        .sort("user_id", "entity_id", "position")
    )
    items = (
        times.group_by("user_id", "entity_id", maintain_order=True)
        .agg(
            pl.col("time").str.join(", ").alias("times"),
            pl.col("count").sum(),
            pl.col("position").min(),
            time_tokens=pl.when(pl.len() == 1)
            .then(pl.col("alone").first())
            .otherwise(
                pl.col("first").first() + pl.col("between").slice(1, pl.len() - 2).sum() + pl.col("last").last()
            ),
        )
        .join(_item_texts(entries, texts, tokens), on="entity_id")
    )
    repeated = pl.format(" x{}", pl.col("count"))
    items = items.with_columns(
        tokens.of(items.select(repeated).to_series()).alias("repeated"),
        tokens.of(items.select(pl.format("{};", repeated)).to_series()).alias("repeated_then_more"),
    )
    several = pl.col("count") > 1
    items = items.with_columns(
        at_end=pl.when(several).then(pl.col("text_tokens") + pl.col("repeated")).otherwise(pl.col("text_tokens")),
        before_more=pl.when(several)
        .then(pl.col("text_tokens") + pl.col("repeated_then_more"))
        .otherwise(pl.col("text_tokens_then_more")),
    )
    last = (pl.col("at_end") - pl.col("before_more")).sort_by("position").last()
    lines = items.group_by("user_id", "times").agg(
        line=pl.col("time_tokens").first() + tokens.one(" |") + pl.col("before_more").sum() + last
    )
    breaks = (pl.len().cast(pl.Int32) - 1) * tokens.one("\n")
    return lines.group_by("user_id").agg(tokens_text=(pl.col("line").sum() + breaks).cast(pl.Int32))


def _times(entries: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Lengths of each "period (actions)" by its place among the times of a line."""
    found = (
        entries.group_by("user_id", "entity_id", "period")
        .agg(pl.col("action").sort().str.join(", "))
        .select("period", "action")
        .unique()
        .with_columns(time=pl.format("{} ({})", "period", "action"))
    )
    forms = {"alone": "{}", "first": "{},", "between": " {},", "last": " {}"}
    return found.with_columns(
        tokens.of(found.select(pl.format(form, "time")).to_series()).alias(name) for name, form in forms.items()
    )


def _item_texts(entries: pl.DataFrame, texts: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Lengths of each entity's text at the end of a line, and before the next one."""
    found = texts.join(entries.select("entity_id").unique(), on="entity_id")
    return found.select(
        "entity_id",
        tokens.of(found.select(pl.format(" {}", "text")).to_series()).alias("text_tokens"),
        tokens.of(found.select(pl.format(" {};", "text")).to_series()).alias("text_tokens_then_more"),
    )


def _hybrid(entries: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Length of what ``representation.hybrid.render_history`` gives: text segments, and one slot an entity."""
    groups = entries.group_by("user_id", "period", "action").agg(pl.len(), pl.col("position").min())
    first = pl.col("position") == pl.col("position").min().over("user_id")
    start = pl.when(first).then(pl.lit("")).otherwise(pl.lit("\n"))
    segments = groups.select(pl.format("{}{} ({}) |", start, "period", "action")).to_series()
    return (
        groups.with_columns(tokens.of(segments).alias("segment"))
        .group_by("user_id")
        .agg(tokens_hybrid=(pl.col("segment").sum() + pl.col("len").sum()).cast(pl.Int32))
    )


def _full_text(rows: pa.Table, texts: pl.DataFrame, compression: Compression, tokens: Tokens) -> pl.DataFrame:
    """Tokens with one line an event: "2017-10-03 purchase: <text>", and its line break."""
    window = compression.window
    history = (
        pl.DataFrame(pl.from_arrow(rows))
        .filter(pl.col("day").is_between(pl.lit(window.first), pl.lit(window.day)))
        .group_by("user_id", "action", "entity_id")
        .agg(pl.col("count").sum())
    )
    items = texts.join(history.select("entity_id").unique(), on="entity_id")
    items = items.select(
        "entity_id", item_tokens=tokens.of(items.select(pl.format(" {}", "text")).to_series()) + tokens.one("\n")
    )
    actions = history.select("action").unique()
    starts = actions.with_columns(
        start_tokens=tokens.of(actions.select(pl.format("{} {}:", pl.lit(window.day), "action")).to_series())
    )
    return (
        history.join(items, on="entity_id")
        .join(starts, on="action")
        .group_by("user_id")
        .agg(tokens_full_text=((pl.col("item_tokens") + pl.col("start_tokens")) * pl.col("count")).sum().cast(pl.Int32))
    )


@cache
def _load(tokenizer: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer)

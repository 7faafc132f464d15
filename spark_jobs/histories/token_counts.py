"""How long a context is in the model's own tokens: full text, aggregated text, hybrid (PAPER 1.2's three lengths)."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from runtime.errors import ConfigurationError, SourceMissing
from schemas import contexts
from spark_jobs.histories import assembly
from spark_jobs.histories.assembly import Compression


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


def contexts_of(rows: pa.Table, compression: Compression) -> pa.Table:
    """``schemas.contexts`` of the users of some rollups: assembled, with their three lengths (tokens) and the digest.

    Raises:
        SourceMissing: the catalog lacks an entity.
    """
    if not rows.num_rows:
        return contexts.TABLE.schema.empty_table()
    known = assembly.coded(rows)
    history = assembly.within(known, compression.window.first, compression.window.day)
    entries, dropped = assembly.entries_of(history, compression)
    frame = assembly.nested(entries, dropped, history, known, compression)
    tokens = Tokens(compression.tokenizer)
    texts = _texts(history, compression)
    lengths = (
        _aggregated_text(entries, texts, tokens)
        .join(_hybrid(entries, tokens), on="user_id")
        .join(_full_text(history, texts, compression.window.day, tokens), on="user_id")
        .with_columns(pl.col("user_id").cast(pl.String))
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


def _texts(history: pl.DataFrame, compression: Compression) -> pl.DataFrame:
    """The text of each entity of the history."""
    found = pl.DataFrame(pl.from_arrow(compression.entities)).select("entity_id", "text")
    found = found.with_columns(pl.col("entity_id").cast(history.schema["entity_id"], strict=False)).drop_nulls()
    wanted = history.select(pl.col("entity_id").unique())
    lost = wanted.join(found, on="entity_id", how="anti")["entity_id"]
    if len(lost):
        first = min(lost.cast(pl.String).to_list())
        raise SourceMissing(f"{len(lost)} entities of the rollups are not in the table entities, {first} first.")
    return wanted.join(found, on="entity_id")


def _aggregated_text(entries: pl.DataFrame, texts: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Length of what ``representation.text.render_history`` writes: a line for the entities of the same times."""
    times = _times(entries, tokens)
    items = (
        times.group_by("user_id", "entity_id", maintain_order=True)
        .agg("time", pl.col("count").sum(), pl.col("position").min(), pl.col("time_tokens").sum())
        .join(_item_texts(texts, tokens), on="entity_id")
    )
    repeated = pl.format(" x{}", pl.col("count"))
    several = pl.col("count") > 1
    items = items.with_columns(
        at_end=pl.col("text_tokens")
        + pl.when(several).then(tokens.of(items.select(repeated).to_series())).otherwise(0),
        before_more=pl.when(several)
        .then(pl.col("text_tokens") + tokens.of(items.select(pl.format("{};", repeated)).to_series()))
        .otherwise(pl.col("text_tokens_then_more")),
    ).sort("position")
    last = pl.col("at_end").last() - pl.col("before_more").last()
    lines = items.group_by("user_id", "time").agg(
        line=pl.col("time_tokens").first() + tokens.one(" |") + pl.col("before_more").sum() + last
    )
    breaks = (pl.len().cast(pl.Int32) - 1) * tokens.one("\n")
    return lines.group_by("user_id").agg(tokens_text=(pl.col("line").sum() + breaks).cast(pl.Int32))


def _times(entries: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """A row for each period of each of a user's entities, newest first: ``time``, a number for the period and its
    actions, and ``time_tokens``, the length of "period (actions)" at its place among the times of a line."""
    actions = assembly.texts_of(entries["action"])
    bits = pl.Series([1 << number for number in range(len(actions))], dtype=pl.UInt32)
    times = (
        entries.with_row_index("position")
        .with_columns(bit=bits.gather(entries["action"].to_physical()))
        .group_by("user_id", "entity_id", "period")
        .agg(pl.col("bit").sum(), pl.col("count").sum(), pl.col("position").min())
        .with_columns(time=pl.col("period").to_physical().cast(pl.UInt32) * (1 << len(actions)) + pl.col("bit"))
        .sort("user_id", "entity_id", "position")
    )
    found = times.select("time", "period", "bit").unique()
    done = [", ".join(name for n, name in enumerate(actions) if bit >> n & 1) for bit in found["bit"].to_list()]
    named = found.select("time", shown=pl.format("{} ({})", "period", pl.Series(done, dtype=pl.String)))
    forms = {"alone": "{}", "first": "{},", "between": " {},", "last": " {}"}
    lengths = named.select(
        "time",
        *(tokens.of(named.select(pl.format(form, "shown")).to_series()).alias(name) for name, form in forms.items()),
    )
    item = pl.struct("user_id", "entity_id")
    begins, ends = item.ne_missing(item.shift(1)), item.ne_missing(item.shift(-1))
    place = pl.when(begins & ends).then("alone").when(begins).then("first").when(ends).then("last").otherwise("between")
    return times.join(lengths, on="time", how="left", maintain_order="left").with_columns(time_tokens=place)


def _item_texts(texts: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Lengths of each entity's text at the end of a line, and before the next one."""
    return texts.select(
        "entity_id",
        tokens.of(texts.select(pl.format(" {}", "text")).to_series()).alias("text_tokens"),
        tokens.of(texts.select(pl.format(" {};", "text")).to_series()).alias("text_tokens_then_more"),
    )


def _hybrid(entries: pl.DataFrame, tokens: Tokens) -> pl.DataFrame:
    """Length of what ``representation.hybrid.render_history`` gives: text segments, and one slot an entity."""
    groups = entries.group_by("user_id", "period", "action", maintain_order=True).len()
    begins = pl.col("user_id").ne_missing(pl.col("user_id").shift(1))
    start = pl.when(begins).then(pl.lit("")).otherwise(pl.lit("\n"))
    segments = groups.select(pl.format("{}{} ({}) |", start, "period", "action")).to_series()
    return (
        groups.with_columns(tokens.of(segments).alias("segment"))
        .group_by("user_id")
        .agg(tokens_hybrid=(pl.col("segment").sum() + pl.col("len").sum()).cast(pl.Int32))
    )


def _full_text(history: pl.DataFrame, texts: pl.DataFrame, day: str, tokens: Tokens) -> pl.DataFrame:
    """Tokens with one line an event: "2017-10-03 purchase: <text>", and its line break."""
    items = texts.select(
        "entity_id", item_tokens=tokens.of(texts.select(pl.format(" {}", "text")).to_series()) + tokens.one("\n")
    )
    starts = pl.Series(
        [tokens.one(f"{day} {action}:") for action in assembly.texts_of(history["action"])], dtype=pl.Int32
    )
    return (
        history.with_columns(start_tokens=starts.gather(history["action"].to_physical()))
        .join(items, on="entity_id")
        .group_by("user_id")
        .agg(tokens_full_text=((pl.col("item_tokens") + pl.col("start_tokens")) * pl.col("count")).sum().cast(pl.Int32))
    )


@cache
def _load(tokenizer: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer)

"""How long a context is in the model's own tokens: full text, aggregated text, hybrid (PAPER 1.2's three lengths)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from commands.errors import ConfigurationError
from representation import hybrid, text
from representation.context import from_row
from representation.hybrid import Slot
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
    """Add the three lengths (tokens) and the digest: what ``assemble`` left out of ``schemas.contexts``."""
    tokenizer = _load(compression.tokenizer)
    texts = dict(
        zip(compression.entities["entity_id"].to_pylist(), compression.entities["text"].to_pylist(), strict=True)
    )
    people = [from_row(row) for row in assembled.select(["user_id", "periods", "attributes", "interests"]).to_pylist()]
    lengths = tokenizer.encode_batch_fast([text.render_history(person, texts) for person in people])
    count = cache(lambda segment: len(tokenizer.encode(segment, add_special_tokens=False)))
    added = pl.DataFrame(
        {
            "user_id": [person.user_id for person in people],
            "tokens_text": pl.Series([len(length) for length in lengths], dtype=pl.Int32),
            "tokens_hybrid": pl.Series(
                [
                    sum(1 if isinstance(s, Slot) else count(s) for s in hybrid.render_history(person))
                    for person in people
                ],
                dtype=pl.Int32,
            ),
            "digest": [person.digest for person in people],
        },
        schema_overrides={"user_id": pl.String, "digest": pl.String},
    )
    full = _full_text(rows, texts, compression, count)
    day = pl.lit(compression.window.day).alias("day")
    joined = pl.DataFrame(pl.from_arrow(assembled)).join(added, on="user_id").join(full, on="user_id").with_columns(day)
    return joined.select(contexts.TABLE.schema.names).to_arrow().cast(contexts.TABLE.schema)


def _full_text(
    rows: pa.Table, texts: dict[str, str], compression: Compression, count: Callable[[str], int]
) -> pl.DataFrame:
    """Tokens with one line an event: "2017-10-03 purchase: <text>"; a line's parts are tokenized apart and added.

    The tokenizer splits before a space, so the sum of the parts is the length of the line.
    """
    window = compression.window
    history = pl.DataFrame(pl.from_arrow(rows)).filter(
        pl.col("day").is_between(pl.lit(window.first), pl.lit(window.day))
    )
    ids = history["entity_id"].unique().to_list()
    items = pl.DataFrame(
        {"entity_id": ids, "item_tokens": [count(f" {texts[entity]}") + 1 for entity in ids]},
        schema={"entity_id": pl.String, "item_tokens": pl.Int32},
    )
    actions = history["action"].unique().to_list()
    starts = pl.DataFrame(
        {"action": actions, "start_tokens": [count(f"{window.day} {action}:") for action in actions]},
        schema={"action": pl.String, "start_tokens": pl.Int32},
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

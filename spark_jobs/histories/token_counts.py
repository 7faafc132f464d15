"""Lengths of histories in the model's tokens (PAPER 1.2): aggregated text, hybrid, full text.

No text is rendered for it. A history is cut where the tokenizer splits anyway, before spaces and line breaks; each
distinct piece is counted once, and the counts are added up column by column for all users at once.
"""

from __future__ import annotations

import polars as pl

from spark_jobs.histories import assembly
from spark_jobs.histories.tokens import TokenCounter

# Where a time can stand among the times of a line, and how it is written there.
TIME_FORMS = {"alone": "{}", "first": "{},", "between": " {},", "last": " {}"}


def of_aggregated_text(entries: pl.DataFrame, texts: pl.DataFrame, counter: TokenCounter) -> pl.DataFrame:
    """Tokens of what ``representation.text.render_history`` writes, by user: user_id, tokens_text.

    A line stands for the entities of the same times: ``2017-11-01 (purchase), 2017-10 (redeem) | milk x2; bread``.

    Args:
        entries: user_id, period, action, entity_id, count, in the order of contexts.
        texts: entity_id, text.
        counter: of the model's tokens.
    """
    occurrences = _occurrences(entries)
    action_names = assembly.texts_of(entries["action"])
    items = (
        occurrences.with_columns(time_tokens=_time_tokens(occurrences, action_names, counter))
        .group_by("user_id", "entity_id", maintain_order=True)
        .agg("time", pl.col("count").sum(), pl.col("position").min(), pl.col("time_tokens").sum())
        .join(_text_tokens(texts, counter), on="entity_id")
    )
    items = items.with_columns(
        tokens_at_end=_item_tokens(items, "at_end", counter.of_column(items, pl.format(" x{}", "count"))),
        tokens_before_more=_item_tokens(items, "before_more", counter.of_column(items, pl.format(" x{};", "count"))),
    ).sort("position")
    last_one = pl.col("tokens_at_end").last() - pl.col("tokens_before_more").last()
    lines = items.group_by("user_id", "time").agg(
        tokens=pl.col("time_tokens").first() + counter.of(" |") + pl.col("tokens_before_more").sum() + last_one
    )
    line_breaks = (pl.len().cast(pl.Int32) - 1) * counter.of("\n")
    return lines.group_by("user_id").agg(tokens_text=(pl.col("tokens").sum() + line_breaks).cast(pl.Int32))


def _occurrences(entries: pl.DataFrame) -> pl.DataFrame:
    """A row for each period of each of a user's entities, the newest first.

    Its ``time`` is a number for the period with its ``actions``, which are a bit each; ``position`` is where the entity
    first stands in the context.
    """
    action_names = assembly.texts_of(entries["action"])
    bit_of_action = pl.Series([1 << number for number in range(len(action_names))], dtype=pl.UInt32)
    return (
        entries.with_row_index("position")
        .with_columns(actions=bit_of_action.gather(entries["action"].to_physical()))
        .group_by("user_id", "entity_id", "period")
        .agg(pl.col("actions").sum(), pl.col("count").sum(), pl.col("position").min())
        .with_columns(
            time=pl.col("period").to_physical().cast(pl.UInt32) * (1 << len(action_names)) + pl.col("actions")
        )
        .sort("user_id", "entity_id", "position")
    )


def _time_tokens(occurrences: pl.DataFrame, action_names: list[str], counter: TokenCounter) -> pl.Series:
    """Tokens of each occurrence's ``period (actions)`` at its place among the times of its entity's line."""
    distinct = occurrences.select("time", "period", "actions").unique()
    named = [
        ", ".join(name for bit, name in enumerate(action_names) if actions >> bit & 1)
        for actions in distinct["actions"].to_list()
    ]
    shown = distinct.select("time", shown=pl.format("{} ({})", "period", pl.Series(named, dtype=pl.String)))
    lengths = shown.select(
        "time",
        *(counter.of_column(shown, pl.format(form, "shown")).alias(place) for place, form in TIME_FORMS.items()),
    )
    item = pl.struct("user_id", "entity_id")
    is_first, is_last = item.ne_missing(item.shift(1)), item.ne_missing(item.shift(-1))
    at_its_place = (
        pl.when(is_first & is_last).then("alone").when(is_first).then("first").when(is_last).then("last")
    ).otherwise("between")
    measured = occurrences.join(lengths, on="time", how="left", maintain_order="left")
    return measured.select(at_its_place).to_series()


def _text_tokens(texts: pl.DataFrame, counter: TokenCounter) -> pl.DataFrame:
    """Tokens of each entity's text at the end of a line, and before the next one."""
    return texts.select(
        "entity_id",
        at_end=counter.of_column(texts, pl.format(" {}", "text")),
        before_more=counter.of_column(texts, pl.format(" {};", "text")),
    )


def _item_tokens(items: pl.DataFrame, place: str, times_tokens: pl.Series) -> pl.Series:
    """Tokens of each item at its place in a line: its text, and `` xN`` if it was acted on several times.

    Args:
        items: with the columns of ``_text_tokens``.
        place: which of these.
        times_tokens: of `` xN`` at that place.
    """
    several = pl.col("count") > 1
    return items.select(pl.when(several).then(pl.col("at_end") + times_tokens).otherwise(pl.col(place))).to_series()


def of_hybrid(entries: pl.DataFrame, counter: TokenCounter) -> pl.DataFrame:
    """Tokens and slots of what ``representation.hybrid.render_history`` gives, by user: user_id, tokens_hybrid.

    A line is ``2017-11-01 (purchase) |`` and a slot an entity.

    Args:
        entries: as for aggregated text.
        counter: of the model's tokens.
    """
    lines = entries.group_by("user_id", "period", "action", maintain_order=True).len(name="slots")
    is_first = pl.col("user_id").ne_missing(pl.col("user_id").shift(1))
    line_break = pl.when(is_first).then(pl.lit("")).otherwise(pl.lit("\n"))
    text = pl.format("{}{} ({}) |", line_break, "period", "action")
    return (
        lines.with_columns(text_tokens=counter.of_column(lines, text))
        .group_by("user_id")
        .agg(tokens_hybrid=(pl.col("text_tokens").sum() + pl.col("slots").sum()).cast(pl.Int32))
    )


def of_full_text(history: pl.DataFrame, texts: pl.DataFrame, day: str, counter: TokenCounter) -> pl.DataFrame:
    """Tokens with one line an event, by user: user_id, tokens_full_text.

    A line is ``2017-10-03 purchase: milk`` with its line break.

    Args:
        history: user_id, action, entity_id, count.
        texts: entity_id, text.
        day: any (YYYY-MM-DD), whose tokens stand for those of all.
        counter: of the model's tokens.
    """
    action_names = assembly.texts_of(history["action"])
    starts = pl.Series([counter.of(f"{day} {action}:") for action in action_names], dtype=pl.Int32)
    ends = texts.select("entity_id", end=counter.of_column(texts, pl.format(" {}", "text")) + counter.of("\n"))
    line = pl.col("start") + pl.col("end")
    return (
        history.with_columns(start=starts.gather(history["action"].to_physical()))
        .join(ends, on="entity_id")
        .group_by("user_id")
        .agg(tokens_full_text=(line * pl.col("count")).sum().cast(pl.Int32))
    )

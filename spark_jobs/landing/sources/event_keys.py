"""What tells an event from all others, where the description says so: then it lands once, however often it comes."""

from __future__ import annotations

import polars as pl

from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.description import EVENT, Behaviors
from spark_jobs.landing.sources.paths import EACH

_BETWEEN = "\x1f"


def event_keys(named: pl.DataFrame, behaviors: Behaviors) -> pl.Series:
    """The key of each row's event; null where the log has none, or the row's is no id (``undefined``).

    The elements of one event's list are rows of their own, so what they differ in is part of their key.

    Args:
        named: the columns of ``BehaviorColumns.named`` as text.
    """
    ours = [f"{EVENT} {number}" for number in range(len(behaviors.columns.of_event))]
    if not ours:
        return pl.Series([None] * named.height, dtype=pl.String)
    texts = named.with_columns(pl.col(name).cast(pl.String) for name in named.columns)
    ids = [identity.canonical(name) for name in ours]
    known = pl.all_horizontal(one.is_not_null() for one in ids)
    if len(ours) == 1:
        known &= ~ids[0].str.to_lowercase().is_in(sorted(identity.ANONYMOUS))
    of_elements = [name for name, theirs in behaviors.columns.named().items() if EACH in theirs and name not in ours]
    parts = [*ids, *(pl.col(name).fill_null("") for name in of_elements)]
    return texts.select(pl.when(known).then(pl.concat_str(parts, separator=_BETWEEN)).alias(EVENT))[EVENT]

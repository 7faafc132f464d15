"""holdout: what held-out users bought next, frozen before anything is trained (lake/registry/splits.py)."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, Column, Table

CATEGORIES = pa.list_(pa.field("item", pa.string(), False))

TABLE = Table(
    name="holdout",
    meaning="One held-out user's outcomes after one evaluation day; written once, never trained on.",
    columns=(
        Column("day", DAY.type, "Last day of the history, as YYYY-MM-DD; outcomes begin the day after, 00:00 UTC."),
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("outcomes_until", pa.string(), "The day at whose 00:00 UTC the outcomes end, itself excluded."),
        Column("history_events", pa.int32(), "Reliable behaviors in the days of history."),
        Column("active_days", pa.int32(), "Days with any of them."),
        Column("categories", CATEGORIES, "Categories bought in the outcome window, sorted."),
        Column("new_categories", CATEGORIES, "Those of them that are not in the history, sorted."),
        Column("next_categories", CATEGORIES, "Categories of the first purchase in the window (one moment), sorted."),
    ),
    key=("day", "user_id"),
    publication="insert",
)

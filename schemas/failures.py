"""failures: units of work that failed for good."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, Column, Table

TABLE = Table(
    name="failures",
    meaning="One unit of work that failed for good.",
    columns=(
        DAY,
        Column("step", pa.string(), "The step that failed on it."),
        Column("key", pa.string(), "The unit: a user id for inference, a user id and an item id for explanations."),
        Column("reason", pa.string(), "Why, in a sentence."),
        Column("attempts", pa.int32(), "How often it was tried."),
    ),
    key=("key",),
    partition_by=("day", "step"),
)

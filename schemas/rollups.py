"""rollups: one user's count of one action on one entity on one day."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, BatchRule, Column, Table

TABLE = Table(
    name="rollups",
    meaning="A user's count of one reliable action on one entity on that day; contexts are assembled from these.",
    columns=(
        DAY,
        Column("user_id", pa.string(), "Pseudonym of the user."),
        Column("action", pa.string(), "A reliable action."),
        Column("entity_id", pa.string(), "The entity acted on."),
        Column("count", pa.int32(), "Behaviors, not pieces."),
    ),
    key=("user_id", "action", "entity_id"),
    partition_by=("day",),
    batch_rules=(BatchRule("lost_behaviors", minimum=0, maximum=0, why="Every reliable behavior is counted once."),),
)

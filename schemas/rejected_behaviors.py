"""rejected_behaviors: rows of the log that could not be used, with the reason."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, Column, Table

TABLE = Table(
    name="rejected_behaviors",
    meaning="A row of the log that no behavior could be made of, and the rule it broke.",
    columns=(
        DAY,
        Column("rule", pa.string(), "Name of the first rule that the row broke."),
        Column("user_id", pa.string(), "Pseudonym of the user, where there was one.", nullable=True),
        Column(
            "row",
            pa.string(),
            "The row as JSON without the user, digests in place of what may be an id, at most 1,000 characters.",
        ),
        Column("copies", pa.int32(), "How many such rows."),
    ),
    key=("rule", "user_id", "row"),
    partition_by=("day",),
)

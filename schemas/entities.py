"""entities: one distinct text of an item, a query or a category."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

TABLE = Table(
    name="entities",
    meaning="One distinct normalized text; the unit that is embedded and that a prompt's slot stands for.",
    columns=(
        Column("entity_id", pa.string(), "Digest of kind and text."),
        Column("text", pa.string(), "Normalized text."),
        Column("kind", pa.string(), "item, query or category."),
        Column("category", pa.string(), "Leaf category; none for a query.", nullable=True),
        Column("category_path", pa.string(), "Path of the category; none for a query.", nullable=True),
    ),
    key=("entity_id",),
    publication="insert",
)

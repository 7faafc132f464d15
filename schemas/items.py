"""items: the catalog."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import BatchRule, Column, Table

TABLE = Table(
    name="items",
    meaning="An item with its category path.",
    columns=(
        Column("item_id", pa.string(), "The shop's item id."),
        Column("entity_id", pa.string(), "The entity that the item's text is."),
        Column("text", pa.string(), "Normalized text: what the model reads of the item."),
        Column("category", pa.string(), "Leaf of the category path."),
        Column("category_path", pa.string(), "From department to leaf, joined by ' > '."),
        Column("brand", pa.string(), "Brand, where the shop has one.", nullable=True),
    ),
    key=("item_id",),
    batch_rules=(
        BatchRule("rows", minimum=1, why="Without a catalog every behavior would be rejected."),
        BatchRule("duplicate_items", minimum=0, maximum=0, why="One row an item."),
    ),
)

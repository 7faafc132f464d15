"""entity_vectors: one entity's embedding, by embedder (PAPER 1.2: h = f_embed(x))."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

TABLE = Table(
    name="entity_vectors",
    meaning="One entity's embedding, computed once whatever the number of users or days.",
    columns=(
        Column("entity_id", pa.string(), "The entity."),
        Column("embedder", pa.string(), "Name and digest of the embedder's weights."),
        Column("vector", pa.list_(pa.float32()), "Embedding of unit length."),
    ),
    key=("entity_id", "embedder"),
    publication="insert",
)

"""Which entities a day's contexts show."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from schemas import contexts


def shown_entities(lake: Lake, day: str) -> pa.Array:
    """Ids of the entities that the contexts of a day show, each once."""
    nested = tables.read(lake, contexts.TABLE, day, columns=["periods"])["periods"]
    for level in ("actions", "entities"):
        nested = pc.struct_field(pc.list_flatten(nested), level)
    return pc.unique(pc.struct_field(pc.list_flatten(nested), "entity_id"))

"""Which entities a day's contexts show, and which of them stand for the catalog."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from schemas import contexts

# Items by which a catalog is told from another one.
SAMPLE = 1_000


def shown_entities(lake: Lake, day: str, users: Sequence[str] | None = None) -> pa.Array:
    """Ids of the entities that the contexts of a day show, each once.

    Args:
        users: whose contexts (default: everybody's).
    """
    chosen = [] if users is None else [("user_id", "in", list(users))]
    nested = tables.read(lake, contexts.TABLE, day, columns=["periods"], filters=chosen)["periods"]
    for level in ("actions", "entities"):
        nested = pc.struct_field(pc.list_flatten(nested), level)
    return pc.unique(pc.struct_field(pc.list_flatten(nested), "entity_id"))


def sampled_entities(lake: Lake, day: str) -> list[str]:
    """Ids of entities that stand for the day's catalog, sorted; of queries too, so that there are items enough.

    Ids are digests, so the lowest ones are a fair sample, the same in every shard.
    """
    shown: list[str] = sorted(shown_entities(lake, day).to_pylist())
    return shown[: 2 * SAMPLE]

"""What stands in a prompt's slots: one vector an entity, made once a run, copied into prompts beside the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from model_steps.embedding.adaptor import Adaptor
from model_steps.embedding.embedder import Vectors
from runtime.errors import DataError, SourceMissing
from schemas import entity_vectors


class EntitySlots:
    """The adapted vectors of some entities.

    Args:
        z: a row of d_LLM for each of the ids, in their order.

    Raises:
        DataError: a row is not finite.
    """

    def __init__(self, ids: Sequence[str], z: Vectors) -> None:
        if len(bad := np.flatnonzero(~np.isfinite(z).all(axis=1))):
            raise DataError(
                f"{len(bad)} entities have vectors that are not finite, {ids[int(bad[0])]} first: embed them again."
            )
        self._row = {entity: row for row, entity in enumerate(ids)}
        self._z = z

    @classmethod
    def empty(cls, width: int) -> EntitySlots:
        """No entities yet, for an engine that gets them later."""
        return cls([], np.zeros((0, width), np.float32))

    @property
    def width(self) -> int:
        return int(self._z.shape[1])

    def of(self, ids: Sequence[str]) -> Vectors:
        """A row for each id, in their order.

        Raises:
            SourceMissing: one has no vector.
        """
        try:
            return self._z[[self._row[entity] for entity in ids]]
        except KeyError as error:
            raise SourceMissing(
                f"The entity {error.args[0]} has no vector: run `python -m model_steps.embed --day DAY` first."
            ) from None


def read_slots(lake: Lake, adaptor: Adaptor, ids: Sequence[str]) -> EntitySlots:
    """Embeddings of entities from the lake, through the adaptor.

    Args:
        lake: has the embeddings.
        adaptor: projects them.
        ids: of the entities; one that comes twice is read once.

    Raises:
        SourceMissing: some were not embedded. DataError: an embedding has another width than the adaptor wants.
    """
    there, embeddings = read_embeddings(lake, adaptor.embedder, ids)
    if not there:
        return EntitySlots.empty(len(adaptor.b2))
    if embeddings.shape[1] != adaptor.w1.shape[1]:
        raise DataError(f"Embeddings of {adaptor.embedder} are not {adaptor.w1.shape[1]} wide, as the adaptor wants.")
    return EntitySlots(there, adaptor(embeddings))


def read_embeddings(lake: Lake, embedder: str, ids: Sequence[str]) -> tuple[list[str], Vectors]:
    """Embeddings of entities from the lake: their ids in the table's order, and a row of d_emb for each.

    Raises:
        SourceMissing: some were not embedded. DataError: they are of different widths.
    """
    wanted = sorted(set(ids))
    filters = [("embedder", "=", embedder), ("entity_id", "in", wanted)]
    rows = tables.read(lake, entity_vectors.TABLE, columns=["entity_id", "vector"], filters=filters) if wanted else None
    if rows is None:
        return [], np.zeros((0, 0), np.float32)
    there = rows["entity_id"].to_pylist()
    if missing := set(wanted) - set(there):
        raise SourceMissing(
            f"{len(missing)} of {len(wanted)} entities have no vector of {embedder}, {min(missing)} first: run "
            "`python -m model_steps.embed --day DAY` first."
        )
    if len(widths := pc.list_value_length(rows["vector"]).unique()) != 1:
        raise DataError(f"Embeddings of {embedder} are {' and '.join(map(str, widths.to_pylist()))} wide: embed again.")
    return there, rows["vector"].combine_chunks().flatten().to_numpy().reshape(len(there), -1)

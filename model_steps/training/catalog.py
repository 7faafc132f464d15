"""What the adaptor learns from: described and embedded entities, and users of the train split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lake.delta import tables
from lake.registry.splits import Split, SplitRule, TrainingWindow, next_day
from lake.store.location import Lake
from model_steps.agents import population
from model_steps.agents.data_text import delimit
from model_steps.agents.eligible import eligible
from model_steps.embedding.embedder import Vectors
from model_steps.training.questions import Described
from runtime.errors import SourceMissing
from schemas import entities, entity_vectors, items
from settings import Settings


@dataclass(frozen=True)
class Catalog:
    """Item entities, sorted by id: what is said of them, and their embeddings (rows of d_emb)."""

    described: Sequence[Described]
    embeddings: Vectors

    def rows(self, rule: SplitRule, split: Split) -> list[int]:
        """Rows of the entities of a split."""
        return [row for row, one in enumerate(self.described) if rule.entity_split_of(one.entity_id) == split]


def read_catalog(lake: Lake, embedder: str) -> Catalog:
    """Every embedded item entity.

    Raises:
        SourceMissing: none is embedded.
    """
    columns = ["entity_id", "text", "category_path"]
    known = tables.read(lake, entities.TABLE, columns=columns, filters=[("kind", "=", "item")]).to_pylist()
    sold = tables.read(lake, items.TABLE, columns=["entity_id", "brand"]).to_pylist()
    brands = {row["entity_id"]: row["brand"] for row in sold}
    found = tables.read(
        lake, entity_vectors.TABLE, columns=["entity_id", "vector"], filters=[("embedder", "=", embedder)]
    )
    number = {entity: row for row, entity in enumerate(found["entity_id"].to_pylist())}
    described = [
        Described(row["entity_id"], delimit(row["text"]), row["category_path"] or "", brands.get(row["entity_id"]))
        for row in sorted(known, key=lambda row: str(row["entity_id"]))
        if row["entity_id"] in number
    ]
    if not described:
        raise SourceMissing(f"No item has a vector of {embedder} in {lake.root}: run `python -m model_steps.embed`.")
    vectors = found["vector"].combine_chunks().flatten().to_numpy().reshape(found.num_rows, -1)
    return Catalog(described, np.ascontiguousarray(vectors[[number[one.entity_id] for one in described]]))


def train_users(lake: Lake, day: str, settings: Settings, rule: SplitRule) -> list[str]:
    """Users of the train split whose histories are learnt from, drawn by a stable hash.

    Raises:
        DataError: the day's histories touch the holdout. SourceMissing: the day has no contexts.
    """
    if not settings.adaptor.alignment_users:
        return []
    everybody = eligible(lake, day, settings.inference, 0)
    own = [user for user in everybody if rule.split_of(user) == "train"]
    chosen = population.draw(own, settings.adaptor.alignment_users)
    rule.refuse_leaks(TrainingWindow(user, day, next_day(day)) for user in chosen)
    return chosen

"""What explanations read from the lake: the users of a day with their tags, and the shop around them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents.inputs import read_contexts
from model_steps.embedding.embedder import Embedder, Vectors
from model_steps.explaining.candidates import Shelf, Tag
from model_steps.explaining.explainer import Customer, Shop
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import Lexicon
from model_steps.explaining.surroundings import Surroundings
from runtime.errors import SourceMissing
from schemas import entity_vectors, items, signals

COLUMNS = ("item_id", "entity_id", "text", "category", "category_path", "brand")


def customers_of(lake: Lake, day: str, intents: Sequence[Mapping[str, Any]]) -> list[Customer]:
    """The users of rows of ``intents`` with their contexts and tags, sorted by user.

    Args:
        intents: user_id, rank, tag, category and persona of each row, published or just inferred.
    """
    tags: dict[str, list[Tag]] = {}
    for row in intents:
        tag = Tag(row["rank"], row["tag"], row["category"], row["persona"])
        tags.setdefault(row["user_id"], []).append(tag)
    users = sorted(tags)
    return [Customer(context, tuple(tags[context.user_id])) for context in read_contexts(lake, day, users)]


def read_shop(lake: Lake, day: str, embedder: Embedder, categories: Collection[str]) -> Shop:
    """The shop of a day for tags of some categories.

    Texts without a vector, which nobody has in a context, are embedded when their category is looked at, and kept by
    nobody.

    Raises:
        SourceMissing: there is no catalog.
    """
    catalog = tables.read(lake, items.TABLE, columns=list(COLUMNS))
    if not catalog.num_rows:
        raise SourceMissing(f"The table items is empty in {lake.root}: land a day first.")
    paths, brands = (pc.unique(catalog[name]).to_pylist() for name in ("category_path", "brand"))
    wanted = catalog.filter(pc.is_in(catalog["category"], pa.array(sorted(categories), pa.string())))
    found = [Item(**row) for row in wanted.to_pylist()]
    return Shop(
        day=day,
        shelf=Shelf(found, _vectors(lake, embedder, found)),
        lexicon=Lexicon.of(paths, [brand for brand in brands if brand]),
        surroundings=Surroundings.of(tables.read(lake, signals.TABLE, day).to_pylist()),
    )


def read_items(lake: Lake, item_ids: Collection[str]) -> dict[str, Item]:
    """Items of the catalog by id; one that is not in it is missing."""
    rows = tables.read(lake, items.TABLE, columns=list(COLUMNS), filters=[("item_id", "in", list(item_ids))])
    return {row["item_id"]: Item(**row) for row in rows.to_pylist()}


def _vectors(lake: Lake, embedder: Embedder, found: Sequence[Item]) -> Callable[[Sequence[Item]], dict[str, Vectors]]:
    """Gives the vectors of items: those that are kept, read at once, and others as they are asked for."""
    wanted = sorted({item.entity_id for item in found})
    filters = [("embedder", "=", embedder.name), ("entity_id", "in", wanted)]
    rows = tables.read(lake, entity_vectors.TABLE, columns=["entity_id", "vector"], filters=filters)
    kept: dict[str, Vectors] = {}
    # Of no rows nobody knows how long a vector is.
    if rows.num_rows:
        flat = rows["vector"].combine_chunks().flatten().to_numpy().reshape(rows.num_rows, -1)
        kept = dict(zip(rows["entity_id"].to_pylist(), flat, strict=True))

    def vectors_of(of_category: Sequence[Item]) -> dict[str, Vectors]:
        texts = {item.entity_id: item.text for item in of_category}
        missing = sorted(texts.keys() - kept.keys())
        found: dict[str, Vectors] = {entity: kept[entity] for entity in texts if entity in kept}
        if missing:
            found |= dict(zip(missing, embedder.embed([texts[entity] for entity in missing]), strict=True))
        return found

    return vectors_of

"""Which items are chosen for a user's tags: the nearest of the tag's category that were not bought lately.

A tag's category parts the catalog, so a search looks at one category's items and at nothing else: that is the index.
Within it every vector is looked at: 200,000 of 384 numbers take one thread about 0.05 s, and a category of more is no
category. Pure functions.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from model_steps.embedding.embedder import Vectors
from model_steps.explaining.item import Item
from representation.context import Context

PURCHASE = "purchase"
# Beyond it a cosine depends on which texts shared a batch.
DIGITS = 4


@dataclass(frozen=True)
class Tag:
    """A tag of a user, as ``intents`` has it."""

    rank: int
    text: str
    category: str
    persona: str


@dataclass(frozen=True)
class Candidate:
    """An item that was chosen for a tag.

    Args:
        similarity: cosine of the tag and the item's text.
    """

    tag: Tag
    item: Item
    similarity: float


class Shelf:
    """The items of some categories, one a distinct text: of several with one text the smallest item id.

    What gets no captions (``Item.is_explained``) and what has no vector is left out.

    Args:
        items: in any order.
        vectors: of the distinct texts of a category's items, by entity, of unit length. They are asked for when the
            category is, all together: so they depend on nothing else that is asked for.
    """

    def __init__(self, items: Iterable[Item], vectors: Callable[[Sequence[Item]], Mapping[str, Vectors]]) -> None:
        by_category: dict[str, dict[str, Item]] = {}
        for item in sorted(items, key=lambda one: (len(one.item_id), one.item_id)):
            if item.is_explained:
                by_category.setdefault(item.category, {}).setdefault(item.entity_id, item)
        self._items = {
            category: [by_text[entity] for entity in sorted(by_text)] for category, by_text in by_category.items()
        }
        self._vectors_of = vectors
        self._known: dict[str, tuple[list[Item], Vectors]] = {}

    def _with_vectors(self, category: str) -> tuple[list[Item], Vectors]:
        if category not in self._known:
            items = self._items.get(category, [])
            vectors = self._vectors_of(items) if items else {}
            found = [item for item in items if item.entity_id in vectors]
            self._known[category] = found, np.array([vectors[item.entity_id] for item in found])
        return self._known[category]

    def nearest(self, category: str, tag: Vectors) -> list[tuple[Item, float]]:
        """A category's items with their cosines, the nearest to a vector first, among equals the smaller entity id."""
        items, vectors = self._with_vectors(category)
        if not items:
            return []
        cosines = np.round(vectors @ tag, DIGITS)
        order = np.argsort(-cosines, kind="stable")
        return [(items[int(row)], float(cosines[row])) for row in order]


def bought_lately(context: Context, day: str, days: int) -> frozenset[str]:
    """Entities that a user bought in the last so many days, the day itself among them.

    Of a period that is a month nobody knows the day, so a month counts whole as long as its last day is within.

    Args:
        day: the last one of the history. days: 0: none.
    """
    if not days:
        return frozenset()
    oldest = (date.fromisoformat(day) - timedelta(days=days - 1)).isoformat()
    return frozenset(
        entry.entity_id
        for period in context.periods
        if _last_day(period.name) >= oldest
        for group in period.actions
        if group.action == PURCHASE
        for entry in group.entities
    )


def _last_day(period: str) -> str:
    if len(period) > len("YYYY-MM"):
        return period
    year, month = map(int, period.split("-"))
    return f"{period}-{monthrange(year, month)[1]:02d}"


def candidates(
    tags: Sequence[Tag],
    vectors: Mapping[str, Vectors],
    shelf: Shelf,
    barred: frozenset[str],
    most_tags: int,
    items_per_tag: int,
) -> list[Candidate]:
    """The items of a user's best tags. A tag whose category has none left gives way to the next one.

    Args:
        tags: the best first. vectors: of the tags' texts, of unit length. barred: entities that are not chosen.
    """
    chosen: list[Candidate] = []
    taken = set(barred)
    served = 0
    for tag in sorted(tags, key=lambda one: one.rank):
        if served == most_tags:
            break
        found = [
            Candidate(tag, item, cosine)
            for item, cosine in shelf.nearest(tag.category, vectors[tag.text])
            if item.entity_id not in taken
        ][:items_per_tag]
        taken.update(candidate.item.entity_id for candidate in found)
        chosen += found
        served += bool(found)
    return chosen

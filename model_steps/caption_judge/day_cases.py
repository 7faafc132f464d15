"""Captions of a day, published or just written, as their judge sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents.inputs import read_contexts
from model_steps.caption_judge.case import CaptionCase, Reader
from model_steps.caption_judge.drawing import interests_of, kept_interests
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import Lexicon
from model_steps.explaining.reading import read_items
from model_steps.explaining.segments import knows
from model_steps.explaining.surroundings import Surroundings
from representation.context import Context
from runtime.errors import SourceMissing
from schemas import items, signals

Row = Mapping[str, Any]


def day_cases(lake: Lake, day: str, captions: Sequence[Row], intents: Iterable[Row]) -> list[CaptionCase]:
    """The cases of rows of ``explanations``, in their order.

    Args:
        lake: has the catalog, and the day's contexts and signals. intents: rows of ``intents`` of the same users.

    Raises:
        SourceMissing: an item is not in the catalog.
    """
    wanted = tags_of(intents)
    users = sorted({row["user_id"] for row in captions})
    people = dict(zip(users, read_contexts(lake, day, users), strict=True))
    catalog = read_items(lake, sorted({row["item_id"] for row in captions}))
    if gone := sorted({row["item_id"] for row in captions} - catalog.keys()):
        raise SourceMissing(
            f"{len(gone)} explained items of {day} are not in the table items of {lake.root}, {gone[0]} first: land "
            "the catalog again, and refresh the day."
        )
    around = Surroundings.of(tables.read(lake, signals.TABLE, day).to_pylist())
    return [
        case_of(day, row, catalog[row["item_id"]], people[row["user_id"]], wanted.get(row["user_id"], ()), around)
        for row in captions
    ]


def case_of(
    day: str, row: Row, item: Item, context: Context, tags: Sequence[str], surroundings: Surroundings
) -> CaptionCase:
    """One caption with what it was written for.

    Args:
        row: of ``explanations``. context: of its user. tags: categories of the user's tags, the best first; they come
            before those of the context.
    """
    interests = tuple(dict.fromkeys([*tags, *interests_of(context)]))
    reader = Reader(
        context.user_id, knows(context, item.category), kept_interests(interests, item.category), context.attributes
    )
    return CaptionCase(day, row["caption"], item, reader, surroundings, row["style"])


def tags_of(intents: Iterable[Row]) -> dict[str, list[str]]:
    """The categories of each user's tags, the best first."""
    found: dict[str, list[str]] = {}
    for row in sorted(intents, key=lambda one: (one["user_id"], one["rank"])):
        found.setdefault(row["user_id"], []).append(row["category"])
    return found


def read_lexicon(lake: Lake) -> Lexicon:
    """The lexicon of the catalog.

    Raises:
        SourceMissing: there is no catalog.
    """
    catalog = tables.read(lake, items.TABLE, columns=["category_path", "brand"])
    if not catalog.num_rows:
        raise SourceMissing(f"The table items is empty in {lake.root}: land a day first.")
    paths, brands = (pc.unique(catalog[name]).to_pylist() for name in ("category_path", "brand"))
    return Lexicon.of(paths, [brand for brand in brands if brand])

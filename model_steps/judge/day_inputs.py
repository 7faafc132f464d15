"""What judging reads of a day from the lake: the shop as evaluators see it, and intents as cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents import inputs, ranked_inputs
from model_steps.agents.evidence import label_of
from model_steps.agents.words import Categories
from model_steps.judge.case import Case, Customer, tag_case
from model_steps.judge.guard import flags
from model_steps.judge.judging import Guard
from model_steps.judge.shop import CatalogTexts, Shop, levels_of
from model_steps.judge.vocabulary import Vocabulary
from schemas import contexts, entities
from settings import InferenceSettings

# Customers whose evidence tells how popular a category is. Files hold users by their pseudonyms, so the first are any.
POPULARITY_CUSTOMERS = 2_000


def read_texts(lake: Lake) -> CatalogTexts:
    """The texts of the catalog's categories and items."""
    rows = tables.read(lake, entities.TABLE, columns=["text"], filters=[("kind", "in", ["category", "item"])])
    return CatalogTexts(rows["text"].to_pylist())


def read_buyers(lake: Lake, day: str) -> dict[str, float]:
    """Share of the day's customers whose evidence holds a category, by category; to three places."""
    rows, _ = tables.sample(lake, contexts.TABLE, POPULARITY_CUSTOMERS, day)
    evidence = rows["evidence"].to_pylist()
    counts = Counter(one["category"] for own in evidence for one in own or ())
    return {category: round(count / len(evidence), 3) for category, count in sorted(counts.items())}


def shop_of(categories: Categories, texts: CatalogTexts, buyers: Mapping[str, float]) -> Shop:
    """The shop as evaluators see it."""
    catalog = ranked_inputs.catalog_of(categories)
    paths = tuple(levels_of(path, label) for path, label in zip(categories.paths, catalog.labels, strict=True))
    return Shop(catalog, paths, texts, buyers)


def read_cases(lake: Lake, day: str, outputs: Sequence[Mapping[str, Any]], shop: Shop) -> list[Case]:
    """Cases of a day's intents, in their order, with what was known of the customers at the end of the day.

    Args:
        outputs: rows of ``intents`` of the day.

    Raises:
        SourceMissing: the contexts hold no evidence of this catalog.
    """
    users = sorted({row["user_id"] for row in outputs})
    people = inputs.read_contexts(lake, day, users) if users else []
    ranked_inputs.refuse_missing_evidence(people, shop.catalog, day)
    season = ranked_inputs.season_text(lake, day)
    customers = {
        person.user_id: Customer(
            person.user_id, day, person.attributes, tuple(shop.catalog.evidence_of(person.evidence or ())), season
        )
        for person in people
    }
    return [
        tag_case(customers[row["user_id"]], row["tag"], row["category"], row["persona"], row["why"], row["release"])
        for row in outputs
    ]


def guard_of(shop: Shop, inference: InferenceSettings) -> Guard | None:
    """What notices that an output is none that this shop publishes; none where experts may use any letters."""
    if inference.asking == "written" and not inference.word_categories:
        return None
    levels = (level for path in shop.paths for level in path)
    above = (path[-2] if len(path) > 1 else None for path in shop.paths)
    written = map(label_of, shop.catalog.names, above)
    vocabulary = Vocabulary.of([*shop.catalog.labels, *shop.catalog.parents, *levels, *written])
    return partial(flags, vocabulary=vocabulary, maximum_why=inference.maximum_why)
